"""Batch delivery for Faust: an agent gets one list of records where stock Faust delivers one record at a time.

Faust spends several asyncio tasks on every message it delivers. Here a message carries up to `BATCH_RECORDS`
records of one partition as its value and the offset of the last one; acknowledging it commits through all of
them. Changelogs are still delivered one by one, as recovery wants them.
"""

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

BATCH_RECORDS = 2_000


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
    """The batches of one partition that were handed out under one generation and are not committed yet."""

    def __init__(self, generation: int | None) -> None:
        self.generation = generation
        self.ends: deque[int] = deque()
        """The offset of the last record of each, in the order of delivery."""


class BatchConsumer(aiokafka.Consumer):
    """Faust's consumer, with batches as messages, and committing through all that are done.

    Faust finds the offset to commit in lists with an entry for every offset between two messages, and gets one
    message further a commit: a batch a second. Here a partition's batches are counted as they were delivered.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._delivered: dict[TP, Delivered] = {}

    def _to_message(self, tp: TP, record: Any) -> Any:
        if not isinstance(record, Batch):
            return super()._to_message(tp, record)
        message: Any = super()._to_message(tp, record.records[-1])
        message.key, message.value = None, record
        record.generation = message.generation_id
        self._count_delivered(tp, message)
        return message

    def _count_delivered(self, tp: TP, message: Message) -> None:
        delivered = self._delivered.get(tp)
        if delivered is None or delivered.generation != message.generation_id:
            # The partition is read again from what was committed: what was delivered before counts no more.
            delivered = self._delivered[tp] = Delivered(message.generation_id)
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)
        already_read = self._read_offset[tp]
        if already_read is None or message.offset >= already_read:  # Faust drops any other
            delivered.ends.append(message.offset)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing to note: the offsets between two messages are the records of the later one, or no records."""

    def _new_offset(self, tp: TP) -> int | None:
        """Where to commit `tp`: after the last batch that is done like all before it; `None` for nowhere new."""
        delivered = self._delivered.get(tp)
        acked = self._acked_index[tp]
        end = None
        while delivered and delivered.ends and delivered.ends[0] in acked:
            end = delivered.ends.popleft()
            acked.discard(end)
        self._acked[tp] = list(acked)
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
