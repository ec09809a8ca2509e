"""The keeper's order: applied, stored, acknowledged, sent, acknowledged, and only then done.

The broker is played by a log that takes, refuses or holds what is sent: where a crash falls between two steps is
exact here. The real broker is in `tests/e2e` and `tests/faults`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from faust.types import TP

from infra.config import Config
from schemas.codec import Codec, schema_text
from schemas.errors import Refused
from schemas.records import Applied, DeadLetter, Fill, Record
from streams.delivery.batches import Batch
from streams.delivery.checkpoint import Checkpoint, WriteThrough
from streams.delivery.keeper import Keeper
from streams.delivery.messages import Producer
from streams.delivery.partition import Context
from streams.delivery.states import StateCodec
from tests.samples import INSTRUMENT, fill

CODECS: dict[type[Record], Codec[Any]] = {
    kind: Codec(kind, number, lambda _, kind=kind: schema_text(kind))  # type: ignore[misc]
    for number, kind in enumerate((Fill, DeadLetter, Applied), 1)
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


async def test_stored_first_then_sent_into_the_same_partition() -> None:
    house = House()
    await house.apply(batch(Event(1), Event(2)), step)
    assert house.broker.topics() == [CHANGELOG, "fills", "fills"]
    assert {sent.partition for sent in house.broker.log} == {3}
    assert {sent.key for sent in house.broker.log} == {KEY}
    assert house.fills() == [f"{INSTRUMENT}:1", f"{INSTRUMENT}:2"]
    assert house.table.data[KEY] == house.broker.log[0].value


async def test_nothing_is_sent_before_the_store_is_acknowledged() -> None:
    house = House()
    house.broker.held = CHANGELOG
    applying = asyncio.create_task(house.apply(batch(Event(1)), step))
    await until(lambda: bool(house.broker.holding))
    assert house.broker.topics() == [CHANGELOG]
    assert not applying.done()
    house.broker.holding[0].set_result(None)
    await asyncio.wait_for(applying, 5)
    assert house.broker.topics() == [CHANGELOG, "fills"]


async def test_a_batch_is_done_only_when_what_it_sent_is_acknowledged() -> None:
    house = House()
    house.broker.held = "fills"
    applying = asyncio.create_task(house.apply(batch(Event(1)), step))
    await until(lambda: bool(house.broker.holding))
    assert not applying.done()
    house.broker.holding[0].set_result(None)
    await asyncio.wait_for(applying, 5)


async def test_a_store_that_fails_sends_nothing() -> None:
    house = House()
    house.broker.refused = CHANGELOG
    with pytest.raises(Broken):
        await house.apply(batch(Event(1)), step)
    assert house.broker.log == []
    assert house.table.data == {}


async def test_what_was_stored_and_not_sent_is_sent_by_the_next_process_with_the_same_content() -> None:
    house = House()
    house.broker.refused = "fills"
    with pytest.raises(Broken):
        await house.apply(batch(Event(1), Event(2)), step)
    after = house.restarted()
    await after.apply(batch(Event(1), Event(2)), step)
    assert after.broker.topics() == ["fills", "fills"]
    assert after.fills() == [f"{INSTRUMENT}:1", f"{INSTRUMENT}:2"]


async def test_what_was_stored_and_sent_is_sent_again_the_same_and_nothing_is_applied_twice() -> None:
    house = House()
    await house.apply(batch(Event(1)), step)
    after = house.restarted()
    await after.apply(batch(Event(1), Event(2)), step)
    assert after.broker.topics() == ["fills", CHANGELOG, "fills"]
    assert after.broker.log[0] == house.broker.log[1]
    assert after.fills() == [f"{INSTRUMENT}:1", f"{INSTRUMENT}:2"]


async def test_a_rebalance_drops_the_live_state() -> None:
    house = House()
    await house.apply(batch(Event(1)), step)
    other = House(house.table)  # another worker had the partition in between
    await other.apply(batch(Event(2)), step)
    house.app.consumer_generation_id = 3
    await house.apply(batch(Event(3)), step)
    assert house.fills()[-1] == f"{INSTRUMENT}:3"


async def test_what_is_being_applied_ends_before_its_partition_is_given_up_and_nothing_more_is() -> None:
    house = House()
    house.broker.held = CHANGELOG
    applying = asyncio.create_task(house.apply(batch(Event(1)), step))
    await until(lambda: bool(house.broker.holding))
    waiting = asyncio.create_task(house.apply(batch(Event(2)), step))
    house.app.flow_control.active = False
    draining = asyncio.create_task(house.keeper.drain())
    await asyncio.wait({draining}, timeout=0.05)
    assert not draining.done()
    house.broker.held = ""
    house.broker.holding[0].set_result(None)
    await asyncio.wait_for(asyncio.gather(applying, draining, waiting), 5)
    await house.apply(batch(Event(3)), step)
    assert house.fills() == [f"{INSTRUMENT}:1"]


async def test_what_was_delivered_before_a_rebalance_is_not_applied_after_it() -> None:
    house = House()
    late = batch(Event(2))
    late.generation = 1
    house.app.consumer_generation_id = 2
    await house.keeper.apply(late, step)
    assert house.fills() == []
    await house.apply(batch(Event(2)), step)
    assert house.fills() == [f"{INSTRUMENT}:1"]


async def test_within_a_generation_nothing_is_sent_twice() -> None:
    house = House()
    for offset in range(1, 6):
        await house.apply(batch(Event(offset)), step)
    assert house.fills() == [f"{INSTRUMENT}:{count}" for count in range(1, 6)]


async def test_an_instrument_that_did_not_change_is_not_stored() -> None:
    house = House()
    await house.apply(batch(Event(1), Event(2, OTHER_KEY)), step)
    house.broker.log.clear()
    await house.apply(batch(Event(1), Event(3, OTHER_KEY)), step)
    assert [(sent.topic, sent.key) for sent in house.broker.log] == [(CHANGELOG, OTHER_KEY), ("fills", OTHER_KEY)]


async def test_poison_is_one_dead_letter_and_its_neighbours_go_on() -> None:
    house = House()
    await house.apply(batch(Event(1), Event(2, None, b"poison"), Event(3)), step)
    assert house.fills() == [f"{INSTRUMENT}:1", f"{INSTRUMENT}:2"]
    (sent,) = [sent for sent in house.broker.log if sent.topic == "dead-letters"]
    letter = CODECS[DeadLetter].decode(sent.value)
    assert sent.key == b"trades:3:2"
    place = (letter.source, letter.topic, letter.partition, letter.offset)
    assert place == ("counter", "trades", 3, 2)
    assert (letter.key, letter.value, letter.error) == (None, b"poison", "value: poison")
    assert letter.time > 0


async def test_a_dead_letter_of_a_huge_record_says_that_it_holds_a_part_of_it() -> None:
    house = House()

    def give_up(context: Context[Count], events: Batch) -> None:
        context.dead_letter(0, Refused("x" * 1_000_000))

    await house.apply(batch(Event(1, KEY, b"y" * 10_000_000)), give_up)
    (sent,) = house.broker.log
    letter = CODECS[DeadLetter].decode(sent.value)
    assert letter.value == b"y" * (2 << 20)
    cuts = " (the first 2000 of 1000000 characters) (the first 2097152 of 10000000 bytes)"
    assert letter.error == "x" * 2_000 + cuts


async def test_a_dead_letter_that_cannot_be_sent_stops_the_batch() -> None:
    house = House()
    house.broker.refused = "dead-letters"
    with pytest.raises(Broken):
        await house.apply(batch(Event(1, None, b"poison")), step)


async def test_batches_of_one_partition_wait_for_each_other_those_of_two_do_not() -> None:
    house = House()
    house.broker.held = CHANGELOG
    first = asyncio.create_task(house.apply(batch(Event(1)), step))
    await until(lambda: len(house.broker.holding) == 1)
    same = asyncio.create_task(house.apply(batch(Event(1), topic="settings"), step))
    other = asyncio.create_task(house.apply(batch(Event(1, OTHER_KEY), partition=4), step))
    await until(lambda: len(house.broker.holding) == 2)
    assert [sent.partition for sent in house.broker.log] == [3, 4]
    house.broker.held = ""
    for acknowledged in house.broker.holding:
        acknowledged.set_result(None)
    await asyncio.wait_for(asyncio.gather(first, same, other), 5)


async def test_the_position_is_what_was_handled_or_committed() -> None:
    house = House()
    seen: list[int] = []

    def look(context: Context[Count], events: Batch) -> None:
        seen.append(context.applied(None, "trades"))

    await house.apply(batch(Event(1), topic="settings"), look)
    house.app.consumer._committed_offset[TP("trades", 3)] = 10
    await house.apply(batch(Event(2), topic="settings"), look)
    await house.apply(batch(Event(15), Event(17)), look)
    await house.apply(batch(Event(3), topic="settings"), look)
    house.app.consumer_generation_id = 2
    await house.apply(batch(Event(4), topic="settings"), look)
    assert seen == [-1, 9, 9, 17, 9]


async def until(condition: Any) -> None:
    """Let other tasks run until the condition holds."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("the condition did not come true")
