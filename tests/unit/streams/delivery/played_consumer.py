"""A consumer at work, for the tests of batches: Faust's own over a broker that sends and takes what a test says."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from aiokafka.structs import TopicPartition
from faust.transport.consumer import Fetcher
from faust.types import TP

from infra.config import Config
from streams.delivery.application import HedgehogApp
from streams.delivery.batches import Batch, BatchConsumer
from streams.worker import make_app

TRADES = TP("trades", 0)
OTHER = TP("trades", 1)
WITHIN_S = 60  # what is compiled at the first use takes longer on a busy machine than anything that is tested


@dataclass
class Record:
    """What of a record of the Kafka client is looked at here."""

    offset: int


def records(first: int, end: int) -> list[Record]:
    return [Record(offset) for offset in range(first, end)]


class PlayedClient:
    """The Kafka client, which gives what is `coming`; `asked` for is what it was asked for last."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[dict[TopicPartition, list[Record]]] = asyncio.Queue()
        self.asked: set[TP] = set()

    async def getmany(self, active: set[TP], _timeout: float) -> dict[TopicPartition, list[Record]]:
        self.asked = active
        return await self.coming.get()

    def highwater(self, _tp: TP) -> int:
        return 0


class PlayedConsumer(BatchConsumer):
    """A consumer whose broker takes commits."""

    def assignment(self) -> set[TP]:
        return {TRADES, OTHER}

    async def _commit(self, offsets: Any) -> bool:
        self.committed.update(offsets)
        return True

    @property
    def committed(self) -> dict[TP, int]:
        return self.__dict__.setdefault("taken_commits", {})


class Place:
    """A consumer at work, and what it handed to its agents, `readers` of them."""

    def __init__(self, app: HedgehogApp, readers: int) -> None:
        self.app = app
        self.consumer: Any = PlayedConsumer(app.transport, self._ignore, self._ignore, self._ignore)
        self.client = PlayedClient()
        self.consumer._thread = self.client
        self.consumer._set_active_tps({TRADES, OTHER})
        self.app.consumer = self.consumer
        self.queues = [app.FlowControlQueue(clear_on_resume=True) for _ in range(readers)]
        channels = [SimpleNamespace(queue=queue) for queue in self.queues]
        self.conductor.update({TRADES: channels, OTHER: channels})

    @property
    def conductor(self) -> dict[TP, Any]:
        topics: Any = self.app.topics
        index: dict[TP, Any] = topics._tp_index
        return index

    async def _ignore(self, *_: Any) -> None:
        pass

    async def arrive(self, got: list[Record], tp: TP = TRADES) -> list[Batch]:
        """Records arrive; what the agents were handed of them."""
        self.client.coming.put_nowait({TopicPartition(*tp): got})
        await self.settled()
        handed = [[queue.get_nowait() for _ in range(queue.qsize())] for queue in self.queues]
        assert all(batches == handed[0] for batches in handed)
        return handed[0]

    async def settled(self) -> None:
        """The consumer has worked off all that has arrived and asks for more."""
        coming = self.client.coming
        async with asyncio.timeout(WITHIN_S):
            while coming.qsize() or not coming._getters:  # noqa: ASYNC110 - the consumer says nothing when it asks
                await asyncio.sleep(0)

    async def commit(self) -> int | None:
        """Commit; the offset that the broker has for the partition."""
        await self.consumer.force_commit()
        return self.consumer.committed.get(TRADES)

    def go_back(self) -> None:
        """The partitions are to be read again from what was committed, as Faust goes back."""
        self.consumer._read_offset.update({tp: self.consumer.committed.get(tp) for tp in (TRADES, OTHER)})
        self.app.flow_control.suspend()
        self.app.flow_control.resume()

    def rebalance(self) -> None:
        """The partitions are given up and come back."""
        self.app.consumer_generation_id += 1
        self.go_back()


def play(test: Callable[[Place], Coroutine[Any, Any, None]], readers: int = 1) -> None:
    """Run `test` beside a consumer that hands out what arrives."""

    async def run() -> None:
        app = make_app(Config(topic_prefix="unit-batches-"))
        app.consumer_generation_id = 1
        app.flow_control.resume()
        place = Place(app, readers)
        place.consumer.resume_flow()
        draining = asyncio.ensure_future(place.consumer._drain_messages(Fetcher(app)))
        try:
            await test(place)
            assert not draining.done()
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)

    asyncio.run(run())
