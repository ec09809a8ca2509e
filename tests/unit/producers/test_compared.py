"""Ids that leave some out: what is published is what was sent, each once, whatever the stream drops."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers import holes
from producers.adapter import Hole, Ids, Newest, Page
from producers.filler import AuditTiming, Filler
from producers.fleet import Feed
from producers.holes import GRACE_S, Memory
from producers.series import COMPARED_MAX, HELD_MAX, REMEMBERED
from producers.source import Event, Reconnected
from schemas.gap_records import Gap, GapStatus
from schemas.records import Trade
from tests.unit.producers.feeds import until
from tests.unit.producers.killed import World, made


class GlobalWorld(World):
    """Ids that leave some out, on a connection that may be lost, or that leaves trades out, or brings them late."""

    ids: Ids = "global"

    def __init__(self) -> None:
        super().__init__()
        self.connected = True
        self.brought: list[Trade] = []
        """What the present connection brought: it repeats nothing else."""
        self.late: list[Trade] = []
        """What it will bring, if it is not lost before."""

    def send(self, arrives: bool) -> None:
        super().send(self.connected and arrives)
        self.brought += self.exchange.sent[-1:] * (self.connected and arrives)
        self.number += 1 + self.number % 3

    def send_late(self) -> None:
        self.send(False)
        self.late += self.exchange.sent[-1:] * self.connected

    def bring(self, index: int) -> None:
        if self.late:
            one = self.late.pop(index % len(self.late))
            self.brought.append(one)
            self.arrive(one)

    def check(self) -> None:
        self.memory.check(["XUSDT"], self.now)
        self.now += GRACE_S

    def repeat(self, back: int) -> None:
        for one in self.brought[-back:][:1]:
            self.arrive(one)

    def cut(self) -> None:
        self.connected, self.brought, self.late = False, [], []

    def reconnect(self) -> None:
        if not self.connected:
            self.memory.live([Reconnected()], self.now)
            self.connected = True

    def restart(self) -> None:
        super().restart()
        self.connected, self.brought, self.late = True, [], []

    def ask_all(self) -> None:
        self.reconnect()
        super().ask_all()
        self.check()
        super().ask_all()

    def ask(self, size: int) -> bool:
        """One answer tells the whole window."""
        return super().ask(10_000 if size else 0)


GLOBAL_ACTIONS: dict[str, Callable[[GlobalWorld, int], None]] = {
    "send": lambda world, _: world.send(True),
    "send and lose": lambda world, _: world.send(False),
    "send late": lambda world, _: world.send_late(),
    "bring what is late": lambda world, number: world.bring(number),
    "check": lambda world, _: world.check(),
    "repeat": lambda world, number: world.repeat(number),
    "cut": lambda world, _: world.cut(),
    "reconnect": lambda world, _: world.reconnect(),
    "restart": lambda world, _: world.restart(),
    "ask": lambda world, number: world.ask(number) and None,
    "ask a stale cache": lambda world, _: world.ask(0) and None,
    "wait long": lambda world, _: world.wait_long(),
}
GLOBAL_WEIGHTED = [name for name in GLOBAL_ACTIONS for _ in range(1 + 3 * (name == "send") + (name == "reconnect"))]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(GLOBAL_WEIGHTED), st.integers(1, 9)), max_size=60))
def test_global_ids_are_as_complete(actions: list[tuple[str, int]]) -> None:
    world = GlobalWorld()
    world.send(True)
    for name, number in actions:
        GLOBAL_ACTIONS[name](world, number)
    world.ask_all()
    assert Counter(one.trade_id for one in world.published) == Counter(one.trade_id for one in world.exchange.sent)


def test_where_nothing_is_missing_nobody_is_told() -> None:
    memory = Memory("bitstamp", "global")
    numbers = [3, 9, 12, 40]
    memory.live([made(number, number) for number in numbers], 0)
    memory.check(["XUSDT", "YUSDT"], 10)
    assert memory.next_to_ask(10) is None, "some may be on their way"
    assert memory.gaps == 0
    series, opened = memory.next_to_ask(10 + GRACE_S) or pytest.fail("nothing is asked")
    assert (opened.hole.after_id, opened.hole.before_id) == (3, 40)
    page = Page([made(number, number) for number in numbers[1:3]], 39)
    assert memory.fill(series, opened, page, 13, 77) == []
    assert (opened.filled, memory.open) == (0, [])
    memory.check(["XUSDT"], 50)
    assert memory.open == [], "nothing came since"
    memory.live([made(50, 50), made(60, 60)], 60)
    memory.check(["XUSDT"], 60)
    assert [(opened.hole.after_id, opened.hole.before_id) for _, opened in memory.open] == [(40, 60)]


def test_what_came_long_before_is_not_published_again() -> None:
    memory = Memory("bitstamp", "global")
    trades = [made(2 * number, 1) for number in range(1, REMEMBERED + 9)]
    memory.live(trades, 0)
    memory.check(["XUSDT"], 1)
    ((series, opened),) = memory.open
    left_out = made(5, 1)
    page = Page([left_out, *trades[1:-1]], trades[-1].trade_id - 1)
    assert [one.trade_id for one in memory.fill(series, opened, page, 13, 77)] == [5]
    assert opened.filled == 1


@pytest.mark.parametrize("count", [COMPARED_MAX // 2, COMPARED_MAX, COMPARED_MAX + 1, 3 * COMPARED_MAX])
def test_of_what_nobody_looks_at_the_last_is_compared(count: int) -> None:
    memory = Memory("bitstamp", "global")
    memory.live([made(2 * number, number) for number in range(1, count + 1)], 0)
    memory.check(["XUSDT"], 1)
    ((_, opened),) = memory.open
    compared = (opened.hole.before_id - opened.hole.after_id) // 2
    assert min(count - 1, COMPARED_MAX // 2) <= compared <= COMPARED_MAX
    assert len(opened.had) == compared - 1, "the others of these came"


def test_what_came_before_a_start_and_what_comes_after_it_are_compared_together() -> None:
    """The first comparison is some time after the start: until then as much may come as was recalled."""
    memory = Memory("bitstamp", "global")
    for number in range(1, HELD_MAX):
        memory.recall(made(2 * number, number // 40))
    memory.settle([], certain_after=100)
    memory.live([made(2 * HELD_MAX, HELD_MAX // 40)], 0)
    memory.fill(*memory.open[0], Page([], 2 * HELD_MAX - 1), 1, 77)  # what was missing until the connection
    memory.live([made(2 * number, number // 40) for number in range(HELD_MAX + 1, 2 * HELD_MAX)], 0)
    memory.check(["XUSDT"], 1)
    ((_, opened),) = memory.open
    assert opened.hole.after_id <= 2 * 101


def test_what_may_have_come_before_the_end_of_the_topic_is_not_asked_for() -> None:
    memory = Memory("bitstamp", "global")
    for number in (5, 30, 7, 50, 60):
        memory.recall(made(number, number))
    memory.settle([], certain_after=2)
    memory.check(["XUSDT"], 1)
    ((_, opened),) = memory.open
    assert (opened.hole.after_id, opened.hole.before_id) == (30, 60)


def test_few_trades_of_the_end_of_the_topic_are_compared_but_for_the_first_minute() -> None:
    memory = Memory("bitstamp", "global")
    for number in (100, 130, 161, 300):
        memory.recall(made(number, number))
    memory.settle([], certain_after=100)
    memory.check(["XUSDT"], 1)
    ((_, opened),) = memory.open
    assert (opened.hole.after_id, opened.hole.before_id) == (160, 300)


@pytest.mark.parametrize(
    ("before", "read"),
    [
        # one of them was filled, and tells of nothing before
        ([(number, 0) for number in range(100, 201)], [(210, 0), (105, 0), (220, 90), (230, 91)]),
        # out of order: published before what is read begins
        ([(215, 1)], [(210, 0), (220, 90), (230, 91)]),
    ],
)
def test_what_came_before_the_end_of_the_topic_is_not_published_again(
    before: list[tuple[int, int]], read: list[tuple[int, int]]
) -> None:
    memory = Memory("bitstamp", "global")
    for number, moment in read:
        memory.recall(msgspec.structs.replace(made(number, moment), filled=number < read[0][0]))
    memory.settle([], certain_after=100)
    memory.check(["XUSDT"], 1)
    ((series, opened),) = memory.open
    page = Page([made(*one) for one in sorted({*before, *read, (225, 90)})], opened.last_id)
    assert [one.trade_id for one in memory.fill(series, opened, page, 9, 77)] == [225]


def test_filled_trades_before_late_ones_of_the_stream_are_not_published_again() -> None:
    """What is read begins with them, and then the stream brings some that are a minute old."""
    before = [msgspec.structs.replace(made(number, 650), filled=True) for number in range(4_000, 4_030)]
    late = [made(2_000 + number, 600) for number in range(130)]
    rest = [made(number, number // 6) for number in range(4_100, 7_200, 10)]
    memory = Memory("bitstamp", "global")
    for one in (*before, *late, *rest):
        memory.recall(one)
    memory.settle([], certain_after=100)
    memory.check(["XUSDT"], 1)
    ((series, opened),) = memory.open
    left_out = made(5_001, 830)
    page = Page(sorted([*before, *late, *rest, left_out], key=lambda one: one.trade_id), opened.last_id)
    assert [one.trade_id for one in memory.fill(series, opened, page, 9, 77)] == [5_001]


def test_a_filled_trade_older_than_what_is_remembered_is_not_published_again() -> None:
    memory = Memory("bitstamp", "global")
    trades = [made(2 * number, number // 40) for number in range(1, REMEMBERED + 1_000)]
    filled = msgspec.structs.replace(made(601, 7), filled=True)
    for one in (*trades, filled, made(3 * REMEMBERED, 160)):
        memory.recall(one)
    memory.settle([], certain_after=100)
    memory.check(["XUSDT"], 1)
    ((series, opened),) = memory.open
    page = Page([*trades[:300], filled, *trades[300:]], opened.last_id)
    assert memory.fill(series, opened, page, 9, 77) == []


def test_a_topic_that_is_read_from_its_beginning_is_compared_from_its_first_trade() -> None:
    memory = Memory("bitstamp", "global")
    for number in (50, 20, 90):
        memory.recall(made(number, 1))
    memory.settle([])
    memory.check(["XUSDT"], 1)
    ((_, opened),) = memory.open
    assert (opened.hole.after_id, opened.hole.before_id) == (50, 90)


def test_of_what_the_topic_ends_with_the_last_ten_minutes_are_compared() -> None:
    memory = Memory("bitstamp", "global")
    for number in (5, 300, 500, 950, 1_200):
        memory.recall(made(number, number))
    memory.settle([])
    memory.check(["XUSDT"], 1)
    ((_, opened),) = memory.open
    assert (opened.hole.after_id, opened.hole.before_id) == (500, 1_200)


def test_what_one_left_out_of_several_that_were_killed_is_found() -> None:
    sent = [made(number, 3 * number) for number in range(1, 91)]
    topic = [one for one in sent if one.trade_id not in (7, 8)]
    memory = Memory("bitstamp", "global")
    for end in (30, 60, len(topic)):  # each is killed before it compares; the next reads what is in the topic
        memory = Memory("bitstamp", "global")
        for one in topic[:end]:
            memory.recall(one)
        memory.settle([])
    memory.check(["XUSDT"], 1)
    ((series, opened),) = memory.open
    page = Page(sent, sent[-1].trade_id - 1)
    assert [one.trade_id for one in memory.fill(series, opened, page, 9, 77)] == [7, 8]


def test_what_was_not_streamed_is_not_compared() -> None:
    memory = Memory("bitstamp", "global")
    memory.live([made(number, number) for number in (3, 9)], 0)
    memory.of("XUSDT").pause()
    memory.live([made(number, number) for number in (500, 600)], 0)
    memory.check(["XUSDT"], 1)
    ((_, opened),) = memory.open
    assert (opened.hole.after_id, opened.hole.before_id) == (500, 600)


def test_what_is_compared_of_ids_that_begin_anew_is_forgotten() -> None:
    memory = Memory("bitstamp", "global")
    memory.live([made(number, 1) for number in (300, 900)], 0)
    memory.check(["XUSDT"], 1)
    assert memory.open
    memory.live([made(5, 100)], 2)
    assert memory.open == []
    assert memory.next_to_ask(1_000) is None
    memory.live([made(9, 101), made(12, 102)], 3)
    memory.check(["XUSDT"], 4)
    ((_, opened),) = memory.open
    assert (opened.hole.after_id, opened.hole.before_id) == (5, 12)


class Told:
    """Stands for a session, and for an exchange that answers one thing."""

    def __init__(self, page: Page) -> None:
        self.adapter, self.streaming, self.asked, self._page = self, {"XUSDT"}, False, page

    async def history(self, hole: Hole) -> Page:
        self.asked = True
        return self._page

    async def newest(self, symbols: Sequence[str]) -> Sequence[Newest]:
        return ()


@pytest.mark.parametrize(("filled", "status"), [([], []), ([made(5, 4)], [GapStatus.LOST])])
async def test_what_could_not_be_read_of_an_answer_is_lost_or_said(
    filled: list[Trade], status: list[GapStatus], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(holes, "GRACE_S", 0)
    reason = "a row cannot be read: price: 'x'"
    memory, given, told = Memory("bitstamp", "global"), list[Event](), list[Gap]()

    async def give(batch: Iterable[Event]) -> None:
        given.extend(batch)

    async def tell(gap: Gap) -> None:
        told.append(gap)

    session = Told(Page(filled, 39, reason))
    filler = Filler(cast(Feed, session), memory, give, tell, AuditTiming(compared_s=0.05))
    memory.live([made(number, number) for number in (3, 40)], 0)
    running = asyncio.create_task(filler.run())
    await until(lambda: session.asked and not memory.open)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [gap.status for gap in told] == status
    assert len(given) == len(filled)
    assert all(gap.reason == reason for gap in told)
    assert (f"ids 4 to 39 were not compared: {reason}" in caplog.text) == (not filled)
