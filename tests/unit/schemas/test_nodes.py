"""Topics that were created are there once every broker shows them: each is asked, until it does."""

from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from infra.config import Config
from infra.errors import Unreachable
from schemas import nodes
from schemas.broker import shown_by_all
from schemas.nodes import ask

UNKNOWN, FORBIDDEN = UnknownTopicOrPartitionError.errno, TopicAuthorizationFailedError.errno


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[Any]]:
    """What each broker answers of the topic `orders`, one after the other: a code, or an exception that is raised."""
    answers: dict[int, list[Any]] = {}

    class Client:
        def __init__(self, **_: Any) -> None:
            there = [SimpleNamespace(nodeId=number) for number in answers]
            self.cluster = SimpleNamespace(brokers=lambda: there)

        async def bootstrap(self) -> None:
            pass

        async def close(self) -> None:
            pass

        async def send(self, number: int, _request: Any) -> Any:
            answer = answers[number].pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return SimpleNamespace(topics=[(0, "trades", False, []), (answer, "orders", False, [])])

    monkeypatch.setattr(nodes, "AIOKafkaClient", Client)
    monkeypatch.setattr(nodes, "AGAIN_S", 0.0)
    return answers


def wait(timeout_s: float = 5.0) -> None:
    def shown(found: nodes.Nodes) -> Awaitable[None]:
        return shown_by_all(["trades", "orders"], found)

    ask(Config(), shown, timeout_s)


def test_every_broker_is_asked_until_it_shows_them(brokers: dict[int, list[Any]]) -> None:
    brokers |= {1: [0], 2: [UNKNOWN, UNKNOWN, 0], 3: [UNKNOWN, 0]}
    wait()
    assert brokers == {1: [], 2: [], 3: []}


def test_one_that_is_away_is_not_waited_for(brokers: dict[int, list[Any]]) -> None:
    brokers |= {1: [KafkaConnectionError("connection refused")], 2: [UNKNOWN, 0]}
    wait()
    assert brokers == {1: [], 2: []}


def test_what_is_refused_is_told(brokers: dict[int, list[Any]]) -> None:
    brokers |= {1: [FORBIDDEN]}
    with pytest.raises(Unreachable, match=r"refuses to say: .*TopicAuthorizationFailed"):
        wait()


def test_one_that_never_shows_them_is_told(brokers: dict[int, list[Any]]) -> None:
    brokers |= {1: [UNKNOWN] * 1_000_000}
    with pytest.raises(Unreachable, match=r"within 0\.1 s: .*UnknownTopicOrPartition"):
        wait(0.1)
