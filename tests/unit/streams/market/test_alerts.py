"""Alerts of an instrument: which trades make one, and what it says."""

import pytest

from schemas.units import ONE, plain
from schemas.watches import AlertKind
from streams.market.alerts import Alert, Direction
from streams.market.buckets import MarketTrade
from streams.market.rules import WatchRules
from streams.market.state import new_state
from streams.market.step import apply_trades
from tests.unit.streams.market.tape import (
    INSTRUMENT,
    MINUTE,
    SECOND,
    columns,
    play,
    tape,
    time_of,
)

QUIET = "12:00:00 100\n12:04:59 100\n"
"""Five minutes at one price."""
DAY_LONG = "00:00 100\n12:00 90\n18:00 110\n"


def line(alert: Alert) -> str:
    """`OFFSET kind direction price reference value held-back`."""
    prices = map(plain, (alert.price, alert.reference, alert.value))
    return " ".join([alert.alert_id.rpartition(":")[2], alert.kind, alert.direction, *prices, str(alert.held_back)])


def alerts(text: str, **rules: int) -> list[str]:
    return [line(alert) for alert in play(text, WatchRules(**rules))[1].alerts]


# Trades, then the alerts that they make.
OFF_AVERAGE = {
    "a spike of one trade": (QUIET + "12:05 103\n12:05 100", ["2 off-average up 103 100.01 0.02989701 0"]),
    "a fall of one trade": (QUIET + "12:05 97\n12:05 100", ["2 off-average down 97 99.99 -0.02990299 0"]),
    "1.02 times the average": ("12:00 50\n12:00:01 52\n12:00:02 52.02", []),
    "and a little more": ("12:00 50\n12:00:01 52\n12:00:02 52.6", ["2 off-average up 52.6 51.53333333 0.02069857 0"]),
    "the first trade is off nothing": ("12:00 100", []),
    "a late trade in the window": (
        "12:00 100\n12:00:01 100\n12:04:59 100\n12:00:00.5 103",
        ["3 off-average up 103 100.01 0.02989701 0"],
    ),
    "a late trade before it": ("12:00 100\n12:00:01 100\n12:04:59 100\n11:59:59.999999 103", []),
    "up and down apart": (
        QUIET + "12:05 103\n12:05 97\n12:05 103",
        ["2 off-average up 103 100.01 0.02989701 0", "3 off-average down 97 99.99 -0.02990299 0"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), OFF_AVERAGE.values(), ids=OFF_AVERAGE)
def test_prices_off_their_average(text: str, expected: list[str]) -> None:
    assert alerts(text) == expected


DAY_RANGE = {
    "before a day is covered": (DAY_LONG + "23:59:59.999999 120\n1+00:05 119", []),
    "a new high, compared with that before it": (
        DAY_LONG + "1+00:00 120\n1+00:10 121",
        ["3 day-range up 120 110 0.09090909 0", "4 day-range up 121 120 0.00833333 0"],
    ),
    "a new low, when an older one has left the window": (
        DAY_LONG + "1+12:00 95\n1+12:01 94\n1+12:10 93",
        ["4 day-range down 94 95 -0.01052631 0", "5 day-range down 93 94 -0.01063829 0"],
    ),
    "equal to the high": (DAY_LONG + "1+00:00 110", []),
    "within the cooldown, each counted that came from below": (
        DAY_LONG
        + "1+00:00 120\n1+00:01 121\n1+00:02 115\n1+00:03 122\n1+00:04 116\n1+00:04 123\n1+00:05 119\n1+00:06 124",
        ["3 day-range up 120 110 0.09090909 0", "10 day-range up 124 123 0.00813008 2"],
    ),
    "within one second": (
        DAY_LONG + "1+00:00 120\n" + "1+00:00 115\n1+00:00 121\n" * 2 + "1+00:05 119\n1+00:05 122",
        ["3 day-range up 120 110 0.09090909 0", "9 day-range up 122 121 0.00826446 1"],
    ),
    "lows within one second": (
        DAY_LONG + "1+00:00 80\n" + "1+00:00 85\n1+00:00 79\n" * 2 + "1+00:05 81\n1+00:05 78",
        ["3 day-range down 80 90 -0.11111111 0", "9 day-range down 78 79 -0.01265822 1"],
    ),
    "a late trade is a high too": (DAY_LONG + "1+00:00 100\n23:00 120", ["4 day-range up 120 110 0.09090909 0"]),
    "after a day without trades there is nothing to compare with": (DAY_LONG + "2+18:01 120", []),
}


@pytest.mark.parametrize(("text", "expected"), DAY_RANGE.values(), ids=DAY_RANGE)
def test_new_highs_and_lows_of_24_hours(text: str, expected: list[str]) -> None:
    assert alerts(text, off_average=False) == expected


def test_kinds_can_be_off() -> None:
    text = DAY_LONG + "1+00:00 130"
    kinds = [alerts(text, off_average=average, day_range=high) for average in (0, 1) for high in (0, 1)]
    assert [[word.split()[1] for word in made if word.startswith("3 ")] for made in kinds] == [
        [],
        ["day-range"],
        ["off-average"],
        ["off-average", "day-range"],
    ]


def test_what_an_alert_says() -> None:
    _, made = play(QUIET + "12:05:00.25 103", WatchRules(deviation=2_500_000, settings_offset=7))
    assert made.alerts == [
        Alert(
            alert_id="test:BTC-USD:off-average:up:2",
            instrument="test:BTC-USD",
            kind=AlertKind.OFF_AVERAGE,
            direction=Direction.UP,
            price=103 * ONE,
            event_time=time_of("12:05:00.25"),
            reference=(299 * 100 + 103) * ONE // 300,
            threshold=2_500_000,
            value=(300 * 103 - 299 * 100 - 103) * ONE // (299 * 100 + 103),
            held_back=0,
            settings_offset=7,
        )
    ]


def test_rules_hold_from_the_batch_on_with_which_they_come() -> None:
    state = new_state(INSTRUMENT)
    trades = tape(QUIET + "12:05 101.9\n12:05:00.5 101.9")
    assert apply_trades(state, columns(trades[:3]), WatchRules()).alerts == []
    made = apply_trades(state, columns(trades[3:]), WatchRules(deviation=ONE // 100))
    assert [line(alert) for alert in made.alerts] == ["3 off-average up 101.9 100.00633333 0.01893546 0"]


def test_a_day_that_is_covered_in_the_middle_of_a_second_counts_from_there() -> None:
    state = new_state(INSTRUMENT)
    trades = tape("12:00 100\n12:00:01 101\n12:00:02 101\n12:00:02.6 100.5\n12:00:02.7 102")
    assert apply_trades(state, columns(trades[:2]), WatchRules(coverage=0)).alerts
    apply_trades(state, columns(trades[2:]), WatchRules(coverage=5 * SECOND // 2))
    assert state.gates.range_up.held_back == 1


@pytest.mark.parametrize("batch", [1, 7, 20_000])
def test_of_10_000_crossings_one_a_cooldown_is_told_and_the_rest_counted(batch: int) -> None:
    crossings, start = 10_000, time_of("12:05")
    trades = tape(QUIET)
    for i in range(2 * crossings):  # five a second for 2,000 seconds
        price = 100 if i % 2 else 103
        trades.append(MarketTrade(2 + i, price * ONE, ONE, 3 + i, start + i * SECOND // 10, False))
    state, told = new_state(INSTRUMENT), []
    for first in range(0, len(trades), batch):
        told += apply_trades(state, columns(trades[first : first + batch]), WatchRules(day_range=False)).alerts
    assert [(alert.event_time - start) // MINUTE for alert in told] == [0, 5, 10, 15, 20, 25, 30]
    counted = sum(alert.held_back for alert in told) + state.gates.average_up.held_back
    assert len(told) + counted == crossings
