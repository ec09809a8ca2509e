"""The two ways of storing, and the order in which a partition is stored, sent and done.

A decision is stored before it is sent:

1. each instrument that changed is stored once, one value with state, offsets and outbox, and acknowledged; of a state
   that is stored in parts, those that changed beside that value (`streams.delivery.states.Split`);
2. the outboxes are sent, in order, and acknowledged; then they are empty;
3. only then are the batches done from which all this came.

Before each of these the worker knows that it is a member of its group: one that was frozen waits for a heartbeat.

What came in was checked so that whatever it makes can be written. A decision that cannot, all the same, is a fault of
ours: the worker stops and names its instrument.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from infra.errors import StackError
from schemas.records import Record
from schemas.topics import STATE_BYTES_MAX
from streams.delivery.batches import HANDED_MAX
from streams.delivery.changelog import Place
from streams.delivery.incarnations import Incarnations
from streams.delivery.membership import assure
from streams.delivery.messages import Message, Producer
from streams.delivery.meter import Meter
from streams.delivery.partition import Live, Partition
from streams.delivery.states import S, StateCodec

LETTERS_BYTES_MAX = 4 << 20
"""Of dead letters, stored with a state at once. They are a third larger there, and the state has an outbox beside."""
OVERHEAD_BYTES = 1 << 10
"""What Kafka adds to a record, and more."""


class Unwritable(StackError):
    """What an instrument's state has made or become cannot be written; the message names the instrument."""


@dataclass(frozen=True)
class WriteThrough:
    """Each batch is stored, sent and done before the next one is applied."""

    seconds: ClassVar[float] = 0.0
    records: ClassVar[int] = 0


@dataclass(frozen=True)
class Checkpoint:
    """For states that change with every record: stored, sent and done now and then, and before partitions are given up.

    What was applied is not done before it is stored, so that it is read again after a crash. That is no more than came
    within `seconds`, and no more than `records` and one batch.
    """

    seconds: float = 1.0
    records: int = 20_000

    def __post_init__(self) -> None:
        if not 0 < self.records <= HANDED_MAX // 2:
            # Of a partition with more that is not done nothing is fetched: it would stand still till the time has come.
            raise ValueError(f"records: {self.records} is not between 1 and {HANDED_MAX // 2}")


class Storing:
    """Stores the partitions of one agent in its Faust table."""

    def __init__(
        self,
        app: Any,
        table: Any,
        codec: StateCodec[Any],
        producer: Producer,
        incarnations: Incarnations[Any],
        meter: Meter,
    ) -> None:
        self._app = app
        self._table = table
        self._codec = codec
        self._producer = producer
        self._incarnations = incarnations
        self._meter = meter

    async def checkpoint(self, partition: Partition[S], offsets: dict[str, int]) -> None:
        """Store what changed in a partition and send what it made; what was handled is done once this returns.

        `offsets` say how far the inputs have been handled in this partition.
        """
        # The same as the process before may have sent: the same ids and content, which every reader drops.
        if partition.unsent:
            await self._send(partition, partition.unsent)
            partition.unsent = []
        changed = {key: live for key, live in partition.touched.items() if live.state.changed}
        wide, letters = self._attach(partition, changed)
        await self._send_letters(partition, wide)
        if changed:
            decided = [record for live in changed.values() for record in live.state.outbox]
            await self._store(partition, changed, offsets)
            await self._send(partition, list(changed.values()))
            self._meter.sent(decided, partition.batches)
        await self._send_letters(partition, letters)
        partition.touched = {}

    async def _store(self, partition: Partition[S], changed: dict[bytes, Live[S]], offsets: dict[str, int]) -> None:
        stored, topics = [], self._incarnations.today()
        for key, live in changed.items():
            state = live.state
            epoch, revision = live.place
            live.outbox += [self._decision(each, key, partition.number, epoch) for each in state.outbox]
            live.offsets = {t: max(offset, live.offsets.get(t, -1)) for t, offset in offsets.items()}
            state.outbox, state.changed = [], False
            live.place = Place(epoch, revision + 1)
            values = self._codec.encode_all(key, live.offsets, state, live.outbox, live.place, topics)
            for stored_key, value in values:
                if len(stored_key) + len(value) + OVERHEAD_BYTES > STATE_BYTES_MAX:
                    raise Unwritable(
                        f"{_shown(stored_key)}: its state and what it sends have {len(value)} bytes, and a changelog "
                        f"takes {STATE_BYTES_MAX}"
                    )
                stored.append(Message(self._table.changelog_topic_name, stored_key, partition.number, value))
        await assure(self._app, partition.generation)
        offsets_written = await self._producer.send(stored)
        self._table.known.wrote(partition.number, offsets_written, [message.key for message in stored])
        for message in stored:
            self._table.data[message.key] = message.value

    async def _send(self, partition: Partition[S], lives: list[Live[S]]) -> None:
        await assure(self._app, partition.generation)
        await self._producer.send([message for live in lives for message in live.outbox])
        for live in lives:
            live.outbox = []

    def _decision(self, record: Record, key: bytes, partition: int, epoch: int) -> Message:
        try:
            return self._producer.decision(record, key, partition, epoch)
        except ValueError as error:
            raise Unwritable(f"{_shown(key)}: what it decided cannot be written: {error}: {record!r}") from error

    async def _send_letters(self, partition: Partition[S], letters: list[Message]) -> None:
        if letters:
            await assure(self._app, partition.generation)
            await self._producer.send(letters)

    @staticmethod
    def _attach(partition: Partition[S], changed: dict[bytes, Live[S]]) -> tuple[list[Message], list[Message]]:
        """Give each state that changed the dead letters of its instrument; return those to send before it and after.

        A record whose instrument is stored past it is not looked at again, so its letter is stored with that. What is
        too wide for it is sent before: it comes again after a crash in between, and is never lost.
        """
        before, after, room = [], [], dict.fromkeys(changed, LETTERS_BYTES_MAX)
        for key, letter in partition.letters:
            if key is None or key not in changed:
                after.append(letter)
            elif len(letter.value) > room[key]:
                before.append(letter)
            else:
                room[key] -= len(letter.value)
                changed[key].outbox.append(letter)
        partition.letters = []
        return before, after


def _shown(key: bytes) -> str:
    return key.decode(errors="replace")
