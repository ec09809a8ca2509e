"""Checkpoints: what is applied is stored, sent and done together, later, and never one without what comes before it."""

import asyncio
from typing import Any

import pytest

from schemas.errors import Refused
from schemas.records import DeadLetter
from streams.delivery.batches import HANDED_MAX, Batch
from streams.delivery.checkpoint import LETTERS_BYTES_MAX, Checkpoint, Unwritable
from streams.delivery.partition import Context
from tests.samples import INSTRUMENT, fill
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

SELDOM = Checkpoint(seconds=3_600, records=20_000)
EVERY_4 = Checkpoint(seconds=3_600, records=4)
AT_ONCE = Checkpoint(seconds=0)
"""As soon as the loop has turned."""


def names(*counts: int) -> list[str]:
    return [f"{INSTRUMENT}:{count}" for count in counts]


async def test_nothing_is_stored_sent_or_done_before_the_checkpoint_and_then_all_is() -> None:
    house = House(storing=SELDOM)
    batches = [
        batch(Event(1)),
        batch(Event(2)),
        batch(Event(3), Event(4, OTHER_KEY)),
        batch(Event(9), topic="settings"),
    ]
    for each in batches:
        await house.apply(each, step)
    assert (house.broker.log, house.finished, house.table.data) == ([], [], {})
    await house.keeper.drain()
    assert house.broker.topics() == [CHANGELOG, CHANGELOG, *["fills"] * 5]
    assert [sent.key for sent in house.broker.log[:2]] == [KEY, OTHER_KEY]
    assert house.finished == batches
    house.broker.log.clear()
    await house.keeper.drain()
    assert (house.broker.log, house.finished) == ([], batches)


async def test_only_what_changed_since_the_last_checkpoint_is_stored() -> None:
    house = House(storing=SELDOM)
    await house.apply(batch(Event(1), Event(2, OTHER_KEY)), step)
    await house.keeper.drain()
    house.broker.log.clear()
    await house.apply(batch(Event(3, OTHER_KEY)), step)
    await house.keeper.drain()
    assert [(sent.topic, sent.key) for sent in house.broker.log] == [(CHANGELOG, OTHER_KEY), ("fills", OTHER_KEY)]


async def test_no_more_records_wait_than_may() -> None:
    house = House(storing=EVERY_4)
    done = []
    for offset in range(1, 8, 2):
        await house.apply(batch(Event(offset), Event(offset + 1)), step)
        done.append(len(house.finished))
    assert done == [0, 2, 2, 4]


async def test_a_checkpoint_begins_the_time_to_the_next_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, handles = asyncio.get_running_loop(), []
    later = loop.call_later

    def call_later(*arguments: Any) -> asyncio.TimerHandle:
        handles.append(later(*arguments))
        return handles[-1]

    monkeypatch.setattr(loop, "call_later", call_later)
    house = House(storing=EVERY_4)
    for offset in (1, 3, 5):
        await house.apply(batch(Event(offset), Event(offset + 1)), step)
    assert [handle.cancelled() for handle in handles] == [True, False]
    await house.keeper.drain()
    assert [handle.cancelled() for handle in handles] == [True, True]


async def test_nothing_waits_longer_than_it_may() -> None:
    house = House(storing=AT_ONCE)
    applied = batch(Event(1))
    await house.apply(applied, step)
    assert house.finished == []
    await until(lambda: bool(house.finished))
    assert house.finished == [applied]
    assert house.broker.topics() == [CHANGELOG, "fills"]


async def test_a_state_is_stored_before_what_it_made_is_sent_and_done_after() -> None:
    house = House(storing=SELDOM)
    await house.apply(batch(Event(1)), step)
    house.broker.held = CHANGELOG
    draining = asyncio.create_task(house.keeper.drain())
    await until(lambda: bool(house.broker.holding))
    assert (house.broker.topics(), house.finished) == ([CHANGELOG], [])
    house.broker.held = "fills"
    house.broker.holding.pop().acknowledge()
    await until(lambda: bool(house.broker.holding))
    assert (house.broker.topics(), house.finished) == ([CHANGELOG, "fills"], [])
    house.broker.holding.pop().acknowledge()
    await asyncio.wait_for(draining, 5)
    assert len(house.finished) == 1


async def test_what_was_not_stored_is_applied_again_by_the_next_process_and_counted_once() -> None:
    house = House(storing=SELDOM)
    await house.apply(batch(Event(1), Event(2)), step)
    await house.keeper.drain()
    await house.apply(batch(Event(3), Event(4)), step)
    after = house.restarted()
    await after.apply(batch(Event(2), Event(3)), step)  # read again from what was committed, and cut anew
    await after.apply(batch(Event(4), Event(5)), step)
    await after.keeper.drain()
    assert house.fills() == names(1, 2)
    assert after.fills() == names(1, 2, 3, 4, 5)  # what was stored to be sent comes again, the same


async def test_what_was_stored_and_not_sent_is_sent_by_the_next_process() -> None:
    house = House(storing=SELDOM)
    await house.apply(batch(Event(1)), step)
    house.broker.refused = "fills"
    with pytest.raises(Broken):
        await house.keeper.drain()
    assert house.finished == []
    after = house.restarted()
    await after.apply(batch(Event(1)), step)
    await after.keeper.drain()
    assert (after.broker.topics(), after.fills()) == (["fills"], names(1))


async def test_a_rebalance_drops_what_is_not_stored_and_its_checkpoint() -> None:
    house = House(storing=AT_ONCE)
    lost = batch(Event(1))
    await house.apply(lost, step)
    house.app.joined(2)
    again = batch(Event(1))
    await house.apply(again, step)
    await until(lambda: bool(house.finished))
    assert house.finished == [again]
    assert house.fills() == names(1)


async def test_what_was_handled_under_another_generation_is_not_stored_when_partitions_are_given_up() -> None:
    house = House(storing=SELDOM)
    await house.apply(batch(Event(1)), step)
    house.app.joined(2)
    await house.keeper.drain()
    assert (house.broker.log, house.finished) == ([], [])


async def test_a_checkpoint_that_comes_after_its_partition_was_given_up_does_nothing() -> None:
    house = House(storing=AT_ONCE)
    await house.apply(batch(Event(1)), step)
    house.app.flow_control.active = False
    for _ in range(10):  # turns of the loop, in which its time comes
        await asyncio.sleep(0)
    assert (house.broker.log, house.finished) == ([], [])


async def test_a_checkpoint_that_fails_stops_the_worker_and_its_partition() -> None:
    house = House(storing=AT_ONCE)
    house.broker.refused = CHANGELOG
    await house.apply(batch(Event(1)), step)
    await asyncio.wait_for(house.failed.wait(), 5)
    assert [repr(error) for error in house.failures] == [f"Broken('{CHANGELOG}')"]
    house.broker.refused = ""
    await house.apply(batch(Event(2)), step)
    await house.keeper.drain()
    assert (house.broker.log, house.finished, house.table.data) == ([], [], {})


async def test_a_fault_drops_all_that_came_since_the_last_checkpoint() -> None:
    house = House(storing=SELDOM)
    await house.apply(batch(Event(1)), step)
    with pytest.raises(ValueError, match="a fault of ours"):
        await house.apply(batch(Event(2), Event(3, KEY, b"fault")), step)
    await house.keeper.drain()
    assert (house.broker.log, house.finished) == ([], [])


async def test_dead_letters_wait_for_the_checkpoint() -> None:
    house = House(storing=SELDOM)
    await house.apply(batch(Event(1, None, b"poison"), Event(2)), step)
    assert house.broker.log == []
    await house.keeper.drain()
    assert house.broker.topics() == [CHANGELOG, "fills", "dead-letters"]


@pytest.mark.parametrize("records", [0, -1, HANDED_MAX // 2 + 1])
def test_so_many_records_cannot_wait(records: int) -> None:
    with pytest.raises(ValueError, match=f"records: {records} is not between 1 and {HANDED_MAX // 2}"):
        Checkpoint(records=records)


POISON = (b"p" * 1_500_000, b"fine")


def wide_step(context: Context[Count], events: Batch) -> None:
    """Make dead letters of the wide records, and count the others."""
    for row, event in enumerate(events.records):
        if event.offset <= context.applied(event.key, context.topic):
            continue
        if len(event.value) > 1_000:
            context.dead_letter(row, Refused("value: wide"))
        else:
            step(context, batch(event))


def told(house: House) -> list[int]:
    return [CODECS[DeadLetter].decode(sent.value).offset for sent in house.broker.log if sent.topic == "dead-letters"]


async def test_letters_that_are_too_wide_for_a_state_are_sent_before_it() -> None:
    """Eight of a megabyte and a half under one key: with all of them no changelog takes its state."""
    house = House()
    await house.apply(batch(*(Event(n, KEY, POISON[0]) for n in range(8)), Event(8)), wide_step)
    stored = [sent for sent in house.broker.log if sent.topic == CHANGELOG]
    assert [len(sent.value) < LETTERS_BYTES_MAX * 1.4 for sent in stored] == [True]
    before = house.broker.topics().index(CHANGELOG)
    assert (before, house.broker.topics()[:before]) == (6, ["dead-letters"] * 6)
    assert sorted(told(house)) == list(range(8))


async def test_letters_of_other_instruments_have_room_of_their_own() -> None:
    house = House()
    events = [Event(0, KEY, POISON[0]), Event(1, OTHER_KEY, POISON[0])]
    events += [Event(2, KEY, POISON[0]), Event(3, OTHER_KEY, POISON[0]), Event(4, KEY), Event(5, OTHER_KEY)]
    await house.apply(batch(*events), wide_step)
    assert house.broker.topics()[:2] == [CHANGELOG, CHANGELOG]
    assert sorted(told(house)) == [0, 1, 2, 3]


async def test_a_wide_letter_is_not_lost_when_its_state_cannot_be_stored() -> None:
    house = House()
    house.broker.refused = CHANGELOG
    events = [*(Event(n, KEY, POISON[0]) for n in range(4)), Event(4)]
    with pytest.raises(Broken):
        await house.apply(batch(*events), wide_step)
    again = house.restarted()
    await again.apply(batch(*events), wide_step)
    assert sorted(told(again)) == [0, 1, 2, 3]


async def test_a_decision_that_cannot_be_written_names_its_instrument() -> None:
    house = House()

    def decide(context: Context[Count], events: Batch) -> None:
        step(context, events)
        context.touched[0].outbox.append(fill(price="0"))

    with pytest.raises(Unwritable, match=rf"^{INSTRUMENT}: what it decided cannot be written: price: 0 .*Fill"):
        await house.apply(batch(Event(1), Event(2, OTHER_KEY)), decide)
    assert (house.broker.log, house.table.data, house.finished) == ([], {}, [])


async def test_a_state_that_is_wider_than_a_changelog_takes_names_its_instrument() -> None:
    house = House()

    def decide(context: Context[Count], events: Batch) -> None:
        step(context, events)
        context.touched[0].outbox += [fill(reason="x" * 4_000)] * 4_000

    with pytest.raises(
        Unwritable, match=rf"^{INSTRUMENT}: its state and what it sends have \d+ bytes, and a changelog"
    ):
        await house.apply(batch(Event(1)), decide)
    assert house.broker.log == []
