"""Times: microseconds since the epoch, UTC, as integers."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Between = tuple[int | None, int | None]
"""The first time (µs since the epoch) and the one that is no more part of it; None for no limit."""


def iso(micros: int) -> str:
    """Return microseconds since the epoch as ISO 8601 in UTC, exact to the microsecond."""
    return (EPOCH + micros * MICROSECOND).isoformat(timespec="microseconds").replace("+00:00", "Z")


def micros_of(moment: datetime) -> int:
    """Return the microseconds from the epoch to a time with a zone."""
    return (moment - EPOCH) // MICROSECOND


def within(between: Between, micros: int) -> bool:
    """Return whether a time is at or after the first limit and before the second."""
    since, until = between
    return (since is None or micros >= since) and (until is None or micros < until)


def overlaps(between: Between, first: int, last: int) -> bool:
    """Return whether any time from `first` to `last`, both included, may be `within`."""
    since, until = between
    return (since is None or last >= since) and (until is None or first < until)
