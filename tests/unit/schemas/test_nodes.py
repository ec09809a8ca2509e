"""Topics that were created or deleted are so once every broker knows: each is asked, until it does."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.metadata import MetadataRequest

from infra.config import Config
from infra.errors import Unreachable
from schemas import nodes
from schemas.broker import known_to_all
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

        async def send(self, number: int, request: MetadataRequest) -> Any:
            answer = answers[number].pop(0)
            if isinstance(answer, BaseException):
                raise answer
            codes = {"trades": 0, "orders": answer}
            return SimpleNamespace(topics=[(codes[name], name, False, []) for name in request._topics or ()])

    monkeypatch.setattr(nodes, "AIOKafkaClient", Client)
    monkeypatch.setattr(nodes, "AGAIN_S", 0.0)
    return answers


def wait(there: bool = True, timeout_s: float = 5.0) -> None:
    names = ["trades", "orders"] if there else ["orders"]
    ask(Config(), partial(known_to_all, names, there), timeout_s)


def test_every_broker_is_asked_until_it_shows_them(brokers: dict[int, list[Any]]) -> None:
    brokers |= {1: [0], 2: [UNKNOWN, UNKNOWN, 0], 3: [UNKNOWN, 0]}
    wait()
    assert brokers == {1: [], 2: [], 3: []}


def test_every_broker_is_asked_until_it_shows_them_no_more(brokers: dict[int, list[Any]]) -> None:
    brokers |= {1: [UNKNOWN], 2: [0, 0, UNKNOWN]}
    wait(there=False)
    assert brokers == {1: [], 2: []}


def test_one_that_is_away_is_not_waited_for(brokers: dict[int, list[Any]]) -> None:
    brokers |= {1: [KafkaConnectionError("connection refused")], 2: [UNKNOWN, 0]}
    wait()
    assert brokers == {1: [], 2: []}


def test_what_is_refused_is_told(brokers: dict[int, list[Any]]) -> None:
    brokers |= {1: [FORBIDDEN]}
    with pytest.raises(Unreachable, match=r"refuses to say: .*TopicAuthorizationFailed"):
        wait()


def test_a_slow_one_is_asked_again(brokers: dict[int, list[Any]]) -> None:
    brokers |= {1: [0], 2: [RequestTimedOutError(), UNKNOWN, 0]}
    wait()
    assert brokers == {1: [], 2: []}


@pytest.mark.parametrize(("there", "answer"), [(True, UNKNOWN), (False, 0)])
def test_one_that_never_learns_of_it_is_named(brokers: dict[int, list[Any]], there: bool, answer: int) -> None:
    brokers |= {1: [answer] * 1_000_000}
    with pytest.raises(Unreachable, match=r"is not ready at .* within 0\.1 s: .*broker 1.* topic orders"):
        wait(there, 0.1)
