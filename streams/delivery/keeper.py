"""The state of an agent's instruments, and the order in which it is stored and what it made is sent.

A decision is stored before it is sent. For each batch of a partition, under one lock per agent and partition:

1. the pure step is applied to the live state of each instrument, which skips what it has already seen;
2. each instrument that changed is stored once, one value with state, offsets and outbox, and acknowledged;
3. the outboxes are sent, in order, and acknowledged;
4. only then is the batch done.

The live state is dropped at every rebalance. When it is loaded again its outbox is sent again: the same ids with
the same content, which every reader drops if it has seen them.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from faust.types import TP

from schemas.codec import Codec
from schemas.records import DeadLetter, Record
from streams.delivery.batches import Batch, is_current

VALUE_BYTES = 2 << 20
REASON_CHARACTERS = 2_000
"""What a dead letter holds of a value, and says of it, at most."""


class State(Protocol):
    """What a keeper asks of the state of one instrument."""

    changed: bool
    outbox: list[Record]


S = TypeVar("S", bound=State)

Message = tuple[str, bytes, bytes]
"""Topic, key and value of what is to be sent."""


class Stored(msgspec.Struct, Generic[S]):
    """The value of the changelog: a state and what it still had to send, as topic and bytes."""

    state: S
    outbox: list[tuple[str, bytes]]


class Outlet:
    """Sends records through the application's producer and waits for the broker's acknowledgement."""

    def __init__(self, app: Any, topics: dict[type[Record], str], codecs: dict[type[Record], Codec[Any]]) -> None:
        self._app = app
        self._topics = topics
        self._codecs = codecs

    def encode(self, record: Record) -> tuple[str, bytes]:
        """The topic and the bytes of a record."""
        return self._topics[type(record)], self._codecs[type(record)].encode(record)

    async def send(self, messages: Iterable[Message], partition: int | None) -> None:
        """Send these in order; returns when the broker has acknowledged all of them."""
        producer = self._app.producer
        sent = [await producer.send(topic, key, value, partition, None, None) for topic, key, value in messages]
        for acknowledged in sent:
            await acknowledged


class Partition(Generic[S]):
    """The live state of one partition's instruments, under the generation in which it was loaded."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = asyncio.Lock()
        self.generation = -1
        self.positions: dict[str, int] = {}
        self.states: dict[bytes, S | None] = {}
        self.unsent: list[Message] = []


class Keeper(Generic[S]):
    """Keeps the states of one agent in one Faust table and applies batches to them."""

    def __init__(self, app: Any, table: Any, state_type: type[S], outlet: Outlet, source: str) -> None:
        self._app = app
        self._table = table
        self._decode = msgspec.json.Decoder(Stored[state_type]).decode  # type: ignore[valid-type]
        self._outlet = outlet
        self._source = source
        self._partitions: dict[int, Partition[S]] = {}

    async def apply(self, batch: Batch, step: Callable[["Work[S]", Batch], None]) -> None:
        """Apply a batch: step, store, send. Once this returns the batch is done.

        One whose partition is being given up is left to the next owner, and nobody counts it as done.
        """
        partition = self._partitions.get(batch.tp.partition)
        if partition is None:
            partition = self._partitions[batch.tp.partition] = Partition(batch.tp.partition)
        async with partition.lock:
            if not is_current(self._app, batch.generation):
                return
            self._follow_generation(partition)
            work = Work(self, partition)
            step(work, batch)
            if partition.unsent:
                await self._outlet.send(partition.unsent, partition.number)
                partition.unsent = []
            changed = [(key, state) for key, state in work.touched.items() if state.changed]
            if changed:
                await self._outlet.send(await self._store(partition, changed), partition.number)
            if work.dead:
                await self._bury(batch, work.dead)
            partition.positions[batch.tp.topic] = batch.offsets[-1]

    async def settle(self) -> None:
        """Wait for what is being applied.

        Must be done before partitions are given up: the next owner reads the states that are stored by then,
        and would decide anew what is stored later, with another outcome.
        """
        for partition in list(self._partitions.values()):
            async with partition.lock:
                pass

    def load(self, partition: Partition[S], key: bytes) -> S | None:
        """The live state of an instrument; what it may not have sent yet is put to be sent first."""
        if key not in partition.states:
            stored = self._table.data.get(key)
            partition.states[key] = None
            if stored is not None:
                value = self._decode(stored)
                partition.states[key] = value.state
                partition.unsent += [(topic, key, data) for topic, data in value.outbox]
        return partition.states[key]

    def position(self, partition: Partition[S], topic: str) -> int:
        """The offset up to which this agent has handled a topic's partition, -1 for nothing yet."""
        committed = self._app.consumer._committed_offset.get(TP(topic, partition.number))
        return max(partition.positions.get(topic, -1), (committed or 0) - 1)

    def _follow_generation(self, partition: Partition[S]) -> None:
        generation = self._app.consumer_generation_id
        if partition.generation != generation:
            partition.generation = generation
            partition.positions.clear()
            partition.states.clear()
            partition.unsent.clear()

    async def _store(self, partition: Partition[S], changed: Iterable[tuple[bytes, S]]) -> list[Message]:
        """Store the instruments that changed; what is to be sent once that is acknowledged."""
        stored, outgoing = [], []
        for key, state in changed:
            outbox = [self._outlet.encode(record) for record in state.outbox]
            state.outbox, state.changed = [], False
            value = msgspec.json.encode(Stored(state, outbox))
            stored.append((self._table.changelog_topic_name, key, value))
            outgoing += [(topic, key, data) for topic, data in outbox]
        await self._outlet.send(stored, partition.number)
        for _, key, value in stored:
            self._table.data[key] = value
        return outgoing

    async def _bury(self, batch: Batch, dead: dict[int, Exception]) -> None:
        """Send the records that could not be handled to the dead letters, keyed by where they came from."""
        letters = []
        for i, error in dead.items():
            record = batch.records[i]
            value, reason = _cut(record.value, str(error))
            letter = DeadLetter(
                source=self._source,
                topic=batch.tp.topic,
                partition=batch.tp.partition,
                offset=record.offset,
                key=record.key,
                value=value,
                error=reason,
                time=time.time_ns() // 1_000,
            )
            topic, data = self._outlet.encode(letter)
            letters.append((topic, f"{batch.tp.topic}:{batch.tp.partition}:{record.offset}".encode(), data))
        await self._outlet.send(letters, None)


def _cut(value: bytes | None, reason: str) -> tuple[bytes | None, str]:
    """A value and a reason that fit into a dead letter: compressed, a record of any size passes the broker."""
    reason = reason[:REASON_CHARACTERS]
    if value is None or len(value) <= VALUE_BYTES:
        return value, reason
    return value[:VALUE_BYTES], f"{reason} (the first {VALUE_BYTES} of {len(value)} bytes)"


class Work(Generic[S]):
    """What a step sees of its partition while one batch is applied."""

    def __init__(self, keeper: Keeper[S], partition: Partition[S]) -> None:
        self._keeper = keeper
        self._partition = partition
        self.touched: dict[bytes, S] = {}
        """The states that the step has asked for."""
        self.dead: dict[int, Exception] = {}

    @property
    def partition(self) -> int:
        return self._partition.number

    def find(self, key: bytes) -> S | None:
        """The state of an instrument to be changed, or `None` if it has none."""
        state = self._keeper.load(self._partition, key)
        if state is not None:
            self.touched[key] = state
        return state

    def add(self, key: bytes, state: S) -> S:
        """Take in the first state of an instrument."""
        self._partition.states[key] = state
        self.touched[key] = state
        return state

    def position(self, topic: str) -> int:
        """The offset up to which `topic` has been handled in this partition, -1 for nothing yet."""
        return self._keeper.position(self._partition, topic)

    def bury(self, place: int, error: Exception) -> None:
        """Give up on the record at this place of the batch: it becomes a dead letter."""
        self.dead[place] = error
