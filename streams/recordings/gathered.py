"""Trades of one instrument, gathered from files: put together in one order, each once, as an archive keeps them."""

from collections.abc import Callable, Iterable

import numpy as np

from producers.recorded.merge import merged
from producers.recorded.rows import Rows
from schemas.columns import Int64s
from schemas.times import Between
from streams.recordings.recording import NoTrades, Recording

LONG_MAX = 2**63 - 1
MILLI = 1_000
"""A trade's time may be known in milliseconds here and in microseconds there."""
SOURCES_SHOWN = 3

Again = Callable[[Int64s], Iterable[tuple[str, Rows]]]
"""Reads, once more and whole, the trades with some ids, each part with its name."""

_Columns = tuple[Int64s, Int64s, Int64s, Int64s]
"""Prices, quantities, times, ids."""


class Gathered:
    """What was found so far of one instrument in a range of times."""

    def __init__(self, instrument: str, between: Between) -> None:
        self._instrument = instrument
        self._between = between
        self._columns: tuple[list[Int64s], ...] = ([], [], [], [])
        self._sources: dict[str, None] = {}

    def add(self, source: str, columns: _Columns) -> None:
        """Take the trades of a part of a source with a time in the range, or within a millisecond of it."""
        self._sources[source] = None
        since, until = self._between
        if since is not None or until is not None:
            times = columns[2]
            wanted = np.ones(len(times), np.bool_)
            wanted &= times >= (0 if since is None else since - MILLI)
            wanted &= times < (LONG_MAX if until is None else until + MILLI)
            columns = tuple(column[wanted] for column in columns)  # type: ignore[assignment]
        for gathered, column in zip(self._columns, columns, strict=True):
            gathered.append(np.ascontiguousarray(column))

    def recording(self, again: Again, where: str, others: Iterable[str]) -> Recording:
        """Return them by time and id, each once. Raises `NoTrades`, and `Conflict` for two trades under one id."""
        columns = self._together()
        repeated = 0
        if not _in_order(columns):
            columns, repeated = _ordered(columns, again)
        columns = _cut(columns, self._between)
        if not len(columns[0]):
            has = ", ".join(sorted(others)[:5])
            raise NoTrades(f"{where} has no trade of {self._instrument}{has and f'; it has {has}'}")
        return Recording(self._instrument, _named(list(self._sources)), *columns, repeated=repeated)

    def _together(self) -> _Columns:
        """Put each column together and let its parts go, so that not all are in memory twice."""
        columns = []
        for parts in self._columns:
            columns.append(parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.int64), *parts]))
            parts.clear()
        prices, quantities, times, ids = columns
        return prices, quantities, times, ids


def _in_order(columns: _Columns) -> bool:
    """Return whether nothing is to do: as good as every file of an exchange is so."""
    _, _, times, ids = columns
    return bool((ids[1:] > ids[:-1]).all() and (times[1:] >= times[:-1]).all())


def _ordered(columns: _Columns, again: Again) -> tuple[_Columns, int]:
    """Return the columns by time and id with each trade once, and how many were left out."""
    prices, quantities, times, ids = columns
    repeated = _repeated(ids)
    left_out = 0
    if len(repeated):
        once = ~np.isin(ids, repeated)
        rows = merged([(source, some) for source, some in again(repeated) if len(some)])
        left_out = len(ids) - int(once.sum()) - len(rows)
        fitting = np.where(rows["quantity_high"] > 0, LONG_MAX, rows["quantity_low"].view(np.int64))
        fitting[fitting < 0] = LONG_MAX
        more = rows["price"], fitting, rows["trade_time"], rows["trade_id"]
        prices, quantities, times, ids = (
            np.concatenate([column[once], new]) for column, new in zip(columns, more, strict=True)
        )
    order = np.lexsort((ids, times))
    return (prices[order], quantities[order], times[order], ids[order]), left_out


def _repeated(ids: Int64s) -> Int64s:
    ordered = np.sort(ids)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _cut(columns: _Columns, between: Between) -> _Columns:
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
