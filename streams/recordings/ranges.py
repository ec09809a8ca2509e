"""Long columns, in ranges of the values of one of them: so are they sorted that are too long to be sorted in memory."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from infra.mapped import let_go, parts
from schemas.columns import Int64s
from schemas.times import Between, overlaps

AT_ONCE = 1 << 21
"""About so many rows are in a range."""
SAMPLES = 1 << 12
"""Of a range so many values are looked at to find where it ends."""


class _Zone(NamedTuple):
    """Some rows, and the lowest and highest of their values."""

    first: int
    end: int
    lowest: int
    highest: int


def in_ranges(columns: Sequence[Int64s], by: int) -> Iterator[list[Int64s]]:
    """Yield all rows, those with the lowest values of column `by` first; those of a range in the order they have.

    Rows with the same value come together, so a range has more where one value has.
    """
    bounds = _bounds(columns[by])
    zones = list(_zones(columns[by]))
    for between in pairwise([None, *bounds, None]):
        found = []
        for zone in zones:
            if overlaps(between, zone.lowest, zone.highest):
                some = [column[zone.first : zone.end] for column in columns]
                inside = within(some[by], between)
                found.append(some if inside.all() else [column[inside] for column in some])
        if found:
            yield [np.concatenate(pieces) for pieces in zip(*found, strict=True)]
        for column in columns:
            let_go(column)


def within(values: Int64s, between: Between) -> npt.NDArray[np.bool_]:
    """Return which values are in a range, whose end is not in it."""
    since, until = between
    found = np.ones(len(values), np.bool_) if since is None else values >= since
    return found if until is None else found & (values < until)


def _bounds(values: Int64s) -> list[int]:
    """Return where ranges begin, but for the first."""
    step = max(1, AT_ONCE // SAMPLES)
    bounds: list[int] = np.unique(np.sort(values[::step])[AT_ONCE // step :: AT_ONCE // step]).tolist()
    let_go(values)
    return bounds


def _zones(values: Int64s) -> Iterator[_Zone]:
    first = 0
    for (some,) in parts(values):
        yield _Zone(first, first + len(some), int(some.min()), int(some.max()))
        first += len(some)
