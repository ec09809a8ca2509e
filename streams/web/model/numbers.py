"""Numbers as people read them, made of integers of 1e-8 and without a float."""

from schemas.units import ONE, SCALE

PERCENT_PLACES = 2
POINT = 10_000
"""Basis points in 1."""
MILLI = 1_000


def places_of(step: int) -> int:
    """Return how many decimals the multiples of `step`, in 1e-8, have."""
    for places in range(SCALE):
        unit: int = 10 ** (SCALE - places)
        if step % unit == 0:
            return places
    return SCALE


def fixed(units: int, places: int) -> str:
    """Return a decimal with at least so many places, and with as many more as the number has."""
    whole, fraction = divmod(abs(units), ONE)
    digits = f"{fraction:08d}"
    shown = max(places, len(digits.rstrip("0")))
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{digits[:shown]}" if shown else f"{sign}{whole}"


def rounded(units: int, places: int) -> str:
    """Return a decimal of exactly so many places, rounded half away from zero, without a sign before zero."""
    unit: int = 10 ** (SCALE - places)
    count = (abs(units) + unit // 2) // unit
    return fixed(count * unit if units >= 0 else -count * unit, places)


def percent(part: int, whole: int) -> str:
    """Return a part of a whole as a percentage with its sign and two places, such as `-0.44`; `whole` is above 0."""
    return rounded(ratio(part * 100, whole), PERCENT_PLACES)


def ratio(part: int, whole: int) -> int:
    """Return part divided by whole in 1e-8, cut towards zero; `whole` is above 0."""
    quotient: int = abs(part) * ONE // whole
    return quotient if part >= 0 else -quotient


def points(part: int, whole: int) -> str:
    """Return a part of a whole in basis points with one place; `whole` is above 0."""
    return rounded(ratio(part * POINT, whole), 1)


def share(low: int, value: int, high: int) -> int:
    """Return where `value` lies between two bounds, in thousandths: 0 at or below the low one."""
    if high <= low:
        return 0
    return min(max((value - low) * MILLI // (high - low), 0), MILLI)
