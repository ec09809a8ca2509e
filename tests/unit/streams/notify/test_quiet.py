"""Quiet hours in the user's time zone, when tomorrow begins there, and durations as people type them."""

from datetime import datetime

import pytest

from schemas.times import micros_of
from streams.notify.durations import parse_seconds, shown_seconds
from streams.notify.quiet import parse, tomorrow

BERLIN = parse("", "Europe/Berlin").zone


def at(text: str) -> int:
    return micros_of(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("hours", "zone", "time", "is_quiet"),
    [
        ("", "UTC", "2026-11-26T00:00Z", False),
        ("22:30-07:00", "UTC", "2026-11-26T22:29Z", False),
        ("22:30-07:00", "UTC", "2026-11-26T22:30Z", True),
        ("22:30-07:00", "UTC", "2026-11-26T06:59Z", True),
        ("22:30-07:00", "UTC", "2026-11-26T07:00Z", False),
        ("01:00-02:00", "UTC", "2026-11-26T01:30Z", True),
        ("01:00-02:00", "UTC", "2026-11-26T03:30Z", False),
        ("22:30-07:00", "Europe/Berlin", "2026-11-26T21:30Z", True),
        ("22:30-07:00", "Europe/Berlin", "2026-07-26T21:00Z", True),
        ("22:30-07:00", "Europe/Berlin", "2026-11-26T06:00Z", False),
        ("08:00-08:00", "UTC", "2026-11-26T08:00Z", False),
    ],
)
def test_quiet_hours(hours: str, zone: str, time: str, is_quiet: bool) -> None:
    assert parse(hours, zone).holds_at(at(time)) == is_quiet


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-26T12:00+01:00", "2026-11-27T07:00+01:00"),
        ("2026-11-26T00:30+01:00", "2026-11-27T07:00+01:00"),
        # the clocks are put back in between
        ("2026-10-24T12:00+02:00", "2026-10-25T07:00+01:00"),
    ],
)
def test_tomorrow_begins_at_seven(now: str, then: str) -> None:
    assert tomorrow(at(now), BERLIN) == at(then)


@pytest.mark.parametrize(("typed", "seconds"), [("90s", 90), (" 15M ", 900), ("2h", 7_200), ("1d", 86_400), ("0s", 0)])
def test_durations(typed: str, seconds: int) -> None:
    assert parse_seconds(typed, "x") == seconds
    assert parse_seconds(shown_seconds(seconds), "x") == seconds


@pytest.mark.parametrize("typed", ["", "5", "h", "1.5h", "-1h", "1w", "١h", "1h1m"])
def test_what_is_no_duration_is_named(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^--cooldown: .* is not a duration such as 90s, 15m, 2h or 1d$"):
        parse_seconds(typed, "--cooldown")
