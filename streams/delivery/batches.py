"""Batch delivery for Faust: an agent gets a batch of records where stock Faust delivers one record at a time.

Faust spends several asyncio tasks on every message that it delivers, and looks each up in a dozen places. Here what
the client fetched of a partition goes straight into the queues of the agents that read it, as batches of up to
`BATCH_RECORDS`, and a partition is committed through all batches that its agents are done with. What was fetched of a
changelog goes straight into its table; Faust is only told how far it is read.
"""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import numpy as np
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka
from faust.types import TP, Message

from schemas.columns import Int64s
from streams.delivery.fetching import ClientOnLoop

BATCH_RECORDS = 2_000
POLL_RECORDS = 10_000
"""Records taken of the client at once: it makes an object of each. Many that live at the same time are dear to make and
to collect: with 160,000, as twelve partitions bring, a record cost three times what it does with 10,000."""
GETMANY_S = 1.0
ROOM_S = 0.01
HANDED_MAX = 50_000
"""Records of a partition that are handed out and not done, from which on no more is fetched until half are done."""

T = TypeVar("T")


def is_current(app: Any, generation: int | None) -> bool:
    """Whether this worker still owns what was delivered to it under a generation of its consumer group.

    It does until it is told to give partitions up, when Faust suspends the flow; it resumes it under another.
    """
    return bool(app.flow_control.is_active()) and generation == app.consumer_generation_id


class Batch:
    """Consecutive records of one partition, shared by all agents that read them."""

    def __init__(self, tp: TP, records: list[Any], generation: int | None, agents: int) -> None:
        self.tp = tp
        self.records = records
        self.generation = generation
        """The consumer group's generation under which it was delivered."""
        self.left = agents
        """How many agents are not done with it."""

    @cached_property
    def keys(self) -> list[bytes | None]:
        """The key of each record."""
        return [record.key for record in self.records]

    @cached_property
    def offsets(self) -> list[int]:
        """The offset of each record, rising."""
        return [record.offset for record in self.records]

    @cached_property
    def offset_column(self) -> Int64s:
        """The offsets as an array."""
        return np.array(self.offsets, np.int64)

    @cached_property
    def _known(self) -> dict[Hashable, Any]:
        return {}

    def once(self, work_out: Callable[..., T], *arguments: Hashable) -> T:
        """What a function gives of this batch and these arguments, worked out once for all agents."""
        known = (work_out, *arguments)
        if known not in self._known:
            self._known[known] = work_out(self, *arguments)
        found: T = self._known[known]
        return found


class Lag(NamedTuple):
    """What is not handled yet of a topic, in the partitions of this worker."""

    records: int
    since: int
    """When the oldest of it got into Kafka, in milliseconds, UTC; where it has not arrived yet, the newest before it;
    0 where nothing has."""


def _together(lags: Sequence[Lag]) -> Lag:
    return Lag(sum(lag.records for lag in lags), min((lag.since for lag in lags if lag.records), default=0))


class Delivered:
    """What was handed out of one partition under one generation, and how far it is done."""

    def __init__(self, generation: int | None) -> None:
        self.generation = generation
        self.open: deque[Batch] = deque()
        """The batches that are not done, or come after one that is not."""
        self.end: int | None = None
        """The offset after the last batch that is done like all before it."""
        self.last: Any = None
        """The last record that is done like all before it."""

    @property
    def span(self) -> int:
        """From the first offset to the last of what is not done, which are as many records or more."""
        return self.open[-1].offsets[-1] + 1 - self.open[0].offsets[0] if self.open else 0

    def close(self) -> None:
        """Take the batches that are done off the front."""
        while self.open and not self.open[0].left:
            self.last = self.open.popleft().records[-1]
            self.end = self.last.offset + 1

    def lag(self, end: int) -> Lag:
        """Return what is not handled of a partition that ends at this offset."""
        if self.open:
            first = self.open[0].records[0]
            return Lag(max(end - first.offset, 0), first.timestamp)
        if self.last is None:
            return Lag(0, 0)
        return Lag(max(end - self.last.offset - 1, 0), self.last.timestamp)


class Deliveries:
    """What was handed out of every partition, how far it is done, and so what may be committed.

    `app` says which generation of the consumer group this worker is in.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._of: dict[TP, Delivered] = {}

    def __iter__(self) -> Iterator[TP]:
        """The partitions of which something was handed out."""
        return iter(self._of)

    def hand_out(self, tp: TP, records: list[Any], agents: int) -> list[Batch]:
        """Cut the next records of a partition into batches for so many agents."""
        delivered = self._before(tp, records[0].offset)
        parts = (records[i : i + BATCH_RECORDS] for i in range(0, len(records), BATCH_RECORDS))
        batches = [Batch(tp, part, delivered.generation, agents) for part in parts]
        delivered.open += batches
        return batches

    def _before(self, tp: TP, offset: int) -> Delivered:
        """What was handed out of a partition before this offset."""
        generation = self._app.consumer_generation_id
        delivered = self._of.get(tp)
        if delivered is None or delivered.generation != generation:
            # The partition is read again from what was committed: what was delivered before counts no more.
            delivered = self._of[tp] = Delivered(generation)
        # So it may be within a generation. The batches are cut anew then, and agents may never get one from before:
        # with it in the way nothing would be committed any more.
        while delivered.open and delivered.open[-1].offsets[-1] >= offset:
            delivered.open.pop()
        return delivered

    def done(self, batch: Batch) -> bool:
        """Count a batch as done by one agent, unless its partition was given up since; return whether it counted.

        What is stored while partitions are being given up counts: whatever is not committed by then is read again, and
        a record without a state would be buried twice.
        """
        if batch.generation != self._app.consumer_generation_id:
            return False
        batch.left -= 1
        self._of[batch.tp].close()
        return True

    def span(self, tp: TP) -> int:
        """The records of a partition that are handed out and not done, or more."""
        return self._of[tp].span

    def lag(self, tp: TP, end: int) -> Lag:
        """What is not handled of a partition that ends at this offset."""
        return self._of[tp].lag(end)

    def to_commit(self, tp: TP) -> int | None:
        """Where to commit a partition: after the last batch that is done like all before it; `None` for nowhere."""
        delivered = self._of[tp]
        return delivered.end if delivered.generation == self._app.consumer_generation_id else None


class BatchConsumer(aiokafka.Consumer):
    """Faust's consumer, which hands batches of the source topics to the agents itself and commits what is done.

    Faust finds the offset to commit in lists with an entry for every offset between two messages, and gets one
    message further a commit: a batch a second. Here a partition's batches are counted as they are handed out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deliveries = Deliveries(self.app)

    def _new_consumer_thread(self) -> ClientOnLoop:
        return ClientOnLoop(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        # Of the partitions that are active now: Faust changes its set while the client waits. What came of one that
        # recovery makes active meanwhile would be dropped, and read twice.
        asked = None if active_partitions is None else set(active_partitions)
        # One that is full may be wanted again long before something comes of the others.
        return await super()._getmany(asked, ROOM_S if self._buffered_partitions else timeout)

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109
        """Hand out what came of the source topics, and let the tables take what came of their changelogs.

        Of that Faust gets the last record, by which its recovery counts: at half a dozen tasks each, all of them would
        take minutes.
        """
        records: Any
        records, active = await super()._wait_next_records(timeout)
        if records and self.flow_active:  # else Faust goes back to what was committed
            changelogs = self.app.tables.changelog_topics
            for tp in list(records):
                own = TP(*tp)  # the client has a type of its own for them
                if tp.topic not in changelogs:
                    self._hand_out(own, records.pop(tp))
                elif active is None or own in active or own in self._buffered_partitions:
                    self._table_of(tp.topic).take(records[tp])
                    records[tp] = records[tp][-1:]
        return records, active

    async def verify_all_partitions_active(self) -> None:
        """Do nothing. Faust looks here for partitions that stand still, by what we do not count for it, and only logs
        what it finds; but it ends the worker for a partition whose offset nobody tells, as while its leader is away.
        """

    def _table_of(self, changelog: str) -> Any:
        return next(table for table in self.app.tables.values() if table.changelog_topic_name == changelog)

    def _hand_out(self, tp: TP, records: list[Any]) -> None:
        """Put new records of an active partition into the queues of its agents.

        Those of any other are read again, from what was committed, when Faust makes it active.
        """
        generation = self.app.consumer_generation_id
        active = tp in self._active_partitions or tp in self._buffered_partitions
        if not active or not is_current(self.app, generation):
            return
        records = records[bisect_left(records, self._read_offset[tp] or 0, key=attrgetter("offset")) :]
        if not records:
            return
        conductor: Any = self.app.topics
        channels = conductor._tp_index[tp]
        if not channels:
            raise RuntimeError(f"no agent reads {tp}")
        for batch in self._deliveries.hand_out(tp, records, len(channels)):
            for channel in channels:
                channel.queue.force_put_nowait(batch)
        self._read_offset[tp] = records[-1].offset + 1
        if self._deliveries.span(tp) >= HANDED_MAX:
            self.on_buffer_full(tp)

    def done(self, batch: Batch) -> None:
        """Count a batch as done by one agent, and ask for more where there is room again; see `Deliveries.done`."""
        counted = self._deliveries.done(batch)
        if counted and self.app.flow_control.is_active() and self._deliveries.span(batch.tp) <= HANDED_MAX // 2:
            self.on_buffer_drop(batch.tp)

    def lags(self) -> dict[str, Lag]:
        """Return by topic what is not handled of the source topics' partitions of which something was handed out."""
        try:
            owned = [tp for tp in self._deliveries if tp in self.assignment()]
        except ConsumerNotStarted:
            return {}
        found: dict[str, list[Lag]] = {}
        for tp in owned:
            found.setdefault(tp.topic, []).append(self._deliveries.lag(tp, self.highwater(tp) or 0))
        return {topic: _together(lags) for topic, lags in found.items()}

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in self._deliveries if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._deliveries.to_commit(tp)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        app: Any = self.app
        if not await app.keep_own():
            return False
        # Faust would draw a table of them for its debug log first: 15 ms in which the worker does nothing else.
        committed = await self._commit(offsets)
        if committed:
            self._committed_offset.update(offsets)
        return committed

    async def _drain_messages(self, fetcher: Any) -> None:
        """Read until told to stop; as Faust does, without its four tasks a message of a changelog."""
        ends: tuple[type[BaseException], ...] = (*self.consumer_stopped_errors, asyncio.CancelledError)
        try:
            while not (self.should_stop or fetcher.should_stop):
                async for tp, message in self.getmany(timeout=GETMANY_S):
                    read = self._read_offset[tp]
                    if read is None or message.offset >= read:
                        await self._deliver(tp, message)
                await asyncio.sleep(0)
        except ends:
            # Faust takes a reader that is cancelled while partitions are shared out for one that has crashed, also
            # where the worker stops: it would end with a trace and exit code 1.
            if not self.app.should_stop:
                raise

    async def _deliver(self, tp: TP, message: Message) -> None:
        handing: Any = asyncio.ensure_future(self.callback(message))
        await asyncio.sleep(0)
        if handing.done():
            handing.result()
        else:  # a queue is full, or the flow is suspended, and then it may never take the message
            await self.wait_first(handing, self.suspend_flow.wait())
        self._read_offset[tp] = message.offset
