"""What keeper, guard and producer use of a Faust application, over the broker in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from faust.types import TP

from streams.delivery.batches import Batch, Deliveries
from streams.delivery.changelog import Changelog
from tests.simulation.broker import Record
from tests.simulation.network import BrokerError


class Flow:
    """Faust's flow control: suspended while partitions are given up, until others are recovered."""

    active = False

    def is_active(self) -> bool:
        return self.active


class Table:
    """A Faust table whose store is in memory."""

    def __init__(self, changelog: str) -> None:
        self.changelog_topic_name = changelog
        self.data: dict[bytes, bytes] = {}
        self.known = Changelog()


class Channel:
    """The queue of an agent's actor for one partition of a topic; also the stream that `guarded` reads."""

    def __init__(self, label: str) -> None:
        self.shortlabel = label
        self.channel = self
        self.queue: asyncio.Queue[Batch] = asyncio.Queue()

    def __aiter__(self) -> "Channel":
        return self

    async def __anext__(self) -> Batch:
        return await self.queue.get()

    def on_stop_iteration(self) -> None:
        """Nothing to release."""

    def clear(self) -> None:
        """Drop what waits."""
        while not self.queue.empty():
            self.queue.get_nowait()


class Consumer:
    """How far a worker has read and committed; what may be committed is counted by the real `Deliveries`."""

    def __init__(self, app: Any) -> None:
        self.deliveries = Deliveries(app)
        self._committed_offset: dict[TP, int] = {}
        self.read: dict[TP, int] = {}

    def done(self, batch: Batch) -> None:
        self.deliveries.done(batch)

    def seek(self, committed: dict[TP, int], tps: list[TP]) -> None:
        """Begin where these partitions are committed."""
        self._committed_offset = {tp: committed[tp] for tp in tps if tp in committed}
        self.read = {tp: committed.get(tp, 0) for tp in tps}

    def give_up(self) -> None:
        """Faust forgets these before it waits for what is being applied."""
        self._committed_offset = {}
        self.read = {}

    def hand_out(self, tp: TP, records: list[Record], channels: list[Channel]) -> None:
        """Put records into the queues of the agents."""
        for batch in self.deliveries.hand_out(tp, list(records), len(channels)):
            for channel in channels:
                channel.queue.put_nowait(batch)
        self.read[tp] = records[-1].offset + 1

    def to_commit(self) -> dict[TP, int]:
        """What is done and not committed yet."""
        ends = {tp: self.deliveries.to_commit(tp) for tp in self.deliveries}
        return {tp: end for tp, end in ends.items() if end is not None and end > self._committed_offset.get(tp, 0)}

    def took(self, offsets: dict[TP, int]) -> None:
        """The broker has acknowledged a commit."""
        self._committed_offset.update(offsets)


class Acknowledgement:
    """Awaited, it is a trip to the broker and back."""

    def __init__(self, trip: Callable[[], Awaitable[None]], outcome: Record | BrokerError) -> None:
        self._trip = trip
        self._outcome = outcome

    def __await__(self) -> Generator[Any, None, Record]:
        yield from self._trip().__await__()
        if isinstance(self._outcome, BrokerError):
            raise self._outcome
        return self._outcome


class Producer:
    """Faust's producer. A message that the broker refuses does not keep it from taking the next one."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker

    async def send(
        self, topic: str, key: bytes, value: bytes, partition: int | None, timestamp: None, headers: None
    ) -> Acknowledgement:
        worker = self._worker
        world = worker.world

        def append() -> Record:
            written: Record = world.broker.append(topic, partition, key, value, world.now, worker.name)
            return written

        def acknowledged() -> Awaitable[None]:
            return world.network.trip(worker, f"acknowledgement of {topic}", lambda: None)

        try:
            outcome = await world.network.trip(worker, f"send to {topic}", append)
        except BrokerError as error:
            outcome = error
        return Acknowledgement(acknowledged, outcome)
