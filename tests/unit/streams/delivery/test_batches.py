"""What is committed of batches: never past a record that an agent has not handled, and not short of it for long.

Faust's consumer is the real one. Played are the broker, which sends what a test tells it to and takes commits, and the
agents, which are done with a batch when a test says so. The real broker is in `tests/e2e` and `tests/faults`.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.consumer import Fetcher
from faust.types import TP

from streams.delivery.batches import BATCH_RECORDS, HANDED_MAX, Deliveries
from streams.topics import lean
from tests.unit.streams.delivery.played_consumer import OTHER, TRADES, Place, Record, play, records


def test_a_batch_is_consecutive_records_of_one_partition() -> None:
    async def test(place: Place) -> None:
        handed = await place.arrive(records(0, 2 * BATCH_RECORDS + 1))
        assert [batch.offsets for batch in handed] == [
            list(range(BATCH_RECORDS)),
            list(range(BATCH_RECORDS, 2 * BATCH_RECORDS)),
            [2 * BATCH_RECORDS],
        ]
        assert {batch.generation for batch in handed} == {1}

    play(test)


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        ([], None),
        ([0], 10),
        ([1], None),  # the first is not done yet
        ([0, 1], 20),
        ([1, 0], 20),
        ([0, 2], 10),
        ([2, 1], None),
        ([2, 1, 0], 30),
    ],
)
def test_what_is_committed_follows_the_batches_that_are_done_without_a_gap(
    done: list[int], expected: int | None
) -> None:
    async def test(place: Place) -> None:
        handed = [(await place.arrive(records(10 * i, 10 * i + 10)))[0] for i in range(3)]
        for i in done:
            place.consumer.done(handed[i])
        assert await place.commit() == expected

    play(test)


def test_what_was_done_too_early_is_committed_with_what_it_waited_for() -> None:
    async def test(place: Place) -> None:
        first, second, third = [(await place.arrive(records(10 * i, 10 * i + 10)))[0] for i in range(3)]
        place.consumer.done(second)
        place.consumer.done(third)
        assert await place.commit() is None
        place.consumer.done(first)
        assert await place.commit() == 30
        assert place.consumer._deliveries.span(TRADES) == 0

    play(test)


def test_a_batch_of_two_agents_is_done_when_both_have_done_it() -> None:
    async def test(place: Place) -> None:
        first, second = [(await place.arrive(records(10 * i, 10 * i + 10)))[0] for i in range(2)]
        place.consumer.done(first)  # the faster agent is ahead by two
        place.consumer.done(second)
        assert await place.commit() is None
        place.consumer.done(first)
        assert await place.commit() == 10
        place.consumer.done(second)
        assert await place.commit() == 20

    play(test, readers=2)


def test_partitions_are_committed_apart() -> None:
    async def test(place: Place) -> None:
        await place.arrive(records(0, 10))
        (other,) = await place.arrive(records(50, 60), OTHER)
        place.consumer.done(other)
        assert await place.commit() is None
        assert place.consumer.committed == {OTHER: 60}

    play(test)


def test_holes_in_the_offsets_are_passed() -> None:
    async def test(place: Place) -> None:
        for some in ([Record(3), Record(7)], [Record(20)]):  # a compacted topic, or a transaction's markers
            (batch,) = await place.arrive(some)
            place.consumer.done(batch)
        assert await place.commit() == 21

    play(test)


def test_what_was_read_before_is_neither_handed_out_nor_waited_for() -> None:
    async def test(place: Place) -> None:
        place.consumer._read_offset[TRADES] = 100
        assert await place.arrive(records(0, 10)) == []
        (first,) = await place.arrive(records(90, 110))
        assert first.offsets == list(range(100, 110))
        assert await place.arrive(records(100, 110)) == []
        (second,) = await place.arrive(records(105, 120))
        assert second.offsets == list(range(110, 120))
        place.consumer.done(second)
        assert await place.commit() is None
        place.consumer.done(first)
        assert await place.commit() == 120

    play(test)


def test_what_another_generation_got_counts_no_more() -> None:
    async def test(place: Place) -> None:
        first, second = [(await place.arrive(records(10 * i, 10 * i + 10)))[0] for i in range(2)]
        place.consumer.done(second)
        place.rebalance()
        place.consumer.done(first)  # late: it may have been handled after the partition was given up
        assert await place.commit() is None
        again = (await place.arrive(records(0, 15)))[0]  # cut in another place
        assert await place.commit() is None
        place.consumer.done(again)
        assert await place.commit() == 15

    play(test)


def test_a_batch_that_was_given_up_counts_for_nobody() -> None:
    async def test(place: Place) -> None:
        (batch,) = await place.arrive(records(0, 10))
        deliveries = place.consumer._deliveries
        deliveries._app.consumer_generation_id += 1
        assert (deliveries.done(batch), batch.left) == (False, 1)
        deliveries._app.consumer_generation_id -= 1
        assert (deliveries.done(batch), batch.left) == (True, 0)

    play(test)


def test_what_was_done_before_a_rebalance_is_not_committed_after_it() -> None:
    async def test(place: Place) -> None:
        (batch,) = await place.arrive(records(0, 10))
        place.consumer.done(batch)
        place.rebalance()  # the partition may be somebody else's now
        assert await place.commit() is None

    play(test)


def test_what_another_owner_has_done_meanwhile_is_not_waited_for() -> None:
    async def test(place: Place) -> None:
        await place.arrive(records(0, 10))
        place.consumer.committed[TRADES] = 40
        place.rebalance()
        (batch,) = await place.arrive(records(40, 50))
        place.consumer.done(batch)
        assert await place.commit() == 50

    play(test)


def test_what_is_stored_while_partitions_are_given_up_is_committed() -> None:
    async def test(place: Place) -> None:
        (batch,) = await place.arrive(records(0, 10))
        place.app.flow_control.suspend()
        place.consumer.done(batch)
        assert await place.commit() == 10

    play(test)


def test_nothing_more_is_asked_for_while_partitions_are_given_up() -> None:
    async def test(place: Place) -> None:
        (batch,) = await place.arrive([Record(0), Record(HANDED_MAX)])
        place.consumer._buffered_partitions.add(TRADES)
        place.app.flow_control.suspend()
        place.consumer.done(batch)
        assert TRADES in place.consumer._buffered_partitions

    play(test)


def test_nothing_is_handed_out_while_partitions_are_given_up() -> None:
    async def test(place: Place) -> None:
        place.app.flow_control.suspend()
        assert await place.arrive(records(0, 10)) == []
        place.app.flow_control.resume()
        (batch,) = await place.arrive(records(0, 10))  # read again
        place.consumer.done(batch)
        assert await place.commit() == 10

    play(test)


def test_reading_again_within_a_generation_does_not_hold_up_commits() -> None:
    async def test(place: Place) -> None:
        assert len(await place.arrive(records(0, 20))) == 1
        place.go_back()
        first, second = [(await place.arrive(records(15 * i, 15 * i + 15)))[0] for i in range(2)]
        place.consumer.done(first)
        assert await place.commit() == 15
        place.consumer.done(second)
        assert await place.commit() == 30

    play(test)


def test_a_partition_whose_agents_are_behind_is_not_asked_for_until_half_is_done() -> None:
    part = HANDED_MAX // 4

    async def test(place: Place) -> None:
        handed = [(await place.arrive([Record(i * part), Record((i + 1) * part - 1)]))[0] for i in range(3)]
        assert place.client.asked == {TRADES, OTHER}
        handed += await place.arrive([Record(3 * part), Record(4 * part - 1)])
        assert place.client.asked == {OTHER}
        place.consumer.done(handed[0])
        await place.arrive([Record(0)], OTHER)
        assert place.client.asked == {OTHER}
        place.consumer.done(handed[1])
        await place.arrive([Record(1)], OTHER)
        assert place.client.asked == {TRADES, OTHER}
        assert all(type(tp) is TP for tp in place.client.asked)  # Faust insists

    play(test)


def test_what_comes_of_a_partition_that_is_paused_meanwhile_is_not_handed_out() -> None:
    async def test(place: Place) -> None:
        place.consumer.pause_partitions({TRADES})
        assert await place.arrive(records(0, 10)) == []
        place.consumer.resume_partitions({TRADES})
        assert len(await place.arrive(records(0, 10))) == 1

    play(test)


def test_records_that_no_agent_reads_stop_the_worker() -> None:
    async def test(place: Place) -> None:
        place.conductor.clear()
        with pytest.raises(RuntimeError, match="no agent reads"):
            place.consumer._hand_out(TRADES, records(0, 10))

    play(test)


def test_what_is_made_active_while_records_are_waited_for_is_asked_for_the_next_time() -> None:
    """Recovery does so before it seeks back."""

    async def test(place: Place) -> None:
        place.consumer._get_active_partitions().discard(OTHER)
        await place.arrive(records(0, 10))
        assert place.client.asked == {TRADES}
        place.consumer._get_active_partitions().add(OTHER)
        assert place.client.asked == {TRADES}
        await place.arrive(records(10, 20))
        assert place.client.asked == {TRADES, OTHER}

    play(test)


def test_a_table_takes_all_that_came_of_its_changelog_and_faust_is_told_of_the_last() -> None:
    async def test(place: Place) -> None:
        table: Any = place.app.tables["leaders"]
        changelog, told = TP(table.changelog_topic_name, 3), []

        async def note(message: Any) -> None:
            told.append(message.offset)

        place.consumer.callback = note
        states = [
            lean.Record(*changelog, offset, 0, 0, key, b"{}", None, 1, 1, ())
            for offset, key in [(5, b"a"), (6, b"b"), (9, b"a")]
        ]
        assert await place.arrive(states, changelog) == []
        assert (dict(table.data.items()), told) == ({}, [])
        place.consumer._set_active_tps({TRADES, changelog})
        assert await place.arrive(states, changelog) == []
        assert (dict(table.data.items()), told) == ({b"a": b"{}", b"b": b"{}"}, [9])
        assert not table.known.is_beyond(3, 10)

    play(test)


def test_what_was_handed_out_before_partitions_were_given_up_counts_no_more() -> None:
    app = SimpleNamespace(consumer_generation_id=1)
    deliveries, tp = Deliveries(app), TP("trades", 0)
    first, second = (deliveries.hand_out(tp, [SimpleNamespace(offset=offset)], 1)[0] for offset in (5, 6))
    assert deliveries.done(first)
    app.consumer_generation_id = 2
    assert not deliveries.done(second)
    assert (second.left, deliveries.to_commit(tp)) == (1, None)


@pytest.mark.parametrize("stops", [True, False])
def test_a_reader_that_is_cancelled_has_crashed_unless_the_worker_stops(stops: bool) -> None:
    async def test(place: Place) -> None:
        reading = asyncio.ensure_future(place.consumer._drain_messages(Fetcher(place.app)))
        await place.settled()
        if stops:
            place.app._stopped.set()
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled() is not stops
        place.app._stopped.clear()

    play(test)
