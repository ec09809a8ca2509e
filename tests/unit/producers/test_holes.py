"""Whatever is dropped, repeated, cut or restarted: what is published is what was sent, each once."""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from producers.adapter import Hole, Ids, Newest, Page
from producers.holes import AGAIN_MAX_S, FRUITLESS_MAX, GRACE_S, HOLD_S, Memory
from producers.open_hole import OpenHole
from producers.series import HELD_MAX
from producers.source import BadRecord, Reconnected
from tests.unit.producers.killed import World, gap_of, made

ACTIONS: dict[str, Callable[[World, int], None]] = {
    "send": lambda world, _: world.send(True),
    "send and lose": lambda world, _: world.send(False),
    "repeat": lambda world, number: world.exchange.sent and world.repeat(number),  # type: ignore[func-returns-value]
    "cut": lambda world, _: world.memory.live([Reconnected()], world.now) and None,
    "restart": lambda world, _: world.restart(),
    "ask": lambda world, number: world.ask(number) and None,
    "ask a stale cache": lambda world, _: world.ask(0) and None,
    "wait long": lambda world, _: world.wait_long(),
    "be killed before letting go": lambda world, _: world.be_killed_before_letting_go(),
    "hear of the newest": lambda world, _: world.hear_of_the_newest(),
    "begin anew": lambda world, _: world.begin_anew(),
}
WEIGHTS = {"send": 6, "send and lose": 6, "ask": 6, "ask a stale cache": 3, "restart": 3, "wait long": 3}
WEIGHTS |= {"be killed before letting go": 3, "hear of the newest": 3}
WEIGHTED = [name for name in ACTIONS for _ in range(WEIGHTS.get(name, 1))]


TWO_HOLES = [("send and lose", 1), ("send", 1), ("send and lose", 1), ("send", 1), ("be killed before letting go", 1)]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WEIGHTED), st.integers(1, 9)), max_size=60))
@example([*TWO_HOLES, ("ask", 9), ("ask", 9), ("ask", 9), ("ask", 9)])
@example([*TWO_HOLES, ("send", 1), ("be killed before letting go", 1)])
@example([("send and lose", 1), ("hear of the newest", 1), ("ask", 1), ("be killed before letting go", 1)])
@example([("send and lose", 1), ("send", 1), ("wait long", 1), ("restart", 1), ("ask", 1), ("repeat", 2)])
def test_what_is_published_is_what_was_sent_each_once(actions: list[tuple[str, int]]) -> None:
    world = World()
    world.send(True)
    for name, number in actions:
        ACTIONS[name](world, number)
    world.ask_all()
    published = Counter((one.trade_id, one.trade_time) for one in world.published)
    assert published == Counter((one.trade_id, one.trade_time) for one in world.exchange.sent)
    series = world.memory.of("XUSDT")
    assert (series.held, series.holes, world.memory.open) == ([], [], [])


def test_what_was_filled_before_the_first_of_ids_that_began_anew_is_known() -> None:
    world = World()
    world.send(True)
    world.begin_anew()
    for arrives in (False, True, True):
        world.send(arrives)
    assert world.ask(1)
    assert [one.trade_id for one in world.published] == [1_000, 1_000 + 1, 1, 2, 3]
    # the one that was filled comes by the stream, late
    world.repeat(3)
    assert [one.trade_id for one in world.published][-3:] == [1, 2, 3]


def test_whoever_never_waited_long_has_them_in_order() -> None:
    world = World()
    for arrives in (True, False, False, True, True, False, True):
        world.send(arrives)
        world.ask(1)
    world.ask_all()
    assert [one.trade_id for one in world.published] == list(range(1_000, 1_008))


def memory_with(*numbers: int) -> Memory:
    memory = Memory("binance", "contiguous")
    memory.live([made(number, number) for number in numbers], 0)
    return memory


@pytest.mark.parametrize("kind", ["many missing", "many waiting", "long"])
def test_newer_trades_wait_for_what_is_short(kind: str) -> None:
    memory = memory_with(5, 8)
    later = 0.0
    assert memory.waited_long(HOLD_S - 1) == []
    if kind == "many missing":
        memory = memory_with(5, 7 + HELD_MAX)
    elif kind == "many waiting":
        memory.live([made(9 + number, 9) for number in range(HELD_MAX)], 0)
    else:
        later = HOLD_S
    assert [opened.first_id for _, opened in memory.waited_long(later)] == [6]


def test_what_is_no_trade_goes_on_in_its_place() -> None:
    bad = BadRecord("x", b"y", "z")
    memory = Memory("binance", "contiguous")
    assert memory.live([made(5, 5), bad, Reconnected(), made(6, 6)], 0) == [made(5, 5), bad, made(6, 6)]


@pytest.mark.parametrize(
    ("ids", "symbol", "asked"),
    [
        ("global", None, ["XUSDT", "YUSDT"]),
        ("global", "XUSDT", ["XUSDT"]),
        ("global", "ZUSDT", []),
        ("contiguous", None, []),
    ],
)
def test_what_could_not_be_read_may_have_been_a_trade(ids: Ids, symbol: str | None, asked: list[str]) -> None:
    memory = Memory("bitstamp", ids)
    both = ("XUSDT", "YUSDT")
    memory.live([made(5, 5, name) for name in both], 0)
    breaks = memory.breaks
    memory.live([BadRecord("x", b"y", "z", symbol)], 0)
    assert memory.breaks - breaks == (ids == "global"), "who is quiet is asked after soon"
    memory.live([made(9 if ids == "global" else 6, 6, name) for name in both], 0)
    assert sorted(series.symbol for series, _ in memory.open) == asked


# the newest id that is said, what comes meanwhile → the ids that are missing then, the symbols that are silent
CLAIMS: dict[str, tuple[int | None, Sequence[int], list[int], list[str]]] = {
    "the one that came": (6, [], [], []),
    "an older one": (3, [], [], []),
    "unknown": (None, [], [], []),
    "on its way": (7, [7], [], []),
    "not on its way": (8, [], [7, 8], ["XUSDT"]),
    "one of two on its way": (8, [7], [8], ["XUSDT"]),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_what_the_exchange_says_is_the_newest(case: str) -> None:
    said, meanwhile, missing, silent = CLAIMS[case]
    memory = memory_with(5, 6)
    memory.claim(Newest("XUSDT", said), 10, of_audit=True)
    assert memory.overdue(10, 99) == []
    memory.live([made(number, number) for number in meanwhile], 11)
    assert memory.overdue(10 + GRACE_S, 99) == silent
    found = [number for _, opened in memory.open for number in range(opened.first_id, opened.last_id + 1)]
    assert found == missing
    assert memory.overdue(20 + GRACE_S, 99) == []


def test_of_what_nobody_knows_anything_the_first_claim_is_the_beginning() -> None:
    memory = Memory("binance", "contiguous")
    memory.claim(Newest("XUSDT", 10), 0)
    assert memory.overdue(GRACE_S, 99) == []
    memory.claim(Newest("XUSDT", 12), 60, of_audit=True)
    assert memory.overdue(60 + GRACE_S, 99) == ["XUSDT"]
    assert [(opened.first_id, opened.last_id) for _, opened in memory.open] == [(11, 12)]


def test_answers_that_tell_nothing_come_to_an_end() -> None:
    memory = memory_with(5, 8)
    ((series, opened),) = memory.open
    now, asked = 0.0, 0
    while memory.open:
        assert memory.next_to_ask(now) is not None
        asked += 1
        out = memory.fill(series, opened, Page((), 5), now, 77)
        assert memory.next_to_ask(now) is None
        now += AGAIN_MAX_S
    assert asked == FRUITLESS_MAX + 1
    assert [one.trade_id for one in out] == [8]
    assert opened.absent == [(6, 7)]


def test_what_trades_wait_for_is_asked_first() -> None:
    memory = memory_with(5, 8)
    memory.live([made(1, 1, "YUSDT"), made(3, 3, "YUSDT")], 0)
    first, second = memory.open
    assert memory.next_to_ask(0) == first
    first[0].let_go(first[1])
    assert memory.next_to_ask(0) == second
    memory.put_off(*second, 5, 0)
    assert memory.next_to_ask(0) == first
    assert memory.next_to_ask(5) == second


# what the topic ends with, the gaps that are recorded → what is missing, and what is published of what comes then
TAILS: dict[str, tuple[str, list[tuple[str, int, int]], list[int], str]] = {
    "whole": ("5 6 7", [], [], "8"),
    "with a hole": ("5 9", [], [6, 7, 8], "10"),
    "with a hole that was filled later": ("5 9 6 8 7", [], [], "10"),
    "with a hole that was filled in part": ("5 9 7", [], [6, 8], "10"),
    "with a hole that is recorded": ("5 9", [("XUSDT", 6, 8)], [], "10"),
    "with a hole that another instrument has": ("5 9", [("YUSDT", 6, 8)], [6, 7, 8], "10"),
    "with a hole that is recorded in part": ("5 9", [("XUSDT", 6, 7)], [8], "10"),
    "with a hole that is recorded in the middle": ("5 10", [("XUSDT", 7, 8)], [6, 9], "11"),
    "with a hole whose rest is recorded": ("5 8 7", [("XUSDT", 6, 6)], [], "9"),
    "with a hole that was filled and recorded in part": ("5 10 7", [("XUSDT", 6, 6)], [8, 9], "11"),
    "that begins among what was filled later": ("3f 4f 9 5f 10", [], [], "11"),
    "and what was published comes again": ("5 6", [], [], "6"),
    "and what was before the tail comes again": ("5 6", [], [], "3"),
}


def missing_of(memory: Memory) -> list[int]:
    """The ids that are asked for."""
    return [
        number
        for _, opened in memory.open
        for number in range(opened.first_id, opened.last_id + 1)
        if number not in opened.had
    ]


@pytest.mark.parametrize("case", TAILS)
def test_what_the_topic_ends_with_is_remembered(case: str) -> None:
    tail, recorded, missing, comes = TAILS[case]
    memory = Memory("binance", "contiguous")
    for word in tail.split():
        number = int(word.rstrip("f"))
        memory.recall(msgspec.structs.replace(made(number, number), filled=word.endswith("f")))
    memory.settle(recorded)
    found = missing_of(memory)
    assert found == missing
    expected = (
        [made(int(comes), int(comes))] if int(comes) > max(int(word.rstrip("f")) for word in tail.split()) else []
    )
    assert memory.live([made(int(comes), int(comes))], 1) == expected
    assert (memory.of("XUSDT").repeated, memory.of("XUSDT").late) == (1 - len(expected), 0)


@pytest.mark.parametrize(
    ("since", "filled", "missing"),
    [
        ((), (301, 302, 303), [(304, 309)]),
        ((301, 302), (303,), [(304, 309)]),
        ((), (5, 6), [(301, 309)]),
        ((), (301, 304, 305), [(302, 303), (306, 309)]),
        ((), (303, 304), [(301, 302), (305, 309)]),
    ],
)
def test_a_hole_that_was_being_filled_is_filled_on(
    since: tuple[int, ...], filled: tuple[int, ...], missing: list[tuple[int, int]]
) -> None:
    """Its producer was killed, and the end of the topic holds nothing else of the instrument: what was published does
    not come twice, and what is missing among it is asked for."""
    memory = Memory("binance", "contiguous")
    for number in filled:
        memory.recall(msgspec.structs.replace(made(number, number), filled=True))
    found = [msgspec.structs.replace(made(number, number), filled=True) for number in since]
    memory.recall_before(made(300, 300), found, certain_after=100)
    memory.settle([], certain_after=100)
    assert memory.live([made(310, 310)], 1) == []
    assert missing_of(memory) == [number for first, last in missing for number in range(first, last + 1)]


# ids of a gap, moments of the trades before and after it; 303 is the newest → up to where it is asked for by itself
GAPS = {
    "all of it is older": (299, 302, 298, 400, None),
    "its last is the newest": (301, 303, 300, 400, None),
    "what is left of it is newer": (301, 309, 300, 400, 303),
    "all of it is newer": (304, 309, 303, 400, 303),
    "it is noticed at that moment": (304, 309, 303, 303, 303),
    "it comes after a newer one": (306, 309, 305, 400, 305),
    "it is of before ids began anew": (304, 309, 301, 302, None),
    "it is after ids began anew": (6, 9, 304, 400, 5),
    "it is the beginning of ids of which nothing came": (0, 5, 303, 400, -1),
    "it is the beginning of ids of which something came": (0, 5, 302, 400, None),
}


@pytest.mark.parametrize("case", GAPS)
@pytest.mark.parametrize("ids", ["contiguous", "global"])
def test_of_an_open_gap_only_what_is_older_is_asked_for_by_itself(case: str, ids: Ids) -> None:
    first, last, before, after, until = GAPS[case]
    memory = Memory("binance", ids)
    gap = gap_of(first, last, made(0, before).trade_time, made(0, after).trade_time)
    memory.cut_short(gap)
    for number in range(298, 304):
        memory.recall(made(number, number))
    assert memory.cut == {}, "of one of whose instrument nothing is known, all is asked for"
    memory.cut_short(gap)
    assert memory.cut == ({gap.key: until} if until is not None and ids == "contiguous" else {})


def test_what_is_filled_beyond_the_newest_trade_makes_no_other_too_old() -> None:
    memory = memory_with(300)
    series = memory.of("XUSDT")
    hole = Hole("XUSDT", 302, 304, made(0, 302).trade_time, made(0, 304).trade_time)
    opened = OpenHole(hole, 0, False, 303)
    memory.reopen("XUSDT", opened)
    memory.fill(series, opened, Page([made(303, 303)], 303), 0, 77)
    memory.live([made(305, 305)], 1)
    (_, other) = memory.open[0]
    page = Page([made(number, number) for number in (301, 302, 304)], 304)
    assert [one.trade_id for one in memory.fill(series, other, page, 2, 77)] == [301, 302, 304, 305]


def test_filled_trades_of_an_instrument_that_nobody_streamed_say_nothing() -> None:
    memory = Memory("binance", "contiguous")
    memory.recall(msgspec.structs.replace(made(7, 7), filled=True))
    memory.settle([], certain_after=100)
    assert memory.live([made(300, 300)], 1) == [made(300, 300)]
    assert memory.open == []


def test_a_stream_that_only_says_what_is_the_newest_is_silent() -> None:
    memory = memory_with(5, 6)
    before = memory.newest_of(["XUSDT"])
    assert (memory.quiet_since(before), memory.silent_since(before)) == (["XUSDT"], [])
    memory.live([Newest("XUSDT", 8)], 10)
    assert memory.overdue(10 + GRACE_S, 99) == [], "one that was dropped alone does not tell"
    assert (memory.quiet_since(before), memory.silent_since(before)) == ([], ["XUSDT"])
    memory.live([made(9, 9)], 20)
    assert (memory.quiet_since(before), memory.silent_since(before)) == ([], [])


def test_what_is_not_streamed_is_not_quiet() -> None:
    memory = memory_with(5, 6)
    memory.of("XUSDT").pause()
    assert memory.quiet_since({"XUSDT": 6}) == []


def test_a_hole_at_the_beginning_of_what_was_read_may_have_been_filled_before() -> None:
    for before, missing in ((9, 0), (10, 1)):
        memory = Memory("binance", "contiguous")
        for number in (*range(100, 100 + before), 100 + before + 1):
            memory.recall(made(number, number))
        memory.settle([], certain_after=10)
        assert len(memory.open) == missing
