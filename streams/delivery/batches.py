"""Batch delivery for Faust: an agent gets one list of records where stock Faust delivers one record at a time.

Faust spends several asyncio tasks on every message it delivers. Here a message carries up to `BATCH_RECORDS`
records of one partition as its value and the offset of the last one; acknowledging it commits through all of
them. Changelogs are still delivered one by one, as recovery wants them.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import faust
import numpy as np
from faust.transport.drivers import aiokafka
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP, Message

from schemas.codec import Codec
from schemas.columns import Int64s, TradeColumns, decode_trades
from schemas.records import Trade
from streams.delivery.fetching import ClientOnLoop

BATCH_RECORDS = 2_000
GETMANY_S = 1.0


def is_current(app: Any, generation: int | None) -> bool:
    """Whether this worker still owns what was delivered to it under a generation of its consumer group.

    It does until it is told to give partitions up, when Faust suspends the flow; it resumes it under another.
    """
    return bool(app.flow_control.is_active()) and generation == app.consumer_generation_id


class Batch:
    """Consecutive records of one partition, shared by all agents that read them."""

    def __init__(self, tp: TP, records: list[Any]) -> None:
        self.tp = tp
        self.records = records

    @cached_property
    def keys(self) -> list[bytes | None]:
        return [record.key for record in self.records]

    @cached_property
    def offsets(self) -> list[int]:
        return [record.offset for record in self.records]

    @cached_property
    def offset_column(self) -> Int64s:
        return np.array(self.offsets, np.int64)

    def trades(self, codec: Codec[Trade]) -> TradeColumns:
        """The records as trades, decoded once for all agents."""
        if self._columns is None:
            self._columns = decode_trades([record.value for record in self.records], codec)
        return self._columns

    _columns: TradeColumns | None = None

    generation: int | None = None
    """The consumer group's generation under which it was delivered."""

    groups: list[tuple[bytes, Int64s | slice]] | None = None
    """The places of each instrument's trades, once an agent has worked them out (`streams.agents.grouping`)."""


class BatchScheduler(DefaultSchedulingStrategy):
    """Faust's order of delivery: batches for the source topics, single records for changelogs."""

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        changelogs = {tp: part for tp, part in records.items() if tp.topic.endswith("-changelog")}
        yield from super().iterate(changelogs)
        yield from super().iterate({tp: _split(tp, part) for tp, part in records.items() if tp not in changelogs})


def _split(tp: TP, records: list[Any]) -> list[Batch]:
    return [Batch(tp, records[i : i + BATCH_RECORDS]) for i in range(0, len(records), BATCH_RECORDS)]


class Delivered:
    """The batches of one partition that were handed to the agents under one generation and are not committed yet."""

    def __init__(self, generation: int | None) -> None:
        self.generation = generation
        self.ends: deque[int] = deque()
        """The offset of the last record of each, rising."""


class BatchConsumer(aiokafka.Consumer):
    """Faust's consumer, with batches as messages, and committing through all that are done.

    Faust finds the offset to commit in lists with an entry for every offset between two messages, and gets one
    message further a commit: a batch a second. Here a partition's batches are counted as they are handed out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._delivered: dict[TP, Delivered] = {}

    def _new_consumer_thread(self) -> ClientOnLoop:
        return ClientOnLoop(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        # Of the partitions that are active now: Faust changes its set while the client waits. What came of one
        # that recovery makes active meanwhile would be dropped, and where nothing was ever committed Faust's seek
        # back does nothing: the first records of such a partition were lost.
        asked = None if active_partitions is None else set(active_partitions)
        return await super()._getmany(asked, timeout)

    def _to_message(self, tp: TP, record: Any) -> Any:
        if not isinstance(record, Batch):
            return super()._to_message(tp, record)
        message: Any = super()._to_message(tp, record.records[-1])
        message.key, message.value = None, record
        record.generation = message.generation_id
        return message

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand out what arrives, until told to stop; as Faust does, without its four tasks a message."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                async for tp, message in self.getmany(timeout=GETMANY_S):
                    read = self._read_offset[tp]
                    if read is None or message.offset >= read:
                        await self._deliver(tp, message)
                await asyncio.sleep(0)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    async def _deliver(self, tp: TP, message: Message) -> None:
        if isinstance(message.value, Batch):
            self._count_delivered(tp, message.value)
        handing: Any = asyncio.ensure_future(self.callback(message))
        await asyncio.sleep(0)
        if handing.done():
            handing.result()
        else:  # a queue is full, or the flow is suspended, and then it may never take the message
            await self.wait_first(handing, self.suspend_flow.wait())
        self._read_offset[tp] = message.offset

    def _count_delivered(self, tp: TP, batch: Batch) -> None:
        delivered = self._delivered.get(tp)
        if delivered is None or delivered.generation != batch.generation:
            # The partition is read again from what was committed: what was delivered before counts no more.
            delivered = self._delivered[tp] = Delivered(batch.generation)
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)
        # So it may be within a generation. The batches are cut anew then, and an end from before may never be
        # acknowledged: with it in the way nothing would be committed any more.
        while delivered.ends and delivered.ends[-1] >= batch.records[0].offset:
            delivered.ends.pop()
        delivered.ends.append(batch.records[-1].offset)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing to note: the offsets between two messages are the records of the later one, or no records."""

    def _new_offset(self, tp: TP) -> int | None:
        """Where to commit `tp`: after the last batch that is done like all before it; `None` for nowhere new."""
        delivered = self._delivered.get(tp)
        acked = self._acked_index[tp]
        end = None
        while delivered and delivered.ends and delivered.ends[0] in acked:
            end = delivered.ends.popleft()
        if end is not None:
            self._acked_index[tp] = {offset for offset in acked if offset > end}
            self._acked[tp] = list(self._acked_index[tp])
        return None if end is None else end + 1

    def ack(self, message: Message) -> bool:
        """Count a message as done, unless its partition is being given up or was given up since.

        Faust then acknowledges messages without handling them. With offsets between messages counted as done,
        that could commit past records which the next owner of the partition has not seen. One that was handled
        is read again, to no effect.
        """
        if not is_current(self.app, message.generation_id):
            message.acked = True
            self._unacked_messages.discard(message)
            return False
        return bool(super().ack(message))


class BatchSchema(faust.Schema):  # type: ignore[type-arg]
    """Hands batches through undecoded: agents decode, so that one bad record is one dead letter."""

    def loads_key(self, app: Any, message: Message, **_: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Message, **_: Any) -> Any:
        return message.value
