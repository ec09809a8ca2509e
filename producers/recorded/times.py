"""Times in recorded files: seconds, milli-, micro- or nanoseconds since the epoch, told apart by their size."""

from schemas.checks import FIRST_MARKET_TIME, LAST_TIME

EARLIEST_S, LATEST_S = FIRST_MARKET_TIME // 1_000_000, (LAST_TIME + 1) // 1_000_000
"""2009-01-01 and 2100-01-01, UTC. A time in one unit is in no other between these."""

UNITS = ((1_000_000, 1), (1_000, 1), (1, 1), (1, 1_000))
"""What µs are by a time in s, ms, µs and ns: multiplied and divided."""


def micros_by_size(time: int, field: str) -> int:
    """Return µs since the epoch, nanoseconds rounded down. `ValueError` names `field` and a time in no unit."""
    for times, by in UNITS:
        micros = time * times // by
        if EARLIEST_S * 1_000_000 <= micros < LATEST_S * 1_000_000:
            return micros
    raise ValueError(f"{field}: {time} is no time between 2009 and 2100 in s, ms, µs or ns")
