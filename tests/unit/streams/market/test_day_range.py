"""The rolling 24 hours, as tables."""

import pytest

from schemas.units import plain
from streams.market.day_range import day_range
from streams.market.state import new_state
from tests.unit.streams.market.tape import INSTRUMENT, clock, play

# Trades, then the range: open, high, low, close, change, volume, quote volume, trades, and since when they are covered.
TABLES = {
    "of one trade": ("12:00 10 x2", "10 10 10 10 0 2 20 1 since 12:00"),
    "the window begins on a minute": (
        """
        11:59:59.999999 1 x100
        12:00:00        9
        13:00           5
        1+12:00:59.9    6
        """,
        "9 9 5 6 -3 3 20 3 since 11:59",
    ),
    "what is highest and lowest leaves with its minute": (
        """
        12:00   99
        12:00   1
        12:01   50
        12:02   40
        1+12:01 45
        """,
        "50 50 40 45 -5 3 135 3 since 12:00",
    ),
    "late trades count as if they had come in time, ancient ones do not": (
        """
        12:00   10
        1+12:00 20
        12:00   30 #0
        11:59   99
        18:00   5
        1+12:00 25
        """,
        "30 30 5 25 -5 5 90 5 since 12:00",
    ),
    "after more than a day without trades there is the newest": (
        """
        12:00   10
        12:01   11
        3+12:00 12
        """,
        "12 12 12 12 0 1 12 1 since 12:00",
    ),
    "volumes have any size": (
        "12:00 1 x99999999999999999999\n12:01 1 x99999999999999999999\n12:02 1 x99999999999999999999",
        "1 1 1 1 0 299999999999999999997 299999999999999999997 3 since 12:00",
    ),
}


@pytest.mark.parametrize(("text", "expected"), TABLES.values(), ids=TABLES)
def test_day_range(text: str, expected: str) -> None:
    day = day_range(play(text)[0].history)
    assert day is not None
    prices = (day.open, day.high, day.low, day.close, day.change, day.volume, day.quote_volume)
    since = clock(day.covered_since // 60_000_000 * 60_000_000)
    assert " ".join([*map(plain, prices), str(day.trades), "since", since]) == expected


def test_without_trades_there_is_no_range() -> None:
    assert day_range(new_state(INSTRUMENT).history) is None
