"""The average of 5 minutes and trades a second, as tables."""

from fractions import Fraction

import pytest

from schemas.units import ONE
from streams.market.averages import average_price, trades_per_second
from tests.unit.streams.market.tape import play

# Trades, then the seconds with a price, and their mean in whole units.
TABLES = {
    "the last trade of a second counts, by time and id": (
        """
        12:00:00.5 10 #2
        12:00:00.7 30 #3
        12:00:00.7 20 #1
        12:00:00.2 90 #4
        """,
        1,
        Fraction(30),
    ),
    "a price is carried forward over seconds without trades": (
        """
        12:00:00 10
        12:00:03 20
        12:00:04 30
        """,
        5,
        Fraction(10 * 3 + 20 + 30, 5),
    ),
    "five quiet minutes weigh as much as many trades at the end": (
        "12:00:00 100\n" + "12:05:00 103\n" * 1_000,
        300,
        Fraction(100 * 299 + 103, 300),
    ),
    "the window has 300 seconds": (
        """
        12:00:00 10
        12:00:01 20
        12:05:01 30
        """,
        300,
        Fraction(20 * 299 + 30, 300),
    ),
    "after a long time without trades all seconds but the newest have the last price": (
        """
        12:00:00 10
        12:00:01 20
        18:00:00 30
        """,
        300,
        Fraction(20 * 299 + 30, 300),
    ),
    "a late trade counts until the next one": (
        """
        12:00:00 10
        12:00:05 20
        12:00:02 40
        12:00:02 99 #0
        """,
        6,
        Fraction(10 * 2 + 40 * 3 + 20, 6),
    ),
    "a trade from before the earliest one, and one from before the window": (
        """
        12:05:00 10
        12:04:58 20
        11:00:00 40
        """,
        300,
        Fraction(40 * 297 + 20 * 2 + 10, 300),
    ),
}


@pytest.mark.parametrize(("text", "seconds", "mean"), TABLES.values(), ids=TABLES)
def test_average(text: str, seconds: int, mean: Fraction) -> None:
    average = play(text)[0].average
    assert average.known == seconds
    assert Fraction(average.total, seconds) == mean * ONE
    assert average_price(average) == mean * ONE // 1


@pytest.mark.parametrize(
    ("text", "trades"),
    [
        ("12:00:00 1", 0),
        ("12:00:00 1\n12:00:01 1", 1),
        ("12:00:00 1\n" * 90 + "12:00:59 1\n12:01:00 1", 91),
        ("12:00:00 1\n" * 90 + "12:00:59 1\n12:01:01 1", 1),
        ("12:00:59 1\n12:01:01 1\n12:00:30 1\n12:00:00.999999 1\n12:00:01 1", 3),
        ("12:00:59 1\n13:00:00 1", 0),
        ("12:00:59 1\n12:05:59 1\n12:06:00 1", 1),
    ],
)
def test_trades_per_second_are_those_of_the_60_seconds_before_the_newest(text: str, trades: int) -> None:
    assert trades_per_second(play(text)[0].average) == trades * ONE // 60
