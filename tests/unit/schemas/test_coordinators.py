"""What a coordinator says in place of an answer is no answer: it is asked again, or the error is told."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupLoadInProgressError,
    KafkaConnectionError,
    NotCoordinatorForGroupError,
)

from infra.config import LOOPBACK, Config
from infra.errors import Unreachable
from schemas import nodes
from schemas.coordinators import Noted, members, noted

LOADS, MOVED, FORBIDDEN = (
    error.errno for error in (GroupLoadInProgressError, NotCoordinatorForGroupError, GroupAuthorizationFailedError)
)
OFFSETS = [("trades", [(0, 7, "id", 0), (1, 3, "", 0)])]
TAKEN = {("trades", 0): Noted(7, "id"), ("trades", 1): Noted(3, "")}


def offsets(code: int = 0, topics: Any = ()) -> Any:
    return SimpleNamespace(error_code=code, topics=topics)


def group(state: str, joined: int, code: int = 0) -> Any:
    return SimpleNamespace(groups=[(code, "workers", state, "consumer", "range", [object()] * joined)])


@pytest.fixture
def asked() -> dict[str, Any]:
    """With which settings the client was made."""
    return {}


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]) -> list[Any]:
    """What the coordinator answers, one after the other; an exception is raised."""
    answers: list[Any] = []

    class Client:
        def __init__(self, **settings: Any) -> None:
            asked.update(settings)

        async def bootstrap(self) -> None:
            if isinstance(answers[0], KafkaConnectionError):
                raise answers.pop(0) if len(answers) > 1 else answers[0]

        async def close(self) -> None:
            pass

        async def coordinator_lookup(self, _kind: int, _group: str) -> int:
            return 1

        async def send(self, _node: int, _request: Any) -> Any:
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, BaseException):
                raise answer
            return answer

    monkeypatch.setattr(nodes, "AIOKafkaClient", Client)
    monkeypatch.setattr(nodes, "AGAIN_S", 0.0)
    return answers


@pytest.mark.parametrize(
    "before",
    [
        offsets(LOADS),
        offsets(MOVED),
        offsets(0, [("trades", [(0, -1, "", LOADS), (1, 3, "", 0)])]),
        NotCoordinatorForGroupError(),
        GroupLoadInProgressError(),
    ],
)
def test_a_coordinator_that_loads_or_moves_is_asked_again(broker: list[Any], before: Any) -> None:
    broker += [before, before, offsets(0, OFFSETS)]
    assert noted(Config(), ["workers"]) == {"workers": TAKEN}


def test_members_count_where_the_partitions_are_shared_out(broker: list[Any]) -> None:
    broker += [group("Stable", 2), group("PreparingRebalance", 2), group("Dead", 0), group("Stable", 9, LOADS)]
    broker.append(group("Stable", 1))
    assert members(Config(), ["workers", "others", "nobody", "loading"]) == 3


def test_what_is_refused_is_told(broker: list[Any]) -> None:
    broker.append(offsets(FORBIDDEN))
    with pytest.raises(Unreachable, match=r"refuses to say: .*GroupAuthorizationFailed"):
        noted(Config(), ["workers"])


def test_no_broker_and_no_answer_in_time_are_told(broker: list[Any]) -> None:
    broker.append(KafkaConnectionError("connection refused"))
    with pytest.raises(Unreachable, match=r"no Kafka broker answers at .* within 0\.1 s: .*connection refused"):
        members(Config(), ["workers"], timeout_s=0.1)
    broker[:] = [group("Stable", 1, LOADS)]
    with pytest.raises(Unreachable, match=r"within 0\.1 s: .*GroupLoadInProgress"):
        members(Config(), ["workers"], timeout_s=0.1)


def test_a_broker_that_starts_is_waited_for(broker: list[Any]) -> None:
    broker += [KafkaConnectionError("connection refused")] * 3 + [group("Stable", 2)]
    assert members(Config(), ["workers"]) == 2


def test_of_no_group_nobody_is_asked(broker: list[Any]) -> None:
    assert (noted(Config(), []), members(Config(), []), broker) == ({}, 0, [])


async def test_a_silent_broker_is_not_waited_for_longer_than_said() -> None:
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), LOOPBACK, 0)
    at = f"{LOOPBACK}:{silent.sockets[0].getsockname()[1]}"
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"within 1 s"):
        await asyncio.to_thread(members, Config(kafka_bootstrap=at), ["workers"], 1.0)
    assert time.monotonic() - began < 10
    silent.close()


def test_no_request_takes_all_the_time_there_is(broker: list[Any], asked: dict[str, Any]) -> None:
    """Of several brokers one may be silent."""
    broker.append(group("Stable", 2))
    members(Config(), ["workers"], timeout_s=3)
    assert asked["request_timeout_ms"] <= 1_000
