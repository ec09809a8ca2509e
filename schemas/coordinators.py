"""Questions to the coordinators of consumer groups: what these have committed, who has joined them.

By aiokafka. librdkafka's admin client may fail an assertion of its own, which ends the process that asks, when a
coordinator ends meanwhile (librdkafka #4605); and confluent-kafka 2.16 reads what is noted beside an offset past its
end, into whatever is there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.commit import OffsetFetchRequest

from infra import clients
from infra.config import Config
from infra.errors import Unreachable
from schemas.broker import TIMEOUT_S
from schemas.reader import Partition

STABLE = "Stable"
"""The state of a group whose partitions are shared out."""
AGAIN_S = 0.2
TRIES = 5
CLOSED_WITHIN_S = 1.0
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
    _assert_taken(answer.error_code)
    found = {}
    for topic, places in answer.topics:
        for number, offset, note, code in places:
            _assert_taken(code)
            found[topic, number] = Noted(offset, note)
    return found


def _members(answer: Any) -> int:
    ((code, _, state, _, _, joined, *_),) = answer.groups
    _assert_taken(code)
    return len(joined) if state == STABLE else 0


def _assert_taken(code: int) -> None:
    """Raise what a coordinator says in place of an answer: one that still loads its groups knows none of them."""
    if code:
        raise for_code(code)()


OFFSETS = Question(lambda group: OffsetFetchRequest(group, None), _noted)
MEMBERS = Question(lambda group: DescribeGroupsRequest([group]), _members)


def _ask(config: Config, groups: Iterable[str], question: Question[T], timeout_s: float) -> dict[str, T]:
    wanted, errors = list(groups), list[KafkaError]()
    if not wanted:
        return {}
    try:
        return asyncio.run(_answers(config, wanted, question, timeout_s, errors))
    except TimeoutError:
        why = f": {errors[-1]}" if errors else ""
        raise Unreachable(f"no Kafka broker answers at {config.bootstrap} within {timeout_s:g} s{why}") from None
    except KafkaError as error:
        raise Unreachable(f"the Kafka broker at {config.bootstrap} refuses to say: {error}") from None


async def _answers(
    config: Config, groups: list[str], question: Question[T], timeout_s: float, errors: list[KafkaError]
) -> dict[str, T]:
    async with asyncio.timeout(timeout_s), AsyncExitStack() as stack:
        client = await _again(partial(_started, config, timeout_s, stack), errors)
        return {group: await _again(partial(_answer, client, group, question), errors) for group in groups}


async def _again(work: Callable[[], Awaitable[T]], errors: list[KafkaError]) -> T:
    """Do it until it is done: brokers start, groups move to another coordinator, and that loads them first."""
    while True:
        try:
            return await work()
        except KafkaError as error:
            errors.append(error)
            if not error.retriable:
                raise
        await asyncio.sleep(AGAIN_S)


async def _started(config: Config, timeout_s: float, stack: AsyncExitStack) -> AIOKafkaAdminClient:
    """Return a client that has reached a broker, and is closed with the stack."""
    request_ms = int(timeout_s * 1_000 / TRIES)  # of several brokers one may be silent: there is time for the next
    client = AIOKafkaAdminClient(**clients.aiokafka(config), request_timeout_ms=request_ms)
    stack.push_async_callback(_close, client)
    await client.start()
    return client


async def _close(client: AIOKafkaAdminClient) -> None:
    with suppress(TimeoutError):  # TLS says goodbye to a silent broker for half a minute
        await asyncio.wait_for(client.close(), CLOSED_WITHIN_S)


async def _answer(client: AIOKafkaAdminClient, group: str, question: Question[T]) -> T:
    coordinator = await client.find_coordinator(group)
    return question.read(await client._send_request(question.request(group), coordinator))
