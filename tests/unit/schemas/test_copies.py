"""What `doctor` and `status` say where brokers and copies are not those that were asked for."""

import os
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from infra.config import Config
from infra.errors import Unreachable
from schemas import copies
from schemas.broker import MIN_INSYNC, TopicError, create_topics
from schemas.copies import Copies, Found, differences, found_copies


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEDGEHOG_")]:
        monkeypatch.delenv(name)


def config(folder: Path, **values: object) -> Config:
    return Config(**{"_env_file": None, "data_dir": folder, "brokers": 3, **values})  # type: ignore[arg-type]


def topic(name: str = "trades", copies: int = 3, min_insync: int = 2, behind: int = 0, leaderless: int = 0) -> Copies:
    return Copies(name, copies, min_insync, behind, leaderless)


@pytest.mark.parametrize(
    ("brokers", "topics", "said"),
    [
        (3, [topic(), topic("__consumer_offsets")], []),
        (2, [topic()], ["2 of 3 brokers answer"]),
        (4, [], ["4 of 3 brokers answer"]),
        (3, [topic(copies=1, min_insync=1)], ["trades: 1 copies, and 3 are asked for"]),
        (3, [topic(min_insync=1)], ["trades: min.insync.replicas=1, and 2 is asked for"]),
        (
            2,
            [topic(name, behind=12) for name in ("a", "b", "c", "d", "e")],
            ["2 of 3 brokers answer", "a, b, c and 2 more: partitions whose copies are not all in sync"],
        ),
        (
            3,
            [topic(behind=1, leaderless=1)],
            ["trades: partitions whose copies are not all in sync", "trades: partitions that nobody leads"],
        ),
    ],
)
def test_a_line_for_each_difference(tmp_path: Path, brokers: int, topics: list[Copies], said: list[str]) -> None:
    assert differences(config(tmp_path), Found(brokers, topics)) == said


def test_what_kafka_keeps_for_itself_follows_the_brokers_and_not_the_topics(tmp_path: Path) -> None:
    asked = config(tmp_path, replication=1)
    found = [topic(copies=1, min_insync=1), topic("connect-offsets")]
    assert differences(asked, Found(3, found)) == []
    lost = [topic("connect-offsets", copies=1, min_insync=1)]
    assert differences(asked, Found(3, lost)) == ["connect-offsets: 1 copies, and 3 are asked for"]


def test_of_brokers_of_somebody_else_there_have_to_be_enough(tmp_path: Path) -> None:
    asked = config(tmp_path, infra="external", kafka_bootstrap="b:1", replication=3, brokers=0)
    assert differences(asked, Found(7, [topic()])) == []
    assert differences(asked, Found(2, [])) == ["2 brokers answer, and every topic is to have 3 copies"]


def test_more_copies_in_sync_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TopicError, match=r"^HEDGEHOG_MIN_INSYNC_REPLICAS=3: every topic has 2 copies"):
        create_topics(config(tmp_path, replication=2, min_insync_replicas=3))


ERRORS = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._TIMED_OUT)


def answer(value: int) -> Future[Any]:
    future: Future[Any] = Future()
    if value in ERRORS:
        future.set_exception(KafkaException(KafkaError(value)))
    else:
        future.set_result({MIN_INSYNC: SimpleNamespace(value=str(value))})
    return future


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What is said of each topic: how many copies have to have a record, or the code of an error."""
    settings: dict[str, int] = {}
    partition = SimpleNamespace(replicas=[1, 2, 3], isrs=[1, 2, 3], leader=1)

    def describe(resources: list[Any], **_: Any) -> dict[Any, Future[Any]]:
        return {resource: answer(settings[resource.name]) for resource in resources}

    def metadata(**_: Any) -> Any:
        topics = dict.fromkeys(settings, SimpleNamespace(partitions={0: partition}))
        return SimpleNamespace(brokers={1: None, 2: None, 3: None}, topics=topics)

    monkeypatch.setattr(copies, "admin", lambda _: SimpleNamespace(list_topics=metadata, describe_configs=describe))
    return settings


def test_a_topic_that_goes_while_copies_are_counted_is_left_out(tmp_path: Path, asked: dict[str, int]) -> None:
    asked |= {"trades": 2, "orders": KafkaError.UNKNOWN_TOPIC_OR_PART}
    assert found_copies(config(tmp_path)) == Found(3, [topic()])


def test_a_broker_that_does_not_say_is_told(tmp_path: Path, asked: dict[str, int]) -> None:
    asked |= {"trades": 2, "orders": KafkaError._TIMED_OUT}
    with pytest.raises(Unreachable, match="no Kafka broker answers"):
        found_copies(config(tmp_path))
