"""A keeper and everything around it, played: a broker that takes, refuses or holds what is sent, a table, an agent.

Where a crash falls between two steps is exact here. The real broker is in `tests/e2e` and `tests/faults`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from faust.types import TP

from infra.config import Config
from schemas.codec import Codec, schema_text
from schemas.errors import Refused
from schemas.records import Applied, DeadLetter, Fill, Instrument, Order, Record, Settings, Trade
from streams.delivery.batches import Batch
from streams.delivery.checkpoint import Checkpoint, WriteThrough
from streams.delivery.keeper import Keeper
from streams.delivery.messages import Producer
from streams.delivery.partition import Context
from streams.delivery.states import StateCodec
from tests.samples import INSTRUMENT, fill

CODECS: dict[type[Record], Codec[Any]] = {
    kind: Codec(kind, number, lambda _, kind=kind: schema_text(kind))  # type: ignore[misc]
    for number, kind in enumerate((Fill, DeadLetter, Applied, Trade, Order, Instrument, Settings), 1)
}
CHANGELOG = "counts-changelog"
KEY = INSTRUMENT.encode()
OTHER_KEY = b"binance:ETHUSDT"


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


@dataclass
class Broker:
    """Everything that was sent, in order; refuses a topic, or holds its acknowledgements back, when told to."""

    log: list[Sent] = field(default_factory=list)
    refused: str = ""
    held: str = ""
    holding: list[asyncio.Future[None]] = field(default_factory=list)

    async def send(
        self, topic: str, key: bytes, value: bytes, partition: int | None, timestamp: None, headers: None
    ) -> asyncio.Future[None]:
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if topic == self.refused:
            acknowledged.set_exception(Broken(topic))
            return acknowledged
        self.log.append(Sent(topic, key, value, partition))
        if topic == self.held:
            self.holding.append(acknowledged)
        else:
            acknowledged.set_result(None)
        return acknowledged

    def topics(self) -> list[str]:
        return [sent.topic for sent in self.log]


class Consumer:
    def __init__(self) -> None:
        self._committed_offset: dict[TP, int | None] = {}
        self.finished: list[Batch] = []

    def done(self, batch: Batch) -> None:
        self.finished.append(batch)


class Table:
    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.changelog_topic_name = CHANGELOG


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
        self.consumer = Consumer()
        self.consumer_generation_id = 1


@dataclass
class Event:
    offset: int
    key: bytes | None = KEY
    value: bytes = b"x"


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

    def __init__(self, table: Table | None = None, storing: WriteThrough | Checkpoint | None = None) -> None:
        self.app = App()
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
            {topic: topic for topic in ("trades", "settings")},
            self.storing,
            self._fail,
        )

    async def _fail(self, error: BaseException) -> None:
        self.failures.append(error)
        self.failed.set()

    @property
    def broker(self) -> Broker:
        return self.app.producer

    def restarted(self) -> "House":
        table = Table()
        for sent in self.broker.log:
            if sent.topic == CHANGELOG:
                table.data[sent.key] = sent.value
        return House(table, self.storing)

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
