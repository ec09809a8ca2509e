"""Exact numbers: prices, quantities and money are integers in units of 10^-8.

Eight decimals are what the exchanges quote at most. Integers of this unit go through the whole system;
decimals appear at its edges only: on the wire (Avro decimal, scale 8), in SQL (numeric) and on the screen.
"""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation

from schemas.errors import Refused

SCALE = 8
ONE = 10**SCALE
"""The integer that stands for 1."""

PRICE_MAX = 10**18 - 1
"""Largest price the wire carries (Avro decimal(18, 8) in 8 bytes): just below ten billion."""
AMOUNT_MAX = 10**28 - 1
"""Largest quantity or amount of money the wire carries (Avro decimal(28, 8) in 12 bytes)."""
VOLUME_MAX = 10**38 - 1
"""Largest sum of amounts the wire carries (Avro decimal(38, 8) in 16 bytes)."""

PLAIN = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
WHOLE = re.compile(r"[+-]?\d{1,9}", re.ASCII)

_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


def to_units(text: str | Decimal, field: str) -> int:
    """Return the exact integer for a plain decimal; `field` is named in the `ValueError` for anything else."""
    try:
        scaled = Decimal(text).scaleb(SCALE, _EXACT)
    except Inexact:
        reason = f"more than {SCALE} decimals" if _decimals(text) > SCALE else f"more than {_EXACT.prec} digits"
        raise ValueError(f"{field}: {text!r} has {reason}") from None
    except InvalidOperation:
        raise ValueError(f"{field}: {text!r} is not a decimal number") from None
    if not scaled.is_finite():
        raise ValueError(f"{field}: {text!r} is not a finite number")
    units = int(scaled)
    if units != scaled:
        raise ValueError(f"{field}: {text!r} has more than {SCALE} decimals")
    return units


def _decimals(text: str | Decimal) -> int:
    exponent = Decimal(text).as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def to_decimal(units: int) -> Decimal:
    """Return the `Decimal` with eight decimals that `units` stands for."""
    return Decimal(units).scaleb(-SCALE)


def plain(units: int) -> str:
    """Return a plain decimal without exponent and without trailing zeros, as people write it."""
    whole, fraction = divmod(abs(units), ONE)
    digits = f"{fraction:08d}".rstrip("0")
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def parse_plain(text: str, field: str) -> int:
    """The exact integer for a decimal written as `plain` does; a `ValueError` names `field` and the text if it is not.

    Neither an exponent nor a thousands separator is taken: what a person types has one reading.
    """
    if not PLAIN.fullmatch(text):
        raise ValueError(f"{field}: {text!r} is not a plain decimal such as 0.0025")
    return to_units(text, field)


def parse_whole(text: str, field: str) -> int:
    """The whole number of at most nine digits in `text`; a `ValueError` names `field` and the text if it is none."""
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{field}: {text!r} is not a whole number")
    return int(text)


def in_range(field: str, value: int, low: int, high: int, scale: int = ONE) -> None:
    """Raise `Refused` that names `field` unless low <= value <= high; it shows all three as what they stand for.

    `scale` is `ONE`, or 1 for a plain count.
    """
    if not low <= value <= high:
        show = plain if scale == ONE else str
        raise Refused(f"{field}: {show(value)} is not between {show(low)} and {show(high)}")
