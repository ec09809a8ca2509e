"""The Kafka client of a worker: where it runs, and when it fetches."""

import asyncio
from collections.abc import Callable
from typing import Any

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from mode.utils.futures import maybe_async

FETCH_WAIT_MS = 50
"""How long the broker may hold back a fetch for which it has nothing."""
FEW_RECORDS = 500
LOOK_S = 0.005


class OnLoop:
    """In the place of a thread: runs a service on the loop of the worker."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to serve; the service itself says when it is ready."""
        self._serving = asyncio.create_task(self._service._serve())

    def stop(self) -> None:
        """Nothing to join: `stop` of the service has waited for its end."""


class ClientOnLoop(AIOKafkaConsumerThread):
    """Faust's thread of the Kafka client, without the thread, and with fetches that hold no partition back for long.

    Two threads that are both Python take turns. Each fetch passed from one to the other and back several times, and
    waited for its turn each time. Faust gives the client a thread so that agents which block do not cost it its
    partitions; ours are done with a batch within milliseconds.

    The client has one fetch at a time under way to a broker, without the partitions whose last records nobody has
    taken yet. What arrives in those has to wait until that fetch ends: for 1.5 s with Faust's settings, when
    nothing comes in the others.
    """

    Worker = OnLoop  # type: ignore[assignment]

    def __init__(self, consumer: Any, *, loop: Any, **kwargs: Any) -> None:
        super().__init__(consumer, loop=loop, thread_loop=loop, **kwargs)

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call it here and now; Faust passes functions and coroutine functions alike."""
        return await maybe_async(fun(*args, **kwargs))

    async def _gather_remaining_tasks(self) -> None:
        """Nothing: what remains on this loop is the rest of the worker."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer: Any = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def _fetch_records(self, *asked: Any, **limits: Any) -> Any:
        """What was fetched ahead, and what has come since.

        The client fetches ahead once, right after it handed records out, and no more until these are taken: then they
        are few, and as old as the handling of those before. One more look brings what waits at the broker.
        """
        ahead: Any = await super()._fetch_records(*asked, **limits)
        if not ahead or sum(map(len, ahead.values())) > FEW_RECORDS:
            return ahead
        since: Any = await super()._fetch_records(*asked, **limits | {"timeout": LOOK_S})
        for tp, records in since.items():
            ahead.setdefault(tp, []).extend(records)
        return ahead
