"""A keeper and everything around it, played: a broker that takes, refuses or holds what is sent, a table, an agent.

Where a crash falls between two steps is exact here. The real broker is in `tests/e2e` and `tests/faults`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from faust.types import TP

from infra.config import Config
from schemas import journal_records
from schemas.codec import Codec, schema_text
from schemas.errors import Refused
from schemas.journal_records import Applied
from schemas.market_records import Alert, Candle, Digest, Quote
from schemas.records import DeadLetter, Fill, Instrument, Order, Record, Settings, Trade
from schemas.watches import Watch
from streams.delivery.batches import Batch
from streams.delivery.changelog import Changelog, keep
from streams.delivery.checkpoint import Checkpoint, WriteThrough
from streams.delivery.incarnations import Incarnations
from streams.delivery.keeper import Keeper
from streams.delivery.membership import Membership
from streams.delivery.messages import Producer
from streams.delivery.partition import Context
from streams.delivery.states import StateCodec
from tests.samples import INSTRUMENT, fill

CODECS: dict[type[Record], Codec[Any]] = {
    kind: Codec(kind, number, lambda _, kind=kind: schema_text(kind))  # type: ignore[misc]
    for number, kind in enumerate(
        (
            *(Fill, DeadLetter, Applied, Trade, Order, Instrument, Settings, journal_records.Checkpoint),
            *(Candle, Alert, Digest, Watch, Quote),
        ),
        1,
    )
}
CHANGELOG = "counts-changelog"
INPUTS = {topic: topic for topic in ("trades", "settings")}
KEY = INSTRUMENT.encode()
OTHER_KEY = b"binance:ETHUSDT"
SESSION_S = 6.0


class Count(msgspec.Struct):
    """A state that counts events and sends a fill for each."""

    count: int = 0
    changed: bool = False
    outbox: list[Record] = []


class Broken(Exception):
    """The broker does not take it."""


@dataclass
class Sent:
    topic: str
    key: bytes
    value: bytes
    partition: int | None
    offset: int = 0


@dataclass
class Held:
    """What was sent and is not acknowledged yet."""

    future: asyncio.Future[Sent]
    sent: Sent

    def acknowledge(self) -> None:
        self.future.set_result(self.sent)


@dataclass
class Broker:
    """Everything that was sent, in order; refuses a topic, or holds its acknowledgements back, when told to."""

    log: list[Sent] = field(default_factory=list)
    ends: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    """How many records each partition has got."""
    refused: str = ""
    held: str = ""
    holding: list[Held] = field(default_factory=list)

    async def send(
        self, topic: str, key: bytes, value: bytes, partition: int | None, timestamp: None, headers: None
    ) -> asyncio.Future[Sent]:
        acknowledged: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        if topic == self.refused:
            acknowledged.set_exception(Broken(topic))
            return acknowledged
        sent = self.append(topic, key, value, partition)
        if topic == self.held:
            self.holding.append(Held(acknowledged, sent))
        else:
            acknowledged.set_result(sent)
        return acknowledged

    def append(self, topic: str, key: bytes, value: bytes, partition: int | None) -> Sent:
        """Put a record at the end of its partition, whoever sends it."""
        sent = Sent(topic, key, value, partition, self.ends[topic, partition])
        self.log.append(sent)
        self.ends[topic, partition] += 1
        return sent

    def topics(self) -> list[str]:
        return [sent.topic for sent in self.log]


class Consumer:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._committed_offset: dict[TP, int | None] = {}
        self.finished: list[Batch] = []

    def done(self, batch: Batch) -> None:
        self.finished.append(batch)

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        return {tp: self._broker.ends[tp.topic, tp.partition] for tp in tps}


class Table:
    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.known = Changelog()
        self.changelog_topic_name = CHANGELOG

    def recovered(self, broker: Broker) -> "Table":
        """What a worker has that reads the changelog from the beginning, and goes on writing to this broker."""
        for sent in broker.log:
            if sent.topic == CHANGELOG:
                keep(self.data, sent.key, sent.value)
                self.known.read(sent.partition, -1, sent.key)  # the next worker's broker counts offsets from 0 again
        return self


class Flow:
    """Faust's flow control, which it suspends while partitions are given up."""

    active = True

    def is_active(self) -> bool:
        return self.active


class App:
    """What a keeper uses of a Faust application."""

    def __init__(self) -> None:
        self.flow_control = Flow()
        self.producer = Broker()
        self.consumer = Consumer(self.producer)
        self.membership = Membership(SESSION_S, lambda: self.time)
        self.time = 0.0
        self.joined(1)

    def joined(self, generation: int) -> None:
        """The coordinator of the group has taken it in."""
        self.consumer_generation_id = generation
        self.membership.confirmed(generation, self.time)


@dataclass
class Event:
    offset: int
    key: bytes | None = KEY
    value: bytes = b"x"
    timestamp: int = 0


def batch(*events: Event, topic: str = "trades", partition: int = 3) -> Batch:
    return Batch(TP(topic, partition), list(events), 1, 1)


def step(context: Context[Count], events: Batch) -> None:
    """Count each event and send a fill for it; refuse what is poison, and break of what is a fault."""

    def count(event: Event) -> None:
        if event.value == b"poison":
            raise Refused("value: poison")
        assert event.key is not None
        state = context.find(event.key) or context.add(event.key, Count())
        state.count += 1
        if event.value == b"fault":
            raise ValueError("a fault of ours, in the middle of applying")
        state.changed = True
        instrument = event.key.decode()
        exchange, symbol = instrument.split(":")
        report = fill(fill_id=f"{instrument}:{state.count}")
        state.outbox.append(msgspec.structs.replace(report, exchange=exchange, symbol=symbol))

    context.each(count)


class House:
    """An application with one keeper; `restarted` is the next process, with the table that the changelog gives."""

    def __init__(
        self,
        table: Table | None = None,
        storing: WriteThrough | Checkpoint | None = None,
        topic_ids: Mapping[str, str] = {},
    ) -> None:
        self.app = App()
        self.topic_ids = dict(topic_ids)
        self.anew: list[tuple[str, str]] = []
        self.table = table or Table()
        self.storing = storing or WriteThrough()
        self.failures: list[BaseException] = []
        self.failed = asyncio.Event()
        self.keeper: Keeper[Count] = Keeper(
            self.app,
            "counter",
            self.table,
            StateCodec("counts", Count),
            Producer(self.app, Config(topic_prefix=""), CODECS),
            INPUTS,
            self.storing,
            self._fail,
            Incarnations("counter", INPUTS, self.topic_ids, self._begin_anew),
        )

    async def _fail(self, error: BaseException) -> None:
        self.failures.append(error)
        self.failed.set()

    @property
    def broker(self) -> Broker:
        return self.app.producer

    def _begin_anew(self, state: Count, topic: str, topic_id: str) -> None:
        self.anew.append((topic, topic_id))
        state.changed = True

    def restarted(self, **anew: str) -> "House":
        """The next process; some topics may have other ids by then."""
        return House(Table().recovered(self.broker), self.storing, self.topic_ids | anew)

    @property
    def finished(self) -> list[Batch]:
        """The batches that are done."""
        return self.app.consumer.finished

    async def apply(self, events: Batch, how: Callable[[Context[Count], Batch], None]) -> None:
        """Apply a batch that was delivered just now."""
        events.generation = self.app.consumer_generation_id
        await self.keeper.apply(events, how)

    def fills(self) -> list[str]:
        return [CODECS[Fill].decode(sent.value).fill_id for sent in self.broker.log if sent.topic == "fills"]


async def until(condition: Any) -> None:
    """Let other tasks run until the condition holds."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("the condition did not come true")
