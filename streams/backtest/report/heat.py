"""A heat map of a sweep: the objective over the two settings that were tried with the most values."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.records import Setup
from schemas.units import ONE, plain
from streams.backtest.engine.sweep import MONEY
from streams.backtest.performance import plain_money
from streams.backtest.report.figures import NAMES, setting, value_of
from streams.backtest.trial import DRAWDOWN, NET

SIDE_MAX = 16
"""The most values of a setting that have a row or a column each."""
RANGES = 8
"""The number of parts, of values beside each other, that have a row or a column each where there are more values."""
STEPS = 4
"""The number of shades of each of the two colours."""
NEUTRAL = "level"

SHADES = [f"low{i}" for i in range(STEPS, 0, -1)] + [NEUTRAL] + [f"high{i}" for i in range(1, STEPS + 1)]

Value = int | None
"""None is above all numbers: a profit without any drawdown."""


class Objective(NamedTuple):
    """What a sweep looked for the most of: its name, a value's exact text, and its size for colours and short text."""

    name: str
    text: Callable[[int], str]
    size: Callable[[int], float]


def objective_named(name: str) -> Objective:
    """Return the objective of a sweep that `best_of` knows by this name."""
    if name == NET:
        return Objective("net profit", plain_money, lambda value: float(value / MONEY))
    if name == DRAWDOWN:
        return Objective("net profit per drawdown", plain, lambda value: value / ONE)
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
    index_of: dict[int, int]

    def find(self, setup: Setup) -> int:
        """Return where along the side the settings belong."""
        return self.index_of[value_of(setup, self.field)] if self.field else 0


class HeatMap(NamedTuple):
    """`cells[row][column]`, None where nothing was tried; `notes` say what a cell leaves out."""

    rows: Axis
    columns: Axis
    cells: list[list[Cell | None]]
    lowest: str
    highest: str
    shades: list[str]
    notes: list[str]


def heat_map(tried: Sequence[Setup], values: Sequence[Value], objective: Objective, best: int) -> HeatMap | None:
    """Return the map of the values of all settings tried, in their order, or None for just one; `best` is an index."""
    known = {field: sorted({value_of(each, field) for each in tried}) for field in NAMES}
    varied = sorted((field for field in known if len(known[field]) > 1), key=lambda field: -len(known[field]))
    if not varied:
        return None
    rows, *others = (_side(field, known[field]) for field in varied[:2])
    columns = others[0] if others else _Side("", Axis("", [""]), {})
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for at, each in enumerate(tried):
        groups[rows.find(each), columns.find(each)].append(at)
    ceiling = max((value for value in values if value is not None), default=0)
    sizes = [ceiling if value is None else value for value in values]
    tops = {
        where: max(members, key=lambda at: (at == best, values[at] is None, sizes[at]))
        for where, members in groups.items()
    }
    lowest, highest = (chosen(sizes[at] for at in tops.values()) for chosen in (min, max))
    low, high = objective.size(lowest), objective.size(highest)

    def cell(where: tuple[int, int]) -> Cell | None:
        if where not in tops:
            return None
        at = tops[where]
        size, says = objective.size(sizes[at]), _says(tried[at], varied, objective, values[at])
        rest = f" (best of {len(groups[where]):,} settings here)" if len(groups[where]) > 1 else ""
        return Cell("∞" if values[at] is None else short(size), shade(size, low, high), says + rest, at == best)

    return HeatMap(
        rows.axis,
        columns.axis,
        [[cell((row, column)) for column in range(len(columns.axis.labels))] for row in range(len(rows.axis.labels))],
        objective.text(lowest),
        objective.text(highest),
        _legend(low, high),
        _notes(known, varied),
    )


def shade(size: float, low: float, high: float) -> str:
    """Return the CSS class of a value between two others: two colours if these are on both sides of 0, else one."""
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
    """Return a number of about three digits, for a cell; the exact one is said beside it."""
    if size == int(size):
        return f"{int(size):,}"
    decimals = max(0, 3 - len(str(int(abs(size))))) if abs(size) >= 1 else 3
    text = f"{size:,.{decimals}f}"
    return text if text.strip("-0.") else "0"


def _side(field: str, values: Sequence[int]) -> _Side:
    """Return a side with equal parts of the values, as many as may be, in the order of size."""
    count = len(values) if len(values) <= SIDE_MAX else RANGES
    parts = [part.tolist() for part in np.array_split(np.array(values, object), count)]
    labels = [
        setting(field, part[0]) if len(part) == 1 else f"{setting(field, part[0])} to {setting(field, part[-1])}"
        for part in parts
    ]
    return _Side(field, Axis(NAMES[field], labels), {value: i for i, part in enumerate(parts) for value in part})


def _says(of: Setup, varied: Sequence[str], objective: Objective, value: Value) -> str:
    settings = ", ".join(f"{NAMES[field]} {setting(field, value_of(of, field))}" for field in varied)
    return f"{settings}: {objective.name} {'without any' if value is None else objective.text(value)}"


def _notes(known: dict[str, list[int]], varied: Sequence[str]) -> list[str]:
    """Return what the two sides do not show: what was maximised over, joined, or fixed."""
    notes = []
    for field in varied[2:]:
        values = known[field]
        span = f"{setting(field, values[0])} to {setting(field, values[-1])}"
        notes.append(f"Maximised over {NAMES[field]}: {len(values):,} values, {span}.")
    for field in varied[:2]:
        count = len(known[field])
        if count > SIDE_MAX:
            notes.append(f"Maximised within {RANGES} ranges of {NAMES[field]}, which had {count:,} values.")
    fixed = [f"{NAMES[field]} {setting(field, values[0])}" for field, values in known.items() if len(values) == 1]
    return [*notes, f"Fixed: {', '.join(fixed)}."]
