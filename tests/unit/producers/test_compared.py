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
from producers.open_hole import OpenHole
from producers.series import COMPARED_MAX, HELD_MAX, REMEMBERED
from producers.source import Event, Reconnected
from schemas.gap_records import Gap, GapStatus
from schemas.records import Trade
from tests.unit.producers.feeds import until
from tests.unit.producers.killed import BASE, SECOND, World, made


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


def filled(numbers: Iterable[int], per_second: int = 10) -> list[Trade]:
    return [msgspec.structs.replace(made(number, number // per_second), filled=True) for number in numbers]


def streamed(numbers: Iterable[int], per_second: int = 10) -> list[Trade]:
    return [made(number, number // per_second) for number in numbers]


LATER = streamed(range(6_600, 9_000))
# what was published before the first record that is read, at 655 s; what is read, but for those that were left out
READ: dict[str, tuple[list[Trade], list[Trade], list[int]]] = {
    "its first trades are out of order": (streamed([6_505]), [*streamed([6_500, 6_507]), *LATER], [6_700]),
    "hundreds are late": (streamed(range(6_000, 6_500)), [*streamed(range(5_850, 5_990)), *LATER], [6_700]),
    "filled ones come first, then late ones": (
        [],
        [*filled(range(6_560, 6_590)), *streamed(range(5_800, 5_930)), *LATER],
        [6_700],
    ),
    "many old ones are filled": (
        streamed([6_001]),
        [*filled(range(5_000, 5_120)), *streamed([6_000]), *LATER],
        [6_700, 8_000],
    ),
    "a filling was half done": (
        [*streamed(range(6_001, 6_400, 2)), *filled(range(6_000, 6_100, 2))],
        [*filled(range(6_100, 6_400, 2)), *streamed([5_950]), *LATER],
        [6_700],
    ),
    "few trades are read": (streamed([10]), streamed([6_600, 6_800, 6_900]), [6_700]),
    "a filled one is older than what is remembered": (
        [],
        [*streamed(range(6_600, 12_000)), *filled([6_559]), *streamed([12_001])],
        [6_700],
    ),
}


@pytest.mark.parametrize("case", READ)
def test_what_is_certain_and_missing_is_published_and_nothing_twice(case: str) -> None:
    before, whole, left_out = READ[case]
    read = [one for one in whole if one.trade_id not in left_out]
    memory = Memory("bitstamp", "global")
    for one in read:
        memory.recall(one)
    memory.settle([], 100, lambda _: BASE + 655 * SECOND)
    memory.check(["XUSDT"], 1)
    ((series, opened),) = memory.open
    told = sorted([*before, *read, *streamed(left_out)], key=lambda one: one.trade_id)
    out = memory.fill(series, opened, Page(told, opened.last_id), 9, 77)
    assert [one.trade_id for one in out] == left_out


def test_before_the_next_trade_of_a_quiet_pair_nothing_is_published_twice() -> None:
    """Nothing but a late trade is read of it; newer ones were published before."""
    memory = Memory("bitstamp", "global")
    memory.recall(made(15, 5))
    memory.settle([], 100, lambda _: BASE + 60 * SECOND)
    memory.live([made(40, 700)], 0)
    ((series, opened),) = memory.open
    out = memory.fill(series, opened, Page([made(20, 10), made(30, 11), made(35, 300)], opened.last_id), 1, 77)
    assert [one.trade_id for one in out] == [35, 40]


def test_of_what_is_read_back_to_its_newest_trade_all_is_certain() -> None:
    memory = Memory("bitstamp", "global")
    memory.recall_before(made(15, 5), [], 100)
    memory.settle([], 100, lambda _: BASE + 60 * SECOND)
    memory.live([made(40, 700)], 0)
    ((series, opened),) = memory.open
    out = memory.fill(series, opened, Page([made(20, 10), made(35, 300)], opened.last_id), 1, 77)
    assert [one.trade_id for one in out] == [20, 35, 40]


def test_of_a_gap_that_is_asked_for_again_the_oldest_are_published_too() -> None:
    memory = Memory("bitstamp", "global")
    memory.recall(made(50, 70))
    memory.settle([], 100, lambda _: BASE + 60 * SECOND)
    opened = OpenHole(Hole("XUSDT", 9, 40, made(9, 1).trade_time, made(40, 20).trade_time), 0, False, 10)
    opened.had[20] = None  # it is known what of it was published
    memory.reopen("XUSDT", opened)
    page = Page([made(15, 5), made(20, 6)], opened.last_id)
    assert [one.trade_id for one in memory.fill(memory.of("XUSDT"), opened, page, 1, 77)] == [15]


def test_a_trade_of_two_holes_is_published_once() -> None:
    memory = Memory("bitstamp", "global")
    for one in streamed(range(1, 300), 30):
        memory.recall(one)
    memory.settle([])
    missing = streamed(range(300, 301 + REMEMBERED), 30)
    hole = Hole("XUSDT", 299, 301 + REMEMBERED, missing[0].trade_time, missing[-1].trade_time)
    memory.reopen("XUSDT", OpenHole(hole, 0, False, 300))
    memory.live(streamed([400 + REMEMBERED], 30), 1)
    out = [
        one.trade_id
        for series, opened in list(memory.open)
        for one in memory.fill(series, opened, Page(missing, opened.last_id), 2, 77)
    ]
    assert out == [*(one.trade_id for one in missing), 400 + REMEMBERED]


def test_of_ids_that_began_anew_those_of_before_hide_none() -> None:
    memory = Memory("bitstamp", "global")
    for one in (made(5_000, 0), made(5_010, 1), made(1, 100), made(10, 101), *filled([5_005], 5_005), made(20, 102)):
        memory.recall(one)
    memory.settle([])
    memory.live([made(5_100, 200)], 0)
    series, opened = memory.open[0]
    out = memory.fill(series, opened, Page([made(5_005, 190)], opened.last_id), 1, 7)
    assert [one.trade_id for one in out] == [5_005, 5_100]


def test_a_topic_that_is_read_from_its_beginning_is_compared_from_its_first_trade() -> None:
    memory = Memory("bitstamp", "global")
    for number in (50, 20, 90):
        memory.recall(made(number, 1))
    memory.settle([])
    memory.check(["XUSDT"], 1)
    ((_, opened),) = memory.open
    assert (opened.hole.after_id, opened.hole.before_id, set(opened.had)) == (20, 90, {50})


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
