"""What a worker says that cannot start, or not go on."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config
from infra.errors import Unreachable
from schemas.broker import TopicError
from streams import worker
from streams.agents import AGENTS
from streams.agents.agent import Environment

WITHIN_S = 60


def test_a_broker_that_is_down_is_one_clear_line(tmp_path: Path) -> None:
    nowhere = {"HEDGEHOG_KAFKA_BOOTSTRAP": "127.0.0.1:1", "HEDGEHOG_DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "faust", "-A", "streams", "worker", "--without-web", "-l", "warn"],
        env={**os.environ, **nowhere},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert ended.returncode == 1
    assert "hedgehog: no Kafka broker answers at 127.0.0.1:1: " in ended.stdout
    assert "Traceback" not in ended.stdout


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"trades": "a", "orders": "b"}, None),
        ({"trades": "a"}, "topics were changed while it ran; deleted: orders"),
        ({"trades": "x", "orders": "b"}, "topics were changed while it ran; made anew: trades"),
        ({"orders": "x"}, "topics were changed while it ran; deleted: trades; made anew: orders"),
        (Unreachable("no Kafka broker answers"), None),
    ],
)
def test_topics_that_are_not_those_any_more(now: Any, said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def topic_ids(_: Config, names: Any, __: float) -> dict[str, str]:
        assert set(names) == {"trades", "orders"}
        if isinstance(now, Exception):
            raise now
        return dict(now)

    monkeypatch.setattr(worker, "topic_ids", topic_ids)
    environment = Environment(Config(), {}, {"trades": "a", "orders": "b"})
    if said is None:
        return worker._assert_same_topics(environment)
    with pytest.raises(TopicError) as raised:
        worker._assert_same_topics(environment)
    assert str(raised.value) == said


OLD, NEW = ("trades", 3), ("orders", 3)


@pytest.mark.parametrize(
    ("found", "joined", "wanted"),
    [
        ({}, False, None),
        ({"hedgehog": {OLD: 7, NEW: 8}}, False, None),
        ({"hedgehog": {OLD: -1, NEW: 8}}, False, {OLD: 0, NEW: 8}),
        ({"hedgehog": {OLD: 7, NEW: 8}}, True, None),
        (
            {"hedgehog": {OLD: -1, NEW: 8}},
            True,
            "topics were made anew, and workers that began before still run: trades",
        ),
        (
            {"hedgehog:trading": {OLD: 9}, "hedgehog:market": {OLD: 8}, "hedgehog:exchange": {OLD: 7, NEW: 5}},
            False,
            {OLD: 7, NEW: 5},
        ),
        ({"hedgehog:trading": {OLD: -1}, "hedgehog:exchange": {OLD: 7, NEW: 5}}, False, {NEW: 5}),
    ],
)
def test_where_a_group_goes_on(found: Any, joined: bool, wanted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """-1 was committed in a topic that was made anew since."""
    committed: list[Any] = []
    config = Config(topic_prefix="")
    monkeypatch.setattr(worker, "admin", lambda _: None)
    monkeypatch.setattr(worker, "worker_groups", lambda *_: dict.fromkeys(found, joined))
    monkeypatch.setattr(worker, "committed", lambda *_: found)
    monkeypatch.setattr(worker, "go_on_from", lambda _, group, offsets, ids: committed.append((group, offsets, ids)))
    environment = Environment(config, {}, {"trades": "a"})
    if isinstance(wanted, str):
        with pytest.raises(TopicError, match=wanted):
            worker._take_over(environment, AGENTS)
    else:
        worker._take_over(environment, AGENTS)
    moved = isinstance(wanted, dict)
    assert committed == ([("hedgehog", wanted, {"trades": "a"})] if moved else [])
