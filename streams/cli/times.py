"""Times as they are typed: `--from`, `--to` and their like."""

from datetime import UTC, datetime

from schemas.times import Between, micros_of
from streams.cli.errors import BadValue


def parse_times(since: str | None, until: str | None) -> Between:
    """Return `--from` and `--to` in microseconds since the epoch; `BadValue` names what is wrong."""
    first = None if since is None else parse_time("--from", since)
    end = None if until is None else parse_time("--to", until)
    if first is not None and end is not None and first >= end:
        raise BadValue(f"--from: {since} is not before --to {until}")
    return first, end


def parse_time(option: str, text: str) -> int:
    """Return an ISO 8601 time, UTC where it names no zone, in microseconds since the epoch."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue(f"{option}: {text!r} is not an ISO 8601 time such as 2019-06-02T12:00:00Z") from None
    return micros_of(moment.replace(tzinfo=moment.tzinfo or UTC))
