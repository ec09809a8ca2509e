"""What a coordinator says in place of an answer is no answer: it is asked again, or the error is told."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupLoadInProgressError,
    KafkaConnectionError,
    NotCoordinatorForGroupError,
)

from infra.config import Config
from infra.errors import Unreachable
from schemas import coordinators
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
def broker(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the coordinator answers, one after the other; an exception is raised."""
    answers: list[Any] = []

    class Client:
        def __init__(self, **_: Any) -> None:
            pass

        async def start(self) -> None:
            if answers and isinstance(answers[0], KafkaConnectionError):
                raise answers.pop(0)

        async def close(self) -> None:
            pass

        async def find_coordinator(self, _: str) -> int:
            return 1

        async def _send_request(self, _request: Any, _node: int) -> Any:
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, BaseException):
                raise answer
            return answer

    monkeypatch.setattr(coordinators, "AIOKafkaAdminClient", Client)
    monkeypatch.setattr(coordinators, "AGAIN_S", 0.0)
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
    with pytest.raises(Unreachable, match="GroupAuthorizationFailed"):
        noted(Config(), ["workers"])


def test_no_broker_and_no_answer_in_time_are_told(broker: list[Any]) -> None:
    broker.append(KafkaConnectionError("refused"))
    with pytest.raises(Unreachable, match="refused"):
        noted(Config(), ["workers"])
    broker.append(group("Stable", 1, LOADS))
    with pytest.raises(Unreachable, match=r"no answer within 0\.1 s"):
        members(Config(), ["workers"], timeout_s=0.1)
