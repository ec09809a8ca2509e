"""Candles: trades and the candles that they make, as tables."""

from collections.abc import Iterable

import pytest

from schemas.units import plain
from streams.market.buckets import MarketTrade
from streams.market.candles import Candle, candle_at
from streams.market.day_range import day_range
from streams.market.rules import WatchRules
from streams.market.state import new_state, nothing
from streams.market.step import apply_trades
from tests.unit.streams.market.tape import INSTRUMENT, clock, columns, play, tape


def line(candle: Candle) -> str:
    """`INTERVAL OPEN-TIME open high low close volume quote/bought trades first-last revision [partial] [open]`."""
    prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    money = f"{plain(candle.quote_volume)}/{plain(candle.taker_buy_volume)}"
    words = [str(candle.interval), clock(candle.open_time), *map(plain, prices), money, str(candle.trades)]
    words += [f"{candle.first_trade_id}-{candle.last_trade_id}", f"r{candle.revision}"]
    words += [word for word, is_told in (("partial", not candle.complete), ("open", not candle.closed)) if is_told]
    return " ".join(words)


# Trades, each in a batch of its own; then the candles of 1 and 5 minutes that they make, in order.
TABLES = {
    "open and close are first and last by time, then by id, whenever they come": (
        """
        12:00:30 12 #5
        12:00:10 11 #3 sold
        12:00:10 10 #2 x2
        12:00:30 13 #6
        12:00:20 19 #4
        12:00:25 8  #9
        12:01    1  #10
        """,
        ["1 12:00 10 19 8 13 7 83/6 6 2-6 r0 partial"],
    ),
    "equal times": (
        """
        12:00 10 #8
        12:00 11 #7
        12:00 12 #9
        12:01 1  #10
        """,
        ["1 12:00 11 12 10 12 3 33/3 3 7-9 r0"],
    ),
    "a candle ends before its end, none is invented, the last one stays open": (
        """
        12:00           10
        12:00:59.999999 11
        12:01           12
        12:07           13
        12:07:59.999999 14
        """,
        [
            "1 12:00 10 11 10 11 2 21/2 2 1-2 r0",
            "1 12:01 12 12 12 12 1 12/1 1 3-3 r0",
            "5 12:00 10 12 10 12 3 33/3 3 1-3 r0",
        ],
    ),
    "a late trade changes the closed minute, and of what holds it, what is closed": (
        """
        12:00 10
        12:03 20
        12:00 11
        12:05 30
        12:00:01 9
        12:02 25
        12:05 31
        """,
        [
            "1 12:00 10 10 10 10 1 10/1 1 1-1 r0",
            "1 12:00 10 11 10 11 2 21/2 2 1-3 r1",
            "1 12:03 20 20 20 20 1 20/1 1 2-2 r0",
            "5 12:00 10 20 10 20 3 41/3 3 1-2 r1",
            "1 12:00 10 11 9 9 3 30/3 3 1-5 r2",
            "5 12:00 10 20 9 20 4 50/4 4 1-2 r2",
            "1 12:02 25 25 25 25 1 25/1 1 6-6 r1",
            "5 12:00 10 25 9 20 5 75/5 5 1-2 r3",
        ],
    ),
    "candles that began before the earliest trade are partial, until an earlier one comes": (
        """
        12:06:30 10
        12:07    10
        12:06    11
        12:10    10
        12:04    12
        """,
        [
            "1 12:06 10 10 10 10 1 10/1 1 1-1 r0 partial",
            "1 12:06 11 11 10 10 2 21/2 2 3-1 r1",
            "1 12:07 10 10 10 10 1 10/1 1 2-2 r0",
            "5 12:05 11 11 10 10 3 31/3 3 3-2 r1 partial",
            "1 12:04 12 12 12 12 1 12/1 1 5-5 r1",
            "1 12:06 11 11 10 10 2 21/2 2 3-1 r2",
            "5 12:00 12 12 12 12 1 12/1 1 5-5 r1 partial",
            "5 12:05 11 11 10 10 3 31/3 3 3-2 r2",
        ],
    ),
    "money is cut to eight decimals trade by trade, volumes have any size": (
        """
        12:00 0.00000003 x0.5
        12:00 0.00000003 x0.5 sold
        12:00 0.00000001 x99999999999999999999
        12:01 1
        """,
        [
            "1 12:00 0.00000003 0.00000003 0.00000001 0.00000001 100000000000000000000 "
            "1000000000000.00000001/99999999999999999999.5 3 1-3 r0"
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), TABLES.values(), ids=TABLES)
def test_candles(text: str, expected: list[str]) -> None:
    _, made = play(text)
    assert [line(candle) for candle in made.candles if candle.interval <= 5] == expected


def test_longer_candles_are_folds_of_minutes_and_begin_at_multiples_of_their_length() -> None:
    _, made = play("""
        1+00:00 1
        1+03:59 2
        1+04:00 3
        2+00:00 4
    """)
    closed = {(candle.interval, clock(candle.open_time)): candle for candle in made.candles}
    assert [key for key in closed if key[0] >= 15] == [
        (15, "1+00:00"),
        (60, "1+00:00"),
        (15, "1+03:45"),
        (60, "1+03:00"),
        (240, "1+00:00"),
        (15, "1+04:00"),
        (60, "1+04:00"),
        (240, "1+04:00"),
        (1_440, "1+00:00"),
    ]
    assert line(closed[1_440, "1+00:00"]) == "1440 1+00:00 1 3 1 3 3 6/3 3 1-3 r0"


def test_a_late_trade_changes_a_candle_of_which_the_window_has_only_the_end() -> None:
    _, made = play("""
        00:00    5
        00:01    1
        23:00    4
        1+20:00  4
        20:30    9 #7
        19:59    99
        2+22:00  7
        1+23:00  8 #20
    """)
    days = [line(candle) for candle in made.candles if candle.interval == 1_440]
    assert days == [
        "1440 00:00 5 5 1 4 3 10/3 3 1-3 r0",
        "1440 00:00 5 9 1 4 4 19/4 4 1-3 r1",
        "1440 1+00:00 4 4 4 4 1 4/1 1 4-4 r0",
        "1440 1+00:00 4 8 4 8 2 12/2 2 4-20 r1",
    ]
    assert made.too_late == [5]


def test_in_one_batch_a_candle_is_made_once_with_all_its_revisions() -> None:
    text = """
        12:00 10
        12:01 11
        12:00 12
        12:00 13
    """
    made = apply_trades(new_state(INSTRUMENT), columns(tape(text)), WatchRules())
    assert [line(candle) for candle in made.candles] == [
        "1 12:00 10 10 10 10 1 10/1 1 1-1 r0",
        "1 12:00 10 13 10 13 3 35/3 3 1-4 r2",
    ]


def test_the_open_candle_can_be_asked_for() -> None:
    state, _ = play("12:00 10\n12:03 11\n12:04 12")
    asked = [candle_at(INSTRUMENT, state.history, interval, state.history.minute) for interval in (1, 5)]
    assert [line(candle) for candle in asked if candle] == [
        "1 12:04 12 12 12 12 1 12/1 1 3-3 r0 open",
        "5 12:00 10 12 10 12 3 33/3 3 1-3 r0 open",
    ]
    assert candle_at(INSTRUMENT, state.history, 1, state.history.minute - 2) is None


def test_trades_that_have_been_applied_are_skipped() -> None:
    state = new_state(INSTRUMENT)
    trades = tape("12:00 10\n12:00 11\n12:00 10.5\n12:01 12")
    apply_trades(state, columns(trades[:3]), WatchRules())
    made = apply_trades(state, columns(trades), WatchRules())
    assert [line(candle) for candle in made.candles] == ["1 12:00 10 11 10 10.5 3 31.5/3 3 1-3 r0"]


@pytest.mark.parametrize("rows", [0, 1])
def test_columns_without_trades_make_nothing(rows: int) -> None:
    state, _ = play("12:00 10\n" * rows)
    assert apply_trades(state, columns([]), WatchRules()) == nothing()


@pytest.mark.parametrize("time", [-1, -(2**63), 253_402_300_800_000_000, 2**63 - 1])
def test_a_trade_of_no_year_is_part_of_nothing(time: int) -> None:
    good = tape("12:00 1\n12:00:01 2\n12:01 3")
    bad = MarketTrade(1, 9, 9, 99, time, False)
    state = new_state(INSTRUMENT)
    given = [good[0], bad, *(trade._replace(offset=trade.offset + 1) for trade in good[1:])]
    made = apply_trades(state, columns(given), WatchRules())
    assert (made.too_late, state.too_late, state.offset) == ([1], 1, 3)
    assert made.candles == play("12:00 1\n12:00:01 2\n12:01 3")[1].candles


def seconds(these: Iterable[int], step: int) -> str:
    """A trade in each of these seconds; its id is so many times the second."""
    return "".join(f"12:{second // 60:02d}:{second % 60:02d} 10 #{step * second}\n" for second in these)


@pytest.mark.parametrize(
    ("text", "repeats", "trades"),
    [
        ("12:00 10 #1\n12:00 10 #1", 1, 1),
        ("12:00 10 #1\n12:00:01 11 #2\n12:00 10 #1\n12:00:01 11 #2\n12:00:02 12 #3", 2, 3),
        ("12:00 10 #1\n12:00:05 11 #5\n12:00:03 10 #3\n12:00:03 10 #3\n12:00:02 9 #2\n12:00:05 11 #5", 2, 4),
        ("12:00 10 #1\n12:01 11 #2\n12:00 10 #1", 1, 2),
        # It was fetched first, with its time in whole seconds.
        ("12:00:05 10 #9\n12:00:05.4 10 #9\n12:00:06 10 #10", 1, 2),
        ("12:00:59.5 10 #9\n12:01 10 #9", 1, 1),
        # It has another id.
        ("12:00 10 #1\n12:00 10 #2", 0, 2),
        # Ids begin anew: they are other trades, which may come twice in their turn.
        ("12:00 10 #7\n12:00:01 11 #8\n12:00:02 12 #1\n12:00:03 12 #7\n12:00:04 12 #8\n12:00:03 12 #7", 1, 5),
        ("12:00 10 #7\n12:00:01 11 #8\n12:00:02 12 #1\n12:00:06 12 #8\n12:00:05 12 #7", 0, 5),
        # Of ids with many holes the newest are known.
        (seconds(range(40), 10) + "12:00:08 10 #80\n12:00:07 10 #70", 1, 41),
        # Holes that are filled are none.
        ("12:00 10 #0\n" + seconds((i ^ 1 for i in range(2, 100)), 1) + "12:00:01 10 #1\n12:00:00 10 #0", 1, 100),
    ],
)
def test_a_trade_that_comes_twice_counts_once(text: str, repeats: int, trades: int) -> None:
    state, _ = play(text)
    assert state.repeats == repeats
    assert day_range(state.history).trades == trades
    whole = new_state(INSTRUMENT)
    apply_trades(whole, columns(tape(text)), WatchRules())
    assert (whole.repeats, whole.seen.tolist()) == (repeats, state.seen.tolist())
