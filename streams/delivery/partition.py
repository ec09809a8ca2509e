"""What a worker holds of one partition of an agent, and what a step sees of it while one batch is applied."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from schemas.errors import Refused
from streams.delivery.batches import Batch
from streams.delivery.changelog import Place
from streams.delivery.messages import Message
from streams.delivery.states import S

T = TypeVar("T")


class Live(Generic[S]):
    """The live state of one instrument."""

    def __init__(self, state: S, offsets: dict[str, int], outbox: list[Message], place: Place) -> None:
        self.state = state
        self.place = place
        """The epoch of what is decided from now on, and how often the state was stored."""
        self.offsets = offsets
        """How far its inputs were applied when it was loaded; since then as far as its partition has been handled."""
        self.outbox = outbox
        """What is stored to be sent, and not acknowledged."""
        self.summary: Any = None
        """What `Context.look` found last, until the state is asked for."""


class Partition(Generic[S]):
    """The live state of one partition's instruments, and what happened to them since it was stored."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = asyncio.Lock()
        self.generation: int | None = -1
        """The generation of the consumer group in which everything here was loaded."""
        self.refused = False
        """Whether no more batches of this generation are taken, since one of them failed."""
        self.timer: asyncio.TimerHandle | None = None
        self._clear()

    def _clear(self) -> None:
        self.positions: dict[str, int] = {}
        """The last offset of each input that has been handled."""
        self.live: dict[bytes, Live[S] | None] = {}
        self.unsent: list[Live[S]] = []
        """Those that were loaded with something to send."""
        self.touched: dict[bytes, Live[S]] = {}
        """Those that may have changed since they were stored."""
        self.letters: list[tuple[bytes | None, Message]] = []
        """Dead letters, and the key of the record that each is about."""
        self.batches: list[Batch] = []
        """What is handled and not stored."""
        self.waiting = 0
        """How many records these have."""

    def take_in(self, batch: Batch) -> None:
        """Note a batch that is handled and not stored."""
        self.batches.append(batch)
        self.waiting += len(batch.records)

    def take_out(self) -> list[Batch]:
        """Return the batches that are stored now: all of them."""
        stored = self.batches
        self.batches, self.waiting = [], 0
        return stored

    def follow(self, generation: int | None) -> bool:
        """Begin anew if another generation owns the partition: somebody else may have had it in between.

        Returns whether it does.
        """
        if self.generation == generation:
            return False
        self.generation = generation
        self.refused = False
        self.drop()
        return True

    def fail(self) -> None:
        """Drop everything and take nothing more in this generation.

        What failed may be half applied, stored and not sent, or sent and not acknowledged: the next owner finds out.
        """
        self.refused = True
        self.drop()

    def drop(self) -> None:
        """Drop everything that is not stored."""
        self.cancel_timer()
        self._clear()

    def cancel_timer(self) -> None:
        """Begin no checkpoint by time until the next batch."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Store(Protocol[S]):
    """Where a context looks for what its partition does not hold."""

    def load(self, partition: Partition[S], key: bytes) -> Live[S] | None:
        """Return the live state of an instrument, `None` where it has none."""
        ...

    def position(self, partition: Partition[S], topic: str) -> int:
        """Return the offset up to which a topic's partition has been handled, -1 for nothing yet."""
        ...

    def keys(self, partition: Partition[S]) -> list[bytes]:
        """Return the keys of all instruments that have a state in a partition."""
        ...

    def dead_letter(self, batch: Batch, row: int, error: Exception) -> Message:
        """Return the dead letter of the record in a row of a batch."""
        ...


class Context(Generic[S]):
    """What a step sees of its partition while one batch is applied. Topics are named without prefix."""

    def __init__(self, store: Store[S], partition: Partition[S], batch: Batch, topic: str) -> None:
        self._store = store
        self._partition = partition
        self.batch = batch
        self.topic = topic
        """The topic of the batch."""
        self.superseded = 0
        """How many records were dropped since they are of an epoch that is over."""

    @property
    def partition(self) -> int:
        """Return the number of the partition, the same one in every topic."""
        return self._partition.number

    @property
    def touched(self) -> list[S]:
        """Return the states that were asked for since the partition was stored."""
        return [live.state for live in self._partition.touched.values()]

    def find(self, key: bytes) -> S | None:
        """Return the state of an instrument to be changed, or `None` if it has none."""
        live = self._store.load(self._partition, key)
        if live is None:
            return None
        live.summary = None
        self._partition.touched[key] = live
        return live.state

    def everybody(self) -> list[bytes]:
        """Return the keys of all instruments of the partition that have a state."""
        return self._store.keys(self._partition)

    def look(self, keys: Iterable[bytes], summarise: Callable[[S], T], otherwise: T) -> list[T]:
        """Return what a pure function says of the state of each instrument, or `otherwise` of one that has none.

        Worked out once, and again after `find`, when the state may change. An agent has one such function.
        """
        live, touched, found = self._partition.live, self._partition.touched, []
        for key in keys:
            one = live[key] if key in live else self._store.load(self._partition, key)
            if one is None:
                found.append(otherwise)
            elif key in touched:  # whoever found it may still be changing it
                found.append(summarise(one.state))
            else:
                if one.summary is None:
                    one.summary = summarise(one.state)
                found.append(one.summary)
        return found

    def add(self, key: bytes, state: S) -> S:
        """Take in the first state of an instrument."""
        live = Live[S](state, {}, [], Place(self._partition.generation or 0))
        self._partition.live[key] = self._partition.touched[key] = live
        return state

    def applied(self, key: bytes | None, topic: str) -> int:
        """Return the offset up to which an instrument has applied a topic, -1 for nothing yet.

        A stored state is only as new as its last change; what the partition has handled since has changed nothing.
        """
        position = self._store.position(self._partition, topic)
        live = self._store.load(self._partition, key) if key is not None else None
        return position if live is None else max(position, live.offsets.get(topic, -1))

    def each(self, apply: Callable[[Any], None]) -> None:
        """Let a function apply each record of the batch that its instrument has not applied yet.

        A record that it refuses becomes a dead letter. Nothing else does: what is not foreseen is a fault of ours.
        """
        for row, record in enumerate(self.batch.records):
            if record.offset <= self.applied(record.key, self.topic):
                continue
            try:
                apply(record)
            except Refused as error:
                self.dead_letter(row, error)

    def dead_letter(self, row: int, error: Exception) -> None:
        """Give up on the record in this row of the batch."""
        letter = self._store.dead_letter(self.batch, row, error)
        self._partition.letters.append((self.batch.records[row].key, letter))
