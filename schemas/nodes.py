"""Questions to one certain broker of several, by aiokafka.

A client of librdkafka asks whichever it likes: given one address, it asks the others too as soon as it knows of them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError, RequestTimedOutError, for_code

from infra import clients
from infra.config import Config
from infra.errors import Unreachable

AGAIN_S = 0.2
TRIES = 5
CLOSED_WITHIN_S = 1.0
AWAY = (KafkaConnectionError, NodeNotReadyError)
"""What says that a broker cannot be reached."""
T = TypeVar("T")


class Nodes:
    """The brokers of a cluster, each by its number."""

    def __init__(self, config: Config, timeout_s: float, errors: list[KafkaError]) -> None:
        request_ms = int(timeout_s * 1_000 / TRIES)  # of several brokers one may be silent: there is time for the next
        self._client = AIOKafkaClient(**clients.aiokafka(config), request_timeout_ms=request_ms)
        self._errors = errors
        """What came in place of answers."""

    async def reach(self) -> None:
        """Reach one of them, which knows the others."""
        await self.again(self._client.bootstrap)

    def numbers(self) -> list[int]:
        """Return which there are."""
        return sorted(broker.nodeId for broker in self._client.cluster.brokers())

    async def coordinator(self, group: str) -> int:
        """Return which one coordinates a consumer group."""
        return int(await self._client.coordinator_lookup(0, group))

    async def send(self, number: int, request: Any) -> Any:
        """Return what one of them answers."""
        return await self._client.send(number, request)

    async def again(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it until it is done: brokers start, groups move to another coordinator, and that loads them first.

        Raises aiokafka's errors that do not pass.
        """
        while True:
            try:
                return await work()
            except KafkaError as error:
                self._errors.append(error)
                if not error.retriable:
                    raise
            await asyncio.sleep(AGAIN_S)

    async def close(self) -> None:
        """Leave them."""
        with suppress(TimeoutError):  # TLS says goodbye to a silent broker for half a minute
            await asyncio.wait_for(self._client.close(), CLOSED_WITHIN_S)


def ask(config: Config, work: Callable[[Nodes], Awaitable[T]], timeout_s: float) -> T:
    """Return what came of the questions; not on an event loop.

    Raises `Unreachable` when they are not answered within `timeout_s`, or are refused.
    """
    errors: list[KafkaError] = []
    try:
        return asyncio.run(_asked(config, work, timeout_s, errors))
    except TimeoutError:
        raise Unreachable(_not_in_time(config, timeout_s, errors)) from None
    except KafkaError as error:
        raise Unreachable(f"the Kafka broker at {config.bootstrap} refuses to say: {error}") from None


def assert_taken(code: int, *of: str) -> None:
    """Raise what a broker says in place of an answer: a coordinator that still loads its groups knows none of them."""
    if code:
        raise for_code(code)(*of)


def _not_in_time(config: Config, timeout_s: float, errors: list[KafkaError]) -> str:
    silent = not errors or isinstance(errors[-1], (*AWAY, RequestTimedOutError))
    what = "no Kafka broker answers" if silent else "a Kafka broker is not ready"
    why = f": {errors[-1]}" if errors else ""
    return f"{what} at {config.bootstrap} within {timeout_s:g} s{why}"


async def _asked(
    config: Config, work: Callable[[Nodes], Awaitable[T]], timeout_s: float, errors: list[KafkaError]
) -> T:
    async with asyncio.timeout(timeout_s), AsyncExitStack() as stack:
        nodes = Nodes(config, timeout_s, errors)
        stack.push_async_callback(nodes.close)
        await nodes.reach()
        return await work(nodes)
