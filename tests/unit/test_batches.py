"""What is committed of batches: never past a record that an agent has not handled, and not short of it for long.

Faust's consumer is the real one. Played are the broker, which sends what a test tells it to and takes commits, and the
agents, which acknowledge when a test tells them to. The real broker is in `tests/e2e` and `tests/faults`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from faust.transport.consumer import Fetcher
from faust.types import TP, Message

from infra.config import Config
from streams.delivery.batches import BATCH_RECORDS, BatchConsumer
from streams.worker import HedgehogApp, make_app

TRADES = TP("trades", 0)
OTHER = TP("trades", 1)
WITHIN_S = 5


@dataclass
class Record:
    """What of a record of the Kafka client is looked at here."""

    offset: int
    key: bytes = b"binance:XRPUSDT"
    value: bytes = b""
    timestamp: int = 0
    timestamp_type: int = 0
    headers: tuple[()] = ()
    checksum: None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0
    topic: str = TRADES.topic
    partition: int = TRADES.partition


def records(first: int, end: int) -> list[Record]:
    return [Record(offset) for offset in range(first, end)]


class PlayedThread:
    """The thread of the Kafka client, which gives what is `coming`; `asked` for is what it was asked for last."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[dict[TP, list[Record]]] = asyncio.Queue()
        self.asked: set[TP] = set()

    async def getmany(self, active: set[TP], _timeout: float) -> dict[TP, list[Record]]:
        self.asked = active
        return await self.coming.get()


class PlayedConsumer(BatchConsumer):
    """A consumer whose broker takes commits."""

    def assignment(self) -> set[TP]:
        return {TRADES, OTHER}

    def highwater(self, tp: TP) -> int:
        return 1_000_000

    async def _commit(self, offsets: Any) -> bool:
        self.committed.update(offsets)
        return True

    @property
    def committed(self) -> dict[TP, int]:
        return self.__dict__.setdefault("taken_commits", {})


class Place:
    """A consumer at work, and what it handed to its agents, `readers` of them for each message."""

    def __init__(self, app: HedgehogApp, readers: int) -> None:
        self.app = app
        self.handed: list[Message] = []
        self.waiting = False
        self._readers = readers
        self.consumer: Any = PlayedConsumer(app.transport, self._take, self._ignore, self._ignore)
        self.thread = PlayedThread()
        self.consumer._thread = self.thread
        self.consumer._set_active_tps({TRADES, OTHER})
        self.app.consumer = self.consumer
        self.full = asyncio.Event()
        self.full.set()

    async def _take(self, message: Message) -> None:
        self.waiting = not self.full.is_set()
        await self.full.wait()
        message.incref(self._readers)
        self.consumer.track_message(message)
        self.handed.append(message)

    async def _ignore(self, *_: Any) -> None:
        pass

    async def arrive(self, got: list[Record], tp: TP = TRADES) -> list[Message]:
        """Records arrive; what the agents were handed of them."""
        before = len(self.handed)
        self.thread.coming.put_nowait({tp: got})
        await self.settled()
        return self.handed[before:]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not true():  # noqa: ASYNC110 - the consumer says nothing when it has worked something off
                await asyncio.sleep(0)

    async def settled(self) -> None:
        """The consumer has worked off all that has arrived and asks for more."""
        coming = self.thread.coming
        await self.until(lambda: coming.empty() and bool(coming._getters))

    async def commit(self) -> int | None:
        """Commit; the offset that the broker has for the partition."""
        await self.consumer.force_commit()
        return self.consumer.committed.get(TRADES)

    def rebalance(self) -> None:
        """The partitions are given up and come back, to be read again from what was committed."""
        self.app.consumer_generation_id += 1
        self.consumer._read_offset.update({tp: self.consumer.committed.get(tp) for tp in (TRADES, OTHER)})


def play(test: Callable[[Place], Coroutine[Any, Any, None]], readers: int = 1) -> None:
    """Run `test` beside a consumer that hands out what arrives."""

    async def run() -> None:
        app = make_app(Config(topic_prefix="unit-batches-"))
        app.topics._acking_topics.add(TRADES.topic)
        app.consumer_generation_id = 1
        app.flow_control.resume()
        place = Place(app, readers)
        place.consumer.resume_flow()
        fetcher = Fetcher(app)
        draining = asyncio.ensure_future(place.consumer._drain_messages(fetcher))
        try:
            await test(place)
            assert not draining.done()
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)

    asyncio.run(run())


def test_a_batch_is_consecutive_records_of_one_partition() -> None:
    async def test(place: Place) -> None:
        handed = await place.arrive(records(0, 2 * BATCH_RECORDS + 1))
        assert [message.value.offsets for message in handed] == [
            list(range(BATCH_RECORDS)),
            list(range(BATCH_RECORDS, 2 * BATCH_RECORDS)),
            [2 * BATCH_RECORDS],
        ]
        assert {message.value.generation for message in handed} == {1}

    play(test)


@pytest.mark.parametrize(
    ("acknowledged", "expected"),
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
    acknowledged: list[int], expected: int | None
) -> None:
    async def test(place: Place) -> None:
        handed = [(await place.arrive(records(10 * i, 10 * i + 10)))[0] for i in range(3)]
        for i in acknowledged:
            handed[i].ack(place.consumer)
        assert await place.commit() == expected

    play(test)


def test_what_came_too_early_is_committed_with_what_it_waited_for() -> None:
    async def test(place: Place) -> None:
        first, second, third = [(await place.arrive(records(10 * i, 10 * i + 10)))[0] for i in range(3)]
        second.ack(place.consumer)
        third.ack(place.consumer)
        assert await place.commit() is None
        first.ack(place.consumer)
        assert await place.commit() == 30
        assert not place.consumer._acked[TRADES]
        assert not place.consumer._acked_index[TRADES]
        assert not place.consumer._delivered[TRADES].ends

    play(test)


def test_a_batch_of_two_agents_is_done_when_both_have_done_it() -> None:
    async def test(place: Place) -> None:
        first, second = [(await place.arrive(records(10 * i, 10 * i + 10)))[0] for i in range(2)]
        first.ack(place.consumer)  # the faster agent is ahead by two
        second.ack(place.consumer)
        assert await place.commit() is None
        first.ack(place.consumer)
        assert await place.commit() == 10
        second.ack(place.consumer)
        assert await place.commit() == 20

    play(test, readers=2)


def test_partitions_are_committed_apart() -> None:
    async def test(place: Place) -> None:
        await place.arrive(records(0, 10))
        (other,) = await place.arrive(records(50, 60), OTHER)
        other.ack(place.consumer)
        assert await place.commit() is None
        assert place.consumer.committed == {OTHER: 60}

    play(test)


def test_holes_in_the_offsets_are_passed() -> None:
    async def test(place: Place) -> None:
        for some in ([Record(3), Record(7)], [Record(20)]):  # a compacted topic, or a transaction's markers
            (message,) = await place.arrive(some)
            message.ack(place.consumer)
        assert await place.commit() == 21

    play(test)


def test_what_was_read_before_is_neither_handed_out_nor_waited_for() -> None:
    async def test(place: Place) -> None:
        place.consumer._read_offset[TRADES] = 100
        place.thread.coming.put_nowait({TRADES: records(0, 10)})
        (message,) = await place.arrive(records(100, 110))
        assert message.value.offsets[0] == 100
        assert await place.arrive(records(100, 105)) == []
        message.ack(place.consumer)
        assert await place.commit() == 110

    play(test)


def test_what_another_generation_got_counts_no_more() -> None:
    async def test(place: Place) -> None:
        first, second = [(await place.arrive(records(10 * i, 10 * i + 10)))[0] for i in range(2)]
        second.ack(place.consumer)
        place.rebalance()
        first.ack(place.consumer)  # late: it may have been handled after the partition was given up
        assert await place.commit() is None
        again = (await place.arrive(records(0, 15)))[0]  # cut in another place
        assert await place.commit() is None
        again.ack(place.consumer)
        assert await place.commit() == 15

    play(test)


def test_what_another_owner_has_done_meanwhile_is_not_waited_for() -> None:
    async def test(place: Place) -> None:
        await place.arrive(records(0, 10))
        place.consumer.committed[TRADES] = 40
        place.rebalance()
        (message,) = await place.arrive(records(40, 50))
        message.ack(place.consumer)
        assert await place.commit() == 50

    play(test)


def test_nothing_is_done_while_partitions_are_given_up() -> None:
    async def test(place: Place) -> None:
        (message,) = await place.arrive(records(0, 10))
        place.app.flow_control.suspend()
        message.ack(place.consumer)
        assert message.acked
        assert await place.commit() is None
        assert not place.consumer.unacked

    play(test)


def test_reading_again_within_a_generation_does_not_hold_up_commits() -> None:
    """As when Faust goes back to the committed offsets: a message was counted that no agent ever got."""

    async def test(place: Place) -> None:
        place.full.clear()
        place.thread.coming.put_nowait({TRADES: records(0, 20)})
        await place.until(lambda: place.waiting)
        place.consumer.suspend_flow.set()  # the message that waits is dropped
        await place.settled()
        place.consumer.suspend_flow.clear()
        place.full.set()
        assert not place.handed
        place.consumer._read_offset[TRADES] = None
        first, second = [(await place.arrive(records(15 * i, 15 * i + 15)))[0] for i in range(2)]
        first.ack(place.consumer)
        assert await place.commit() == 15
        second.ack(place.consumer)
        assert await place.commit() == 30

    play(test)


def test_a_batch_that_waits_for_room_is_handed_out_once_there_is_some() -> None:
    async def test(place: Place) -> None:
        place.full.clear()
        place.thread.coming.put_nowait({TRADES: records(0, 10)})
        await place.until(lambda: place.waiting)
        for _ in range(10):  # turns of the loop, in which the consumer would go on if it did not wait
            await asyncio.sleep(0)
        assert not place.handed
        place.full.set()
        await place.arrive(records(10, 20))
        assert [message.offset for message in place.handed] == [9, 19]
        for message in place.handed:
            message.ack(place.consumer)
        assert await place.commit() == 20

    play(test)


def test_what_is_made_active_while_records_are_waited_for_is_asked_for_the_next_time() -> None:
    """Recovery does so before it seeks back, which it cannot where nothing was committed."""

    async def test(place: Place) -> None:
        place.consumer._get_active_partitions().discard(OTHER)
        await place.arrive(records(0, 10))
        assert place.thread.asked == {TRADES}
        place.consumer._get_active_partitions().add(OTHER)
        assert place.thread.asked == {TRADES}
        await place.arrive(records(10, 20))
        assert place.thread.asked == {TRADES, OTHER}

    play(test)
