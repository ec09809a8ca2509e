"""Settings to try: every combination of the values of some fields, or random draws from them."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import product
from random import Random

import msgspec

from schemas.records import Settings
from schemas.units import plain, to_units

SETTINGS_MAX = 1_000_000
"""So many settings a sweep takes."""
PLAIN = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
WHOLE = ("chunks",)

Axes = Mapping[str, Sequence[int]]
"""The values to try of each field of `Settings`, as they are stored there."""


def parse_axis(field: str, option: str, text: str, drawn: bool = False) -> Sequence[int]:
    """The values that `text` stands for: `VALUE`, `VALUE,VALUE,…`, or `START:STOP:STEP` with both ends.

    Exact: `STOP` has to be reached. Values that are `drawn` need no step. A `ValueError` names option and text.
    """
    parts = text.split(":")
    if len(parts) == 1:
        return tuple(dict.fromkeys(_value(field, option, each) for each in text.split(",")))
    if len(parts) > 3 or (len(parts) == 2 and not drawn):
        raise ValueError(f"{option}: {text!r} is neither a value, nor VALUE,VALUE,…, nor START:STOP:STEP")
    start, stop = (_value(field, option, part) for part in parts[:2])
    step = _value(field, option, parts[2]) if len(parts) == 3 else 1
    if step <= 0:
        raise ValueError(f"{option}: {text!r} has the step {parts[2]}, which is not above 0")
    if stop < start:
        raise ValueError(f"{option}: {text!r} ends below its start")
    if (stop - start) % step:
        below = stop - (stop - start) % step
        shown = below if field in WHOLE else plain(below)
        raise ValueError(f"{option}: {text!r} does not reach {parts[1]}; the last step is at {shown}")
    return range(start, stop + 1, step)


def grid(base: Settings, axes: Axes) -> list[Settings]:
    """Every combination, the last field running fastest; `ValueError` if there are more than `SETTINGS_MAX`."""
    size = math.prod(len(values) for values in axes.values())
    if size > SETTINGS_MAX:
        sizes = " · ".join(f"{name} {len(values)}" for name, values in axes.items())
        raise ValueError(f"{size} settings ({sizes}) are more than {SETTINGS_MAX}; use a larger step or --random")
    return [_changed(base, dict(zip(axes, values, strict=True))) for values in product(*axes.values())]


def draws(base: Settings, axes: Axes, number: int, seed: int) -> list[Settings]:
    """Independent draws from the fields' values, each combination once, so there may be fewer than `number`."""
    if not 1 <= number <= SETTINGS_MAX:
        raise ValueError(f"--random: {number} is not between 1 and {SETTINGS_MAX}")
    chance = Random(seed)
    drawn = dict.fromkeys(tuple(chance.choice(values) for values in axes.values()) for _ in range(number))
    return [_changed(base, dict(zip(axes, values, strict=True))) for values in drawn]


def _changed(base: Settings, values: dict[str, int]) -> Settings:
    return msgspec.structs.replace(base, **values)


def _value(field: str, option: str, text: str) -> int:
    if field in WHOLE:
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise ValueError(f"{option}: {text!r} is not a whole number")
        return int(text)
    if not PLAIN.fullmatch(text):
        raise ValueError(f"{option}: {text!r} is not a plain decimal such as 0.0025")
    return to_units(text, option)
