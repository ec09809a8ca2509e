"""Settings to try: every combination of the values of some fields, or random draws from them."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from random import Random

import msgspec

from schemas.parameters import BY_FIELD
from schemas.records import Setup

SETTINGS_MAX = 1_000_000
"""The most settings that a sweep takes."""

Axes = Mapping[str, Sequence[int]]
"""The values to try of each field of `Settings`, as they are stored there."""


def parse_axis(field: str, text: str, drawn: bool = False) -> Sequence[int]:
    """Return the values that `text` stands for: `VALUE`, `VALUE,VALUE,…`, or `START:STOP:STEP` with both ends.

    Exact: `STOP` has to be reached. Values that are `drawn` need no step. Raises `ValueError`, naming option and text.
    """
    parameter = BY_FIELD[field]
    option, parts = parameter.option, text.split(":")
    if len(parts) == 1:
        return tuple(dict.fromkeys(parameter.parse(each, option) for each in text.split(",")))
    if len(parts) > 3 or (len(parts) == 2 and not drawn):
        raise ValueError(f"{option}: {text!r} is neither a value, nor VALUE,VALUE,…, nor START:STOP:STEP")
    start, stop = (parameter.parse(part, option) for part in parts[:2])
    step = parameter.parse(parts[2], option) if len(parts) == 3 else 1
    if step <= 0:
        raise ValueError(f"{option}: {text!r} has the step {parts[2]}, which is not above 0")
    if stop < start:
        raise ValueError(f"{option}: {text!r} ends below its start")
    if (stop - start) % step:
        shown = parameter.text(stop - (stop - start) % step)
        raise ValueError(f"{option}: {text!r} does not reach {parts[1]}; the last step is at {shown}")
    for end in (start, stop):
        parameter.check(end)  # before they are counted: `len` takes no range of 2**63 values and more
    return range(start, stop + 1, step)


def grid(base: Setup, axes: Axes) -> list[Setup]:
    """Return every combination, the last field running fastest; raise `ValueError` for more than `SETTINGS_MAX`."""
    size = math.prod(len(values) for values in axes.values())
    if size > SETTINGS_MAX:
        sizes = " · ".join(f"{name} {len(values)}" for name, values in axes.items())
        raise ValueError(f"{size} settings ({sizes}) are more than {SETTINGS_MAX}; use a larger step or --random")
    return [_changed(base, dict(zip(axes, values, strict=True))) for values in product(*axes.values())]


def draws(base: Setup, axes: Axes, number: int, seed: int) -> list[Setup]:
    """Return independent draws from the fields' values, each combination once, so there may be fewer than `number`."""
    if not 1 <= number <= SETTINGS_MAX:
        raise ValueError(f"--random: {number} is not between 1 and {SETTINGS_MAX}")
    chance = Random(seed)
    drawn = dict.fromkeys(tuple(chance.choice(values) for values in axes.values()) for _ in range(number))
    return [_changed(base, dict(zip(axes, values, strict=True))) for values in drawn]


def _changed(base: Setup, values: dict[str, int]) -> Setup:
    return base._replace(settings=msgspec.structs.replace(base.settings, **values))
