"""The keeper's order: applied, stored, acknowledged, sent, acknowledged, and only then done."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from faust.types import TP

from schemas.errors import Refused
from schemas.records import DeadLetter
from streams.delivery.batches import Batch
from streams.delivery.partition import Context
from tests.samples import INSTRUMENT
from tests.unit.streams.delivery.played import (
    CHANGELOG,
    CODECS,
    KEY,
    OTHER_KEY,
    Broken,
    Count,
    Event,
    House,
    batch,
    step,
    until,
)


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
    house.broker.holding[0].acknowledge()
    await asyncio.wait_for(applying, 5)
    assert house.broker.topics() == [CHANGELOG, "fills"]


async def test_a_batch_is_done_only_when_what_it_sent_is_acknowledged() -> None:
    house = House()
    house.broker.held = "fills"
    applying = asyncio.create_task(house.apply(batch(Event(1)), step))
    await until(lambda: bool(house.broker.holding))
    assert not applying.done()
    house.broker.holding[0].acknowledge()
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
    house.app.joined(3)
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
    house.broker.holding[0].acknowledge()
    await asyncio.wait_for(asyncio.gather(applying, draining, waiting), 5)
    await house.apply(batch(Event(3)), step)
    assert house.fills() == [f"{INSTRUMENT}:1"]


async def test_what_was_delivered_before_a_rebalance_is_not_applied_after_it() -> None:
    house = House()
    late = batch(Event(2))
    late.generation = 1
    house.app.joined(2)
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
    for held in house.broker.holding:
        held.acknowledge()
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
    house.app.joined(2)
    await house.apply(batch(Event(4), topic="settings"), look)
    assert seen == [-1, 9, 9, 17, 9]


def fails_in_the_step(house: House) -> None:
    """The batch itself does it: see `FAULT`."""


def fails_to_store(house: House) -> None:
    house.broker.refused = CHANGELOG


def fails_to_send(house: House) -> None:
    house.broker.refused = "fills"


def fails_to_send_a_letter(house: House) -> None:
    house.broker.refused = "dead-letters"


FAULT = Event(3, KEY, b"fault")
POISON = Event(3, None, b"poison")


@pytest.mark.parametrize(
    ("fail", "event", "error", "sent"),
    [
        (fails_in_the_step, FAULT, ValueError, []),
        (fails_to_store, Event(3), Broken, []),
        (fails_to_send, Event(3), Broken, [CHANGELOG]),
        (fails_to_send_a_letter, POISON, Broken, [CHANGELOG, "fills"]),
    ],
)
async def test_after_a_failure_nothing_is_done_and_no_other_batch_of_the_partition_is_taken(
    fail: Callable[[House], None], event: Event, error: type[Exception], sent: list[str]
) -> None:
    house = House()
    first, failing, waiting = batch(Event(1)), batch(Event(2), event), batch(Event(7), topic="settings")
    await house.apply(first, step)
    stored = dict(house.table.data)
    house.broker.log.clear()
    fail(house)
    with pytest.raises(error):
        await house.apply(failing, step)
    house.broker.refused = ""
    await house.apply(waiting, step)
    await house.apply(batch(Event(9)), step)
    await house.keeper.drain()
    assert house.broker.topics() == sent
    assert house.finished == [first]
    if CHANGELOG not in sent:
        assert house.table.data == stored
    await house.apply(batch(Event(1, OTHER_KEY), partition=4), step)  # the others go on until the worker has stopped
    assert len(house.finished) == 2


@pytest.mark.parametrize("held", [CHANGELOG, "fills"])
async def test_what_is_cancelled_while_it_waits_for_the_broker_is_nothing_to_go_on_with(held: str) -> None:
    house = House()
    house.broker.held = held
    applying = asyncio.create_task(house.apply(batch(Event(1)), step))
    await until(lambda: bool(house.broker.holding))
    applying.cancel()
    await asyncio.gather(applying, return_exceptions=True)
    house.broker.held = ""
    await house.apply(batch(Event(2), topic="settings"), step)
    assert house.finished == []
    assert house.broker.topics()[-1] == held


async def test_a_failure_that_another_batch_waits_behind_loses_no_decision() -> None:
    """The first state is stored, what it decided is not sent; the batch behind it must not store over that."""
    house = House()
    house.broker.held = "fills"
    applying = asyncio.create_task(house.apply(batch(Event(1)), step))
    await until(lambda: bool(house.broker.holding))
    behind = asyncio.create_task(house.apply(batch(Event(5), topic="settings"), step))
    house.broker.holding[0].future.set_exception(Broken("fills"))
    results = await asyncio.wait_for(asyncio.gather(applying, behind, return_exceptions=True), 5)
    assert isinstance(results[0], Broken)
    assert results[1] is None
    after = house.restarted()
    await after.apply(batch(Event(5), topic="settings"), step)
    await after.apply(batch(Event(1)), step)
    assert after.fills() == [f"{INSTRUMENT}:1", f"{INSTRUMENT}:2"]


async def test_another_generation_takes_up_what_failed() -> None:
    house = House()
    await house.apply(batch(Event(1)), step)
    with pytest.raises(ValueError, match="a fault of ours"):
        await house.apply(batch(FAULT), step)
    house.app.joined(2)
    again = batch(Event(3))
    await house.apply(again, step)
    assert house.fills()[-1] == f"{INSTRUMENT}:2"
    assert house.finished[-1] is again


async def test_the_stored_value_tells_its_layout_its_offsets_and_what_is_to_be_sent() -> None:
    house = House()
    await house.apply(batch(Event(4, OTHER_KEY), topic="settings"), step)
    await house.apply(batch(Event(1), Event(2, OTHER_KEY)), step)
    value = msgspec.json.decode(house.table.data[KEY])
    assert (value["version"], value["offsets"]) == (2, {"trades": 2, "settings": 4})
    assert value["state"] == {"count": 1, "changed": False, "outbox": []}
    assert [(topic, partition) for topic, _, partition, _ in value["outbox"]] == [("fills", 3)]


@pytest.mark.parametrize(
    ("topic", "offset", "counted"),
    [("trades", 5, 1), ("trades", 4, 1), ("trades", 6, 2), ("settings", 5, 2), ("settings", 0, 2)],
)
async def test_what_an_instrument_has_applied_is_skipped_by_topic(topic: str, offset: int, counted: int) -> None:
    house = House()
    await house.apply(batch(Event(5)), step)
    after = house.restarted()
    await after.apply(batch(Event(offset), topic=topic), step)
    assert after.fills()[-1] == f"{INSTRUMENT}:{counted}"


async def test_a_record_under_another_key_goes_to_the_partition_of_that_key() -> None:
    house = House()

    def report_to_the_other(context: Context[Count], events: Batch) -> None:
        step(context, events)
        state = context.find(KEY)
        assert state is not None
        state.outbox = [msgspec.structs.replace(record, symbol="ETHUSDT") for record in state.outbox]  # type: ignore[call-arg]

    await house.apply(batch(Event(1)), report_to_the_other)
    assert [(sent.key, sent.partition) for sent in house.broker.log] == [(KEY, 3), (OTHER_KEY, None)]


async def test_dead_letters_are_sent_once_after_the_store_and_not_into_the_partition_of_their_source() -> None:
    house = House()
    await house.apply(batch(Event(1), Event(2, None, b"poison")), step)
    assert house.broker.topics() == [CHANGELOG, "fills", "dead-letters"]
    assert house.broker.log[-1].partition is None
    await house.apply(batch(Event(3, OTHER_KEY)), step)
    assert house.broker.topics()[3:] == [CHANGELOG, "fills"]


async def test_a_letter_whose_instrument_is_stored_past_its_record_is_not_lost_between_the_two() -> None:
    house = House()
    house.broker.refused = "dead-letters"
    with pytest.raises(Broken):
        await house.apply(batch(Event(1, KEY, b"poison"), Event(2)), step)
    after = house.restarted()
    again = batch(Event(1, KEY, b"poison"), Event(2))
    await after.apply(again, step)
    assert after.broker.topics() == ["dead-letters", "fills"]
    assert CODECS[DeadLetter].decode(after.broker.log[0].value).offset == 1
    assert after.finished == [again]


async def test_what_a_pure_function_says_of_a_state_is_worked_out_again_after_a_change() -> None:
    house = House()
    looked: list[int] = []

    def count_of(state: Count) -> int:
        looked.append(state.count)
        return state.count

    def look(context: Context[Count], events: Batch) -> None:
        expected = [-1, events.offsets[0], events.offsets[0]]
        assert context.look([OTHER_KEY, KEY, KEY], count_of, -1) == expected

    def change_and_look(context: Context[Count], events: Batch) -> None:
        step(context, events)
        assert context.look([KEY], lambda state: state.count, -1) == [events.offsets[0]]
        state = context.find(KEY)
        assert state is not None
        state.count += 1  # whoever found it may still be changing it
        assert context.look([KEY], lambda state: state.count, -1) == [events.offsets[0] + 1]
        state.count -= 1

    for count in range(1, 4):
        await house.apply(batch(Event(count)), change_and_look)
        await house.apply(batch(Event(count), topic="settings"), look)
        await house.apply(batch(Event(count), topic="settings"), look)
    assert looked == [1, 2, 3]
