"""Times as integers of microseconds: shown, read, and held against limits."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from schemas.times import Between, iso, micros_of, overlaps, within


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_559_433_600_000_002, "2019-06-02T00:00:00.000002Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_shown_and_read_exactly(micros: int, text: str) -> None:
    assert iso(micros) == text
    assert micros_of(datetime.fromisoformat(text)) == micros


def test_a_zone_is_taken_into_account() -> None:
    assert micros_of(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0
    assert micros_of(datetime(1970, 1, 1, 2, tzinfo=UTC)) == 7_200_000_000


@pytest.mark.parametrize(
    ("between", "inside"),
    [
        ((None, None), (9, 10, 11, 19, 20, 21)),
        ((10, None), (10, 11, 19, 20, 21)),
        ((None, 20), (9, 10, 11, 19)),
        ((10, 20), (10, 11, 19)),
    ],
)
def test_the_first_limit_is_inside_and_the_second_is_not(between: Between, inside: tuple[int, ...]) -> None:
    assert tuple(micros for micros in (9, 10, 11, 19, 20, 21) if within(between, micros)) == inside
    for first in range(8, 23):
        for last in range(first, 23):
            assert overlaps(between, first, last) == any(within(between, micros) for micros in range(first, last + 1))
