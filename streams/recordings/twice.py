"""Trades of files that come more than once: which these are, and each of them once.

Files are read a second time for what the first time did not keep of these trades, by which two of them may differ.
They go into a temporary file by ranges of ids, and are merged a range at a time: so files are read twice at most,
however many trades repeat, and no more than a range is in memory.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from infra.mapped import PART, let_go
from producers.recorded.merge import Conflict, OtherDays, in_sources, merged
from producers.recorded.rows import ROW, Rows, taken
from schemas.columns import Int64s
from streams.recordings.ranges import in_ranges
from streams.recordings.spooled import Spooled

MERGED_AT_ONCE = 1 << 20
"""About so many whole trades are merged at a time."""


class ChangedSince(ValueError):
    """What is read the second time has not the trades that were there the first time."""


def repeated(ids: Int64s) -> Int64s:
    """Return the ids that come more than once, each once, rising."""
    found = Spooled(1)
    for (some,) in in_ranges([ids], 0):
        ordered = np.sort(some)
        found.extend([_distinct(ordered[1:][ordered[1:] == ordered[:-1]])])
    return found.columns()[0]


def _distinct(ordered: Int64s) -> Int64s:
    """Return each of some values once that do not fall; `numpy.unique` takes ten times as long."""
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def among(ids: Int64s, some: Int64s) -> npt.NDArray[np.bool_]:
    """Return which ids are among `some`, which rise."""
    if not len(ids):
        return np.zeros(0, np.bool_)
    first, end = np.searchsorted(some, ids.min()), np.searchsorted(some, ids.max(), "right")
    near = some[first:end]
    if not len(near):
        return np.zeros(len(ids), np.bool_)
    found: npt.NDArray[np.bool_] = near[np.minimum(np.searchsorted(near, ids), len(near) - 1)] == ids
    if len(near) < PART:  # of ids in no order all of `some` would be looked at again at once
        let_go(some)
    return found


def any_among(lowest: int, highest: int, some: Int64s) -> bool:
    """Return whether any of `some`, which rise, is from `lowest` to `highest`, both included."""
    return bool(np.searchsorted(some, lowest) < np.searchsorted(some, highest, "right"))


class Twice:
    """Whole trades under some ids, from the files."""

    def __init__(self, ids: Int64s, rows: int) -> None:
        """`ids` rise; about so many rows will come."""
        self._ids = ids
        self._each = max(1, len(ids) * MERGED_AT_ONCE // max(rows, 1))
        """So many ids are in a range."""
        self._begins = np.array(ids[:: self._each])
        self._rows = Spooled(1, ROW)
        self._end = 0
        self._pieces: list[list[tuple[str, int, int]]] = [[] for _ in self._begins]
        """Of each range, the source of some rows, where they begin and where they end."""

    def extend(self, source: str, rows: Rows) -> None:
        """Add what is in a source under these ids."""
        ranges = np.searchsorted(self._begins, rows["trade_id"], "right") - 1
        if (ranges[1:] < ranges[:-1]).any():
            rows = taken(rows, np.argsort(ranges, kind="stable"))
        counts = np.bincount(ranges)
        for number in np.flatnonzero(counts).tolist():
            first, self._end = self._end, self._end + int(counts[number])
            self._pieces[number].append((source, first, self._end))
        self._rows.extend([rows])

    def once(self) -> Iterator[Rows]:
        """Yield each trade once, a range of ids after the other.

        `Conflict` for two trades under one id, `ChangedSince` where not all ids are there.
        """
        (whole,) = self._rows.columns()
        days = OtherDays()
        for number in range(len(self._begins)):
            rows = merged(self._parts(whole, number), days)
            first = number * self._each
            if not np.array_equal(_distinct(np.sort(rows["trade_id"])), self._ids[first : first + self._each]):
                raise ChangedSince
            yield rows
            let_go(whole)
        try:
            days.check()
        except Conflict as conflict:
            number = int(np.searchsorted(self._begins, conflict.trade_id, "right")) - 1
            raise in_sources(conflict, self._parts(whole, number)) from None

    def _parts(self, whole: Rows, number: int) -> list[tuple[str, Rows]]:
        return [(source, whole[first:end]) for source, first, end in self._pieces[number]]
