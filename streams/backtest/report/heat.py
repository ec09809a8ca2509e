"""A heat map of a sweep: the objective over the two settings that were tried with the most values."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.records import Settings
from streams.backtest.money import plain_money
from streams.backtest.report.figures import NAMES, setting
from streams.backtest.sweep import MONEY
from streams.backtest.trial import NET

SIDE_MAX = 16
"""So many rows and columns at most; values beside each other then share one."""
STEPS = 4
"""Shades of each of the two colours."""
NEUTRAL = "level"

SHADES = [f"low{i}" for i in range(STEPS, 0, -1)] + [NEUTRAL] + [f"high{i}" for i in range(1, STEPS + 1)]

Value = int


class Objective(NamedTuple):
    """What a sweep looked for the most of: its name, a value's exact text, and its size for colours and short text."""

    name: str
    text: Callable[[Value], str]
    size: Callable[[Value], float]


def objective_named(name: str) -> Objective:
    """The objective of a sweep that `best_of` knows by this name."""
    if name == NET:
        return Objective("net profit", plain_money, lambda value: float(value / MONEY))
    return Objective("cycles", str, float)


class Cell(NamedTuple):
    """The best of the settings that a cell stands for: `shade` is a CSS class, `says` the whole story."""

    short: str
    shade: str
    says: str
    best: bool


class Axis(NamedTuple):
    """A setting's name and the values, or ranges of values, along the side."""

    name: str
    labels: list[str]


class _Side(NamedTuple):
    field: str
    axis: Axis
    place: dict[int, int]


class HeatMap(NamedTuple):
    """`cells[row][column]`, None where nothing was tried; `notes` say what a cell leaves out."""

    rows: Axis
    columns: Axis
    cells: list[list[Cell | None]]
    lowest: str
    highest: str
    shades: list[str]
    notes: list[str]


def heat_map(tried: Sequence[Settings], values: Sequence[Value | None], objective: Objective) -> HeatMap | None:
    """The map of the values of all settings tried, in their order, None for one without; None if nothing varies."""
    known = {field: sorted({getattr(each, field) for each in tried}) for field in NAMES}
    varied = sorted((field for field in known if len(known[field]) > 1), key=lambda field: -len(known[field]))
    valued = [(value, each) for value, each in zip(values, tried, strict=True) if value is not None]
    if not varied or not valued:
        return None
    sides = [_side(field, known[field]) for field in varied[:2]]
    groups: dict[tuple[int, ...], list[tuple[Value, Settings]]] = defaultdict(list)
    for value, each in valued:
        groups[tuple(side.place[getattr(each, side.field)] for side in sides)].append((value, each))
    best = {place: max(group, key=_by_value) for place, group in groups.items()}
    lowest, highest = (chosen(value for value, _ in best.values()) for chosen in (min, max))
    low, high = objective.size(lowest), objective.size(highest)
    top = max(valued, key=_by_value)
    cells = {
        place: Cell(
            short(objective.size(value)),
            shade(objective.size(value), low, high),
            _says(value, each, varied, objective, len(groups[place])),
            each is top[1],
        )
        for place, (value, each) in best.items()
    }
    columns = sides[1].axis if len(sides) > 1 else Axis("", [""])
    across = [(column,) for column in range(len(columns.labels))] if len(sides) > 1 else [()]
    return HeatMap(
        sides[0].axis,
        columns,
        [[cells.get((row, *column)) for column in across] for row in range(len(sides[0].axis.labels))],
        objective.text(lowest),
        objective.text(highest),
        _legend(low, high),
        _notes(known, varied, sides),
    )


def shade(size: float, low: float, high: float) -> str:
    """The CSS class of a value between two others: two colours from 0 on if these are on both sides of it, else one."""
    if low == high or size == 0:
        return NEUTRAL
    if low < 0 < high:
        share = abs(size) / max(-low, high)
    elif low >= 0:
        share = (size - low) / (high - low)
    else:
        share = (high - size) / (high - low)
    return f"{'high' if size > 0 else 'low'}{min(int(share * STEPS) + 1, STEPS)}"


def _legend(low: float, high: float) -> list[str]:
    seen = {shade(low + (high - low) * i / 100, low, high) for i in range(101)}
    return [name for name in SHADES if name in seen or (name == NEUTRAL and low < 0 < high)]


def short(size: float) -> str:
    """A number of about three digits, for a cell; the exact one is said beside it."""
    decimals = max(0, 3 - len(str(int(abs(size))))) if abs(size) >= 1 else 3
    text = f"{size:,.{decimals}f}"
    return text if text.strip("-0.") else "0"


def _by_value(valued: tuple[Value, Settings]) -> Value:
    return valued[0]


def _side(field: str, values: Sequence[int]) -> _Side:
    """Equal parts of the values, as many as may be, in the order of size."""
    parts = [part.tolist() for part in np.array_split(np.array(values, object), min(len(values), SIDE_MAX))]
    labels = [
        setting(field, part[0]) if len(part) == 1 else f"{setting(field, part[0])} to {setting(field, part[-1])}"
        for part in parts
    ]
    return _Side(field, Axis(NAMES[field], labels), {value: i for i, part in enumerate(parts) for value in part})


def _says(value: Value, of: Settings, varied: Sequence[str], objective: Objective, group: int) -> str:
    settings = ", ".join(f"{NAMES[field]} {setting(field, getattr(of, field))}" for field in varied)
    rank = f" (best of {group:,} settings here)" if group > 1 else ""
    return f"{settings}: {objective.name} {objective.text(value)}{rank}"


def _notes(known: dict[str, list[int]], varied: Sequence[str], sides: Sequence[_Side]) -> list[str]:
    """What the two sides do not show: maximised over, joined, or fixed."""
    notes = []
    for field in varied[2:]:
        values = known[field]
        span = f"{setting(field, values[0])} to {setting(field, values[-1])}"
        notes.append(f"Maximised over {NAMES[field]}: {len(values):,} values, {span}.")
    for side in sides:
        count = len(known[side.field])
        if count > SIDE_MAX:
            notes.append(f"Maximised within {SIDE_MAX} ranges of {NAMES[side.field]}, which had {count:,} values.")
    fixed = [f"{NAMES[field]} {setting(field, values[0])}" for field, values in known.items() if len(values) == 1]
    return [*notes, f"Fixed: {', '.join(fixed)}."]
