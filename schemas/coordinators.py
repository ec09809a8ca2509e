"""Questions to the coordinators of consumer groups: what these have committed, who has joined them.

By aiokafka. librdkafka's admin client may fail an assertion of its own, which ends the process that asks, when a
coordinator ends meanwhile (librdkafka #4605); and confluent-kafka 2.16 reads what is noted beside an offset past its
end, into whatever is there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.commit import OffsetFetchRequest

from infra.config import Config
from schemas.broker import TIMEOUT_S
from schemas.nodes import Nodes, ask, assert_taken
from schemas.reader import Partition

STABLE = "Stable"
"""The state of a group whose partitions are shared out."""
T = TypeVar("T")


class Noted(NamedTuple):
    """An offset from which a group goes on, and what was noted beside it."""

    offset: int
    note: str


@dataclass(frozen=True)
class Question(Generic[T]):
    """What a group's coordinator is asked, and how its answer is read."""

    request: Callable[[str], Any]
    read: Callable[[Any], T]


def noted(config: Config, groups: Iterable[str]) -> dict[str, dict[Partition, Noted]]:
    """Return what each group has committed, by the topic and number of the partition.

    Raises `Unreachable` when the broker does not say.
    """
    return _ask(config, groups, OFFSETS, TIMEOUT_S)


def members(config: Config, groups: Iterable[str], timeout_s: float = TIMEOUT_S) -> int:
    """Return how many share the partitions of these groups, together; a group that is sharing them out anew has none.

    Raises `Unreachable` when the broker does not say within `timeout_s`.
    """
    return sum(_ask(config, groups, MEMBERS, timeout_s).values())


def _noted(answer: Any) -> dict[Partition, Noted]:
    assert_taken(answer.error_code)
    found = {}
    for topic, places in answer.topics:
        for number, offset, note, code in places:
            assert_taken(code)
            found[topic, number] = Noted(offset, note)
    return found


def _members(answer: Any) -> int:
    ((code, _, state, _, _, joined, *_),) = answer.groups
    assert_taken(code)
    return len(joined) if state == STABLE else 0


OFFSETS = Question(lambda group: OffsetFetchRequest(group, None), _noted)
MEMBERS = Question(lambda group: DescribeGroupsRequest([group]), _members)


async def _answers(groups: Iterable[str], question: Question[T], nodes: Nodes) -> dict[str, T]:
    return {group: await nodes.again(partial(_answer, nodes, group, question)) for group in groups}


async def _answer(nodes: Nodes, group: str, question: Question[T]) -> T:
    return question.read(await nodes.send(await nodes.coordinator(group), question.request(group)))


def _ask(config: Config, groups: Iterable[str], question: Question[T], timeout_s: float) -> dict[str, T]:
    wanted = list(groups)
    return ask(config, partial(_answers, wanted, question), timeout_s) if wanted else {}
