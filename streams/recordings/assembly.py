"""Trades of one instrument, gathered from files: put together in one order, each once, as an archive keeps them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from producers.recorded.errors import FileError
from producers.recorded.merge import Conflict, merged
from producers.recorded.rows import Rows, taken
from schemas.columns import Int64s
from schemas.times import Between
from streams.recordings.recording import NoTrades, Recording

LONG_MAX = 2**63 - 1
MILLI = 1_000
"""A trade's time may be known in milliseconds here and in microseconds there."""
SOURCES_SHOWN = 3

Again = Callable[[str, Int64s], Iterable[tuple[str, Rows]]]
"""Reads, once more and whole, the trades of an instrument with some ids, each part with the name of its source."""

Columns = tuple[Int64s, Int64s, Int64s, Int64s]
"""Prices, quantities, times, ids."""


class Held(NamedTuple):
    """What some files hold: which instruments, and a way to read some of their trades again."""

    instruments: set[str]
    again: Again


def assembled(found: Mapping[str, "Assembly"], held: Sequence[Held], paths: Sequence[Path]) -> list[Recording]:
    """Return what was found of each instrument, see `Assembly.recording`."""
    where = ", ".join(map(str, paths))
    return [assembly.recording(held, where) for assembly in found.values()]


class Assembly:
    """What was found so far of one instrument in a range of times."""

    def __init__(self, instrument: str, between: Between) -> None:
        self._instrument = instrument
        self._between = between
        self._columns = tuple(bytearray() for _ in range(4))
        """Grown in place, as far as the system can, so that no column is ever in memory twice."""
        self._sources: dict[str, None] = {}

    def add(self, source: str, columns: Columns) -> None:
        """Take the trades of a part of a source with a time in the range, or within a millisecond of it."""
        self._sources[source] = None
        near = None if self._between == (None, None) else self._near(columns[2])
        for gathered, column in zip(self._columns, columns, strict=True):
            gathered.extend(np.ascontiguousarray(column if near is None else column[near]).data)

    def recording(self, held: Sequence[Held], where: str) -> Recording:
        """Return them by time and id, each once. Raises `NoTrades`, and `FileError` for two trades under one id."""
        columns = self._together()
        repeated = 0
        if not _in_order(columns):
            columns, repeated = self._ordered(columns, held)
        columns = _cut(columns, self._between)
        if not len(columns[0]):
            others = set().union(*(one.instruments for one in held)) - {self._instrument}
            has = ", ".join(sorted(others)[:5])
            raise NoTrades(f"{where} has no trade of {self._instrument}{has and f'; it has {has}'}")
        return Recording(self._instrument, _named(list(self._sources)), *columns, repeated=repeated)

    def _ordered(self, columns: Columns, held: Sequence[Held]) -> tuple[Columns, int]:
        """Return the columns by time and id with each trade once, and how many were left out."""
        ids = columns[3]
        repeated, left_out = _repeated(ids), 0
        if len(repeated):
            once = ~np.isin(ids, repeated)
            rows = self._merged(repeated, held)
            left_out = len(ids) - int(once.sum()) - len(rows)
            columns = _joined(columns, once, rows)
        prices, quantities, times, ids = columns
        order = np.lexsort((ids, times))
        return (prices[order], quantities[order], times[order], ids[order]), left_out

    def _merged(self, ids: Int64s, held: Sequence[Held]) -> Rows:
        """Return the trades with some ids, each once, from the files."""
        found = []
        for source, rows in (part for one in held for part in one.again(self._instrument, ids)):
            near = taken(rows, self._near(rows["trade_time"]))
            if len(near):
                found.append((source, near))
        try:
            rows = merged(found)
        except Conflict as conflict:
            raise FileError(f"{self._instrument}: {conflict}") from None
        if not np.array_equal(np.unique(rows["trade_id"]), ids):
            raise FileError(f"{_named(list(self._sources))}: is another one when it is read again, as trades repeat")
        return rows

    def _near(self, times: Int64s) -> npt.NDArray[np.bool_]:
        """Return which times are in the range, or within a millisecond of it."""
        since, until = self._between
        near: npt.NDArray[np.bool_] = times >= (0 if since is None else since - MILLI)
        return near if until is None else near & (times < until + MILLI)

    def _together(self) -> Columns:
        prices, quantities, times, ids = (np.frombuffer(column, np.int64) for column in self._columns)
        return prices, quantities, times, ids


def _in_order(columns: Columns) -> bool:
    """Return whether nothing is to do: as good as every file of an exchange is so."""
    _, _, times, ids = columns
    return bool((ids[1:] > ids[:-1]).all() and (times[1:] >= times[:-1]).all())


def _joined(columns: Columns, once: npt.NDArray[np.bool_], rows: Rows) -> Columns:
    """Return the columns of the trades that are there once, and of the merged ones."""
    low = rows["quantity_low"].view(np.int64)
    quantities = np.where((rows["quantity_high"] > 0) | (low < 0), LONG_MAX, low)
    more = rows["price"], quantities, rows["trade_time"], rows["trade_id"]
    prices, quantities, times, ids = (
        np.concatenate([column[once], new]) for column, new in zip(columns, more, strict=True)
    )
    return prices, quantities, times, ids


def _repeated(ids: Int64s) -> Int64s:
    ordered = np.sort(ids)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _cut(columns: Columns, between: Between) -> Columns:
    """Return the columns, which are in the order of times, within a range of them."""
    since, until = between
    times = columns[2]
    first = 0 if since is None else int(np.searchsorted(times, since))
    end = len(times) if until is None else int(np.searchsorted(times, until))
    prices, quantities, times, ids = (column[first:end] for column in columns)
    return prices, quantities, times, ids


def _named(sources: list[str]) -> str:
    if len(sources) > SOURCES_SHOWN:
        return f"{sources[0]} … {sources[-1]}, {len(sources)} files"
    return ", ".join(sources)
