"""Digests: when one is made, and as of when."""

import pytest

from schemas.units import ONE
from streams.market.day_range import DayRange
from streams.market.digests import Digest
from streams.market.rules import WatchRules
from tests.unit.streams.market.tape import INSTRUMENT, clock, play, time_of

MINUTES = "12:00 10\n12:00:59.9 11\n12:01 12\n12:01:30 13\n12:05:10 14\n12:05:20 15\n12:06:59 16"

# Trades, how many minutes apart, and as of when with which last price digests are made.
TABLES = {
    "each minute, at the first trade at or after it": (MINUTES, 1, ["12:01 11", "12:05 13", "12:06 15"]),
    "each second minute": (MINUTES, 2, ["12:04 13", "12:06 15"]),
    "each fifth minute": (MINUTES, 5, ["12:05 13"]),
    "none in an hour": (MINUTES, 60, []),
    "never": (MINUTES, 0, []),
    "the last one due, not those before": ("12:00 10\n15:30 11", 60, ["15:00 10"]),
    "none of a day without trades": ("12:00 10\n3+12:00 11\n3+12:01 12", 1, ["3+12:01 11"]),
    "late trades make none": ("12:02 10\n12:00 11\n12:01 12\n12:03 13", 1, ["12:03 10"]),
}


@pytest.mark.parametrize(("text", "minutes", "expected"), TABLES.values(), ids=TABLES)
def test_when_a_digest_is_made(text: str, minutes: int, expected: list[str]) -> None:
    _, made = play(text, WatchRules(digest_minutes=minutes))
    assert [f"{clock(digest.time)} {digest.price // ONE}" for digest in made.digests] == expected


def test_a_digest_is_as_of_its_minute() -> None:
    _, made = play(
        """
        12:00    50 x100
        12:11    10
        12:12    30
        1+12:11  20
        1+12:12  99
        """,
        WatchRules(settings_offset=7),
    )
    # A window that begins at 12:12; of the average's 300 seconds, 61 since 12:11.
    assert made.digests[-1] == Digest(
        instrument=INSTRUMENT,
        time=time_of("1+12:12"),
        price=20 * ONE,
        average=(239 * 30 + 61 * 20) * ONE // 300,
        trades_per_second=ONE // 60,
        day=DayRange(
            open=30 * ONE,
            high=30 * ONE,
            low=20 * ONE,
            close=20 * ONE,
            volume=2 * ONE,
            quote_volume=50 * ONE,
            trades=2,
            covered_since=time_of("12:00"),
        ),
        settings_offset=7,
    )
