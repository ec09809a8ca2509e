"""A worker that was frozen and goes on: what it stores late, what its successor does about it, and what it may not."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from faust.types import TP

from schemas.records import Fill
from streams.delivery.changelog import place_of
from streams.delivery.checkpoint import Checkpoint
from streams.delivery.partition import Context
from tests.unit.streams.delivery.played import (
    CHANGELOG,
    CODECS,
    KEY,
    OTHER_KEY,
    SESSION_S,
    Count,
    Event,
    House,
    Sent,
    batch,
    step,
    until,
)

SELDOM = Checkpoint(seconds=1e6, records=1_000)


def places(house: House, key: bytes = KEY) -> list[tuple[int, int]]:
    """Epoch and revision of what is in the changelog, in its order."""
    return [place_of(sent.value) for sent in house.broker.log if (sent.topic, sent.key) == (CHANGELOG, key)]


def count(house: House, key: bytes = KEY) -> int:
    """What a worker would find that recovers now."""
    found: int = msgspec.json.decode(house.restarted().table.data[key])["state"]["count"]
    return found


def store_late(house: House, key: bytes = KEY) -> Sent:
    """The owner before, of epoch 1, stores what it had applied before it was frozen."""
    state = msgspec.json.encode({"version": 2, "offsets": {"trades": 99}, "state": {"count": 77}, "outbox": []})
    late = state[:-1] + b',"epoch":1,"revision":50}'
    return house.broker.append(CHANGELOG, key, late, 3)


async def taken_over() -> House:
    """A worker of generation 2 that has loaded what one of generation 1 has stored of two instruments."""
    before = House()
    await before.apply(batch(Event(1), Event(2, OTHER_KEY)), step)
    house = before.restarted()
    house.app.producer = before.broker
    house.app.consumer._broker = before.broker
    house.keeper._producer._app = house.app
    for sent in before.broker.log:
        if sent.topic == CHANGELOG:
            house.table.known.read(3, sent.offset, sent.key)
    house.app.joined(2)
    return house


async def test_states_and_records_say_their_epoch() -> None:
    house = await taken_over()
    await house.apply(batch(Event(3)), step)
    await house.apply(batch(Event(4)), step)
    assert places(house) == [(1, 1), (2, 2), (2, 3)]
    fills = [CODECS[Fill].decode(sent.value) for sent in house.broker.log if (sent.topic, sent.key) == ("fills", KEY)]
    assert [fill.epoch for fill in fills if isinstance(fill, Fill)] == [1, 1, 2, 2]  # one of them sent again


async def test_a_group_that_begins_anew_goes_on_above_what_is_stored() -> None:
    house = House()
    house.app.joined(50)
    await house.apply(batch(Event(1)), step)
    after = house.restarted()
    after.app.joined(1)
    await after.apply(batch(Event(2)), step)
    assert places(after) == [(51, 2)]


async def test_the_same_worker_goes_on_above_its_own_after_a_rebalance() -> None:
    house = House()
    for generation in (1, 2, 5):
        house.app.joined(generation)
        await house.apply(batch(Event(generation)), step)
    assert places(house) == [(1, 1), (2, 2), (5, 3)]


async def noticed_at_the_next_store(house: House) -> None:
    await house.apply(batch(Event(9, OTHER_KEY)), step)


async def noticed_before_a_commit(house: House) -> None:
    ends = await house.app.consumer.highwaters(*house.keeper.owned())
    await house.keeper.keep_own(ends)


@pytest.mark.parametrize("notice", [noticed_at_the_next_store, noticed_before_a_commit])
@pytest.mark.parametrize("changed", [True, False], ids=["stored since", "not stored since"])
async def test_all_states_are_stored_again_where_somebody_else_has_written(
    notice: Callable[[House], Awaitable[None]], changed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    house = await taken_over()
    await house.apply(batch(Event(3, KEY if changed else OTHER_KEY)), step)
    late = store_late(house)
    await notice(house)
    own = [sent for sent in house.broker.log if sent.topic == CHANGELOG and sent.offset > late.offset]
    assert {sent.key for sent in own} == {KEY, OTHER_KEY}
    assert all(place_of(sent.value).epoch == 2 for sent in own)
    assert count(house) == (2 if changed else 1)
    assert [r.getMessage() for r in caplog.records if "others have written states of partition 3" in r.getMessage()]

    caplog.clear()
    stored = len(house.broker.log)
    await noticed_before_a_commit(house)
    assert len(house.broker.log) == stored, "it is done once"
    await house.apply(batch(Event(10)), step)
    assert caplog.records == []


@pytest.mark.parametrize("how", ["nothing", "own", "another partition"])
async def test_nothing_is_stored_again_where_nobody_else_has_written(how: str) -> None:
    house = await taken_over()
    await house.apply(batch(Event(3)), step)
    if how == "own":
        await house.apply(batch(Event(4)), step)
    if how == "another partition":
        house.broker.append(CHANGELOG, KEY, b"{}", 4)
    stored = len(house.broker.log)
    await noticed_before_a_commit(house)
    assert len(house.broker.log) == stored


async def test_what_is_under_way_is_no_record_of_somebody_else() -> None:
    house = await taken_over()
    await house.apply(batch(Event(3)), step)
    house.broker.held = CHANGELOG
    applying = asyncio.create_task(house.apply(batch(Event(4)), step))
    await until(lambda: bool(house.broker.holding))
    looking = asyncio.create_task(noticed_before_a_commit(house))
    await asyncio.sleep(0)
    house.broker.held = ""
    house.broker.holding[0].acknowledge()
    await asyncio.wait_for(asyncio.gather(applying, looking), 5)
    assert places(house) == [(1, 1), (2, 2), (2, 3)]


async def test_partitions_that_have_failed_or_were_given_up_are_left_alone() -> None:
    house = await taken_over()
    await house.apply(batch(Event(3)), step)
    assert house.keeper.owned() == [TP(CHANGELOG, 3)]
    house.app.joined(3)
    assert house.keeper.owned() == []
    house.app.joined(2)
    with pytest.raises(ValueError, match="a fault of ours"):
        await house.apply(batch(Event(4, value=b"fault")), step)
    assert house.keeper.owned() == []


@pytest.mark.parametrize("then", ["a heartbeat", "given up", "another generation"])
async def test_a_worker_that_wakes_stores_nothing_before_it_knows_that_it_is_a_member(then: str) -> None:
    house = await taken_over()
    await house.apply(batch(Event(3)), step)
    done, stored = len(house.finished), len(house.broker.log)
    house.app.time += SESSION_S + 1
    applying = asyncio.create_task(house.apply(batch(Event(4)), step))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (len(house.broker.log), applying.done()) == (stored, False)
    if then == "a heartbeat":
        house.app.membership.confirmed(2, house.app.time)
        await asyncio.wait_for(applying, 5)
        assert (len(house.broker.log), len(house.finished)) == (stored + 2, done + 1)
        return
    if then == "given up":
        house.app.flow_control.active = False
    else:
        house.app.joined(3)
    await asyncio.wait_for(applying, 5)
    assert (len(house.broker.log), len(house.finished)) == (stored, done)
    assert house.keeper.owned() == []


async def test_what_was_stored_before_the_freeze_is_not_sent_after_it() -> None:
    house = await taken_over()
    await house.apply(batch(Event(3)), step)
    sent = house.fills()
    house.broker.held = CHANGELOG
    applying = asyncio.create_task(house.apply(batch(Event(4)), step))
    await until(lambda: bool(house.broker.holding))
    house.app.time += SESSION_S + 1
    house.broker.holding[0].acknowledge()
    for _ in range(10):
        await asyncio.sleep(0)
    house.app.flow_control.active = False
    await asyncio.wait_for(applying, 5)
    assert house.fills() == sent


async def test_no_dead_letter_is_sent_by_a_worker_that_does_not_know_that_it_is_a_member() -> None:
    house = House()
    house.app.time += SESSION_S + 1
    applying = asyncio.create_task(house.apply(batch(Event(1, value=b"poison")), step))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (house.broker.log, applying.done()) == ([], False)
    house.app.membership.confirmed(1, house.app.time)
    await asyncio.wait_for(applying, 5)
    assert house.broker.topics() == ["dead-letters"]


async def test_what_is_given_up_is_not_stored_by_a_worker_that_was_frozen() -> None:
    house = House(storing=SELDOM)
    await house.apply(batch(Event(1)), step)
    house.app.time += SESSION_S + 1
    house.app.flow_control.active = False
    await house.keeper.drain()
    assert (house.broker.log, house.finished) == ([], [])


async def test_records_of_an_epoch_that_is_over_are_counted_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    house = House()

    def drop_all(context: Context[Count], events: object) -> None:
        def drop(_: Event) -> None:
            context.superseded += 1

        context.each(drop)

    with caplog.at_level(logging.WARNING):
        await house.apply(batch(Event(1), Event(2)), drop_all)
        await house.apply(batch(Event(3)), step)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "counter: 2 records of TP(topic='trades', partition=3) are of an epoch that is over: dropped"
