"""`hedgehog topics` on the real broker: where nothing is there, where all is, and on an older installation."""

import time

import pytest

from infra.config import Config
from schemas.broker import create_topics, delete_topics
from schemas.topics import INSTRUMENTS, TOPICS
from tests.e2e.test_cli_commands import PARTITIONS, data, run, set_environment


def test_topics_are_created_once_and_listed(stack: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    config = stack.model_copy(update={"topic_prefix": f"cli-new-{time.time_ns()}-", "partitions": PARTITIONS})
    set_environment(config, monkeypatch)
    assert {row["state"] for row in data("topics list")} == {"missing"}
    result = run("settings show")
    assert (result.exit_code, "hedgehog topics create" in result.stderr) == (3, True)
    created = data("topics create")
    try:
        assert [row["topic"] for row in created] == [topic.full_name(config) for topic in TOPICS.values()]
        assert data("topics create") == []
        assert {(row["state"], row["partitions"]) for row in data("topics list")} == {("ok", PARTITIONS)}
    finally:
        delete_topics(config)


def test_topics_of_an_older_installation_name_the_upgrade(stack: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    config = stack.model_copy(update={"topic_prefix": f"cli-old-{time.time_ns()}-", "partitions": PARTITIONS})
    set_environment(config, monkeypatch)
    create_topics(config, [topic for topic in TOPICS.values() if topic is not INSTRUMENTS])
    try:
        result = run("topics create")
        assert result.stdout.split()[2:] == [INSTRUMENTS.full_name(config), "created"]
        assert "next: make infra-up, before anything else is started" in result.stderr
    finally:
        delete_topics(config)
