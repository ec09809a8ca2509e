"""Times as they are typed."""

import pytest

from streams.cli.errors import BadValue
from streams.cli.times import parse_time, parse_times

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01", SECOND),
        ("1970-01-01T00:00:01Z", SECOND),
        ("1970-01-01T01:00:01.000002+01:00", SECOND + 2),
        ("1969-12-31T23:59:59", -SECOND),
    ],
)
def test_a_time_is_of_utc_unless_it_names_a_zone(text: str, micros: int) -> None:
    assert parse_time("--from", text) == micros


@pytest.mark.parametrize(
    ("since", "until", "between"),
    [
        (None, None, (None, None)),
        ("1970-01-01", None, (0, None)),
        (None, "1970-01-02", (None, 86_400 * SECOND)),
        ("1970-01-01", "1970-01-01T00:00:00.000001", (0, 1)),
    ],
)
def test_a_span_may_be_open(since: str | None, until: str | None, between: tuple[int | None, int | None]) -> None:
    assert parse_times(since, until) == between


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("yesterday", None, "--from: 'yesterday' is not an ISO 8601 time"),
        (None, "12", "--to: '12' is not an ISO 8601 time"),
        ("1970-01-01", "1970-01-01", "--from: 1970-01-01 is not before --to 1970-01-01"),
        ("1970-01-02", "1970-01-01", "--from: 1970-01-02 is not before --to 1970-01-01"),
    ],
)
def test_what_is_no_span_is_named(since: str | None, until: str | None, words: str) -> None:
    with pytest.raises(BadValue, match=words):
        parse_times(since, until)
