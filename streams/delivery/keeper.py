"""The states of an agent's instruments: loaded, changed by the agent's pure steps, stored, and dropped.

Batches of a partition are applied under one lock per agent and partition, for each topic's partition has an actor of
its own. What an instrument has applied already is skipped here: see `Context.applied`. How it is stored and what it
made is sent, see `streams.delivery.checkpoint`.

The live state is dropped at every rebalance, and after any failure or cancellation before the lock is let go: else the
next batch would store over what was not sent. When it is loaded again its outbox is sent again.

Where somebody else has written into a partition's changelog, a worker that was frozen and went on, all states of the
partition are stored again: theirs has a lower epoch, and must not be the last one.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic

from faust.types import TP

from schemas.dead_letters import dead_letter
from streams.delivery.batches import Batch, is_current
from streams.delivery.changelog import Place
from streams.delivery.checkpoint import Checkpoint, Storing, WriteThrough
from streams.delivery.incarnations import Incarnations
from streams.delivery.membership import NotMember
from streams.delivery.messages import Message, Producer
from streams.delivery.meter import Meter
from streams.delivery.partition import Context, Live, Partition
from streams.delivery.states import S, StateCodec, next_epoch

log = logging.getLogger(__name__)

Step = Callable[[Context[S], Batch], None]
"""Applies a batch to the states of its instruments: pure, that is, without I/O or a clock."""


class Keeper(Generic[S]):
    """Keeps the states of one agent in one Faust table and applies batches to them.

    `inputs` are the agent's topics without prefix, by full name, and `incarnations` which topics these are today.
    `on_failure` is called when a checkpoint fails that nobody waits for.
    """

    def __init__(
        self,
        app: Any,
        name: str,
        table: Any,
        codec: StateCodec[S],
        producer: Producer,
        inputs: Mapping[str, str],
        storing: WriteThrough | Checkpoint,
        on_failure: Callable[[BaseException], Awaitable[None]],
        incarnations: Incarnations[S],
    ) -> None:
        self._app = app
        self._name = name
        self._table = table
        self._codec = codec
        self._producer = producer
        self._inputs = inputs
        self._full_names = {topic: full_name for full_name, topic in inputs.items()}
        self._limits = storing
        self._meter = Meter(name, inputs)
        self._storing = Storing(app, table, codec, producer, incarnations, self._meter)
        self._incarnations = incarnations
        self._on_failure = on_failure
        self._partitions: dict[int, Partition[S]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def apply(self, batch: Batch, step: Step[S]) -> None:
        """Apply a batch, and store and send what came of it, now or at the next checkpoint; then it is done.

        One whose partition is being given up, or has failed, is left to the next owner and never done.
        """
        partition = self._partitions.get(batch.tp.partition)
        if partition is None:
            partition = self._partitions[batch.tp.partition] = Partition(batch.tp.partition)
        async with partition.lock:
            if not is_current(self._app, batch.generation):
                return
            is_new = partition.follow(batch.generation)
            if partition.refused:
                return
            with _failing(partition):
                if is_new:
                    self._renew(partition)
                topic = self._inputs[batch.tp.topic]
                context = Context(self, partition, batch, topic)
                began = time.perf_counter()
                step(context, batch)
                self._meter.stepped(batch, time.perf_counter() - began)
                self._meter.conflicted(context.superseded)
                if context.superseded:
                    what = (self._name, context.superseded, batch.tp)
                    log.warning("%s: %d records of %s are of an epoch that is over: dropped", *what)
                partition.positions[topic] = batch.offsets[-1]
                partition.take_in(batch)
                if partition.waiting >= self._limits.records:
                    await self._checkpoint(partition)
                elif partition.timer is None:
                    loop = asyncio.get_running_loop()
                    partition.timer = loop.call_later(self._limits.seconds, self._start_checkpoint, partition)

    async def drain(self) -> None:
        """Wait for what is being applied, and store and send what was.

        Must be done before partitions are given up: the next owner reads the states that are stored by then,
        and would decide anew what is stored later, with another outcome.
        """
        for partition in list(self._partitions.values()):
            async with partition.lock:
                if partition.batches and partition.generation == self._app.consumer_generation_id:
                    with _failing(partition):
                        await self._checkpoint(partition)

    def owned(self) -> list[TP]:
        """Return the changelog's partitions of which this worker holds states."""
        name = self._table.changelog_topic_name
        return [TP(name, partition.number) for partition in self._partitions.values() if self._owns(partition)]

    async def keep_own(self, ends: Mapping[TP, int]) -> None:
        """Store all states again of each partition in whose changelog somebody else has written.

        `ends` say where the partitions that are owned ended a moment ago.
        """
        for tp in self.owned():
            if tp in ends and self._table.known.is_beyond(tp.partition, ends[tp]):
                partition = self._partitions[tp.partition]
                async with partition.lock:  # what was under way of our own is known now
                    if self._owns(partition):
                        self._table.known.ends_at(tp.partition, ends[tp])
                        with _failing(partition):
                            await self._store_again(partition)

    def load(self, partition: Partition[S], key: bytes) -> Live[S] | None:
        """Return the live state of an instrument; what it may not have sent yet is put to be sent first."""
        if key not in partition.live:
            stored = self._table.data.get(key)
            partition.live[key] = None
            if stored is not None:
                value = self._codec.decode(key, stored, self._table.data.get)
                self._incarnations.renew(value)
                place = Place(next_epoch(value.epoch, partition.generation), value.revision)
                live = partition.live[key] = Live(value.state, value.offsets, value.outbox, place)
                if live.outbox:
                    partition.unsent.append(live)
        return partition.live[key]

    def position(self, partition: Partition[S], topic: str) -> int:
        """Return the offset up to which this agent has handled a topic's partition, -1 for nothing yet."""
        committed = self._app.consumer._committed_offset.get(TP(self._full_names[topic], partition.number))
        return max(partition.positions.get(topic, -1), (committed or 0) - 1)

    def keys(self, partition: Partition[S]) -> list[bytes]:
        """Return the keys of all instruments that have a state in a partition, stored or not yet."""
        live = {key for key, found in partition.live.items() if found is not None}
        return sorted(live.union(self._table.known.keys(partition.number)))

    def dead_letter(self, batch: Batch, row: int, error: Exception) -> Message:
        """Return the dead letter of the record in a row of a batch."""
        self._meter.buried()
        record = batch.records[row]
        now = time.time_ns() // 1_000
        place = (batch.tp.topic, batch.tp.partition, record.offset)
        return self._producer.message(dead_letter(self._name, *place, record.key, record.value, str(error), now))

    def _renew(self, partition: Partition[S]) -> None:
        """Let every state begin anew whose topics are others now, also those that nothing comes for any more.

        What was recorded of them would else speak of offsets in a topic that never had them.
        """
        for key in self._table.known.keys(partition.number):
            stored = None if self._codec.is_part(key) else self._table.data.get(key)
            live = self.load(partition, key) if stored and self._incarnations.is_stale(stored) else None
            if live is not None:
                partition.touched[key] = live

    async def _checkpoint(self, partition: Partition[S]) -> None:
        partition.cancel_timer()
        await self._storing.checkpoint(
            partition, {topic: self.position(partition, topic) for topic in self._full_names}
        )
        await self._store_again(partition)
        for batch in partition.take_out():
            self._app.consumer.done(batch)

    async def _store_again(self, partition: Partition[S]) -> None:
        """Store every state of a partition if somebody else has written into its changelog."""
        if not self._table.known.take_foreign(partition.number):
            return
        self._meter.conflicted(1)
        log.warning(
            "%s: others have written states of partition %d; all are stored again", self._name, partition.number
        )
        for key in self._table.known.keys(partition.number):
            live = None if self._codec.is_part(key) else self.load(partition, key)
            if live is not None:
                self._codec.change_all(live.state)
                partition.touched[key] = live
        offsets = {topic: self.position(partition, topic) for topic in self._full_names}
        await self._storing.checkpoint(partition, offsets)

    def _owns(self, partition: Partition[S]) -> bool:
        return not partition.refused and partition.generation == self._app.consumer_generation_id

    def _start_checkpoint(self, partition: Partition[S]) -> None:
        """Begin the checkpoint of a partition whose time has come."""
        partition.timer = None
        task = asyncio.create_task(self._checkpoint_in_time(partition))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _checkpoint_in_time(self, partition: Partition[S]) -> None:
        try:
            async with partition.lock:
                if partition.batches and is_current(self._app, partition.generation):
                    with _failing(partition):
                        await self._checkpoint(partition)
        except Exception as error:
            await self._on_failure(error)


@contextmanager
def _failing(partition: Partition[Any]) -> Iterator[None]:
    try:
        yield
    except NotMember:
        partition.fail()
        log.warning(
            "partition %d was given up before a heartbeat was answered; nothing more is stored", partition.number
        )
    except BaseException:  # cancelled, too, it may be anywhere between storing and sending
        partition.fail()
        raise
