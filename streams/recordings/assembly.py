"""Trades of one instrument, gathered from files: put together in one order, each once, as an archive keeps them.

As good as every file of an exchange is in order: then they are taken as they come. Else they are sorted and merged a
few hours at a time, so that no more than these are in memory.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from infra.mapped import let_go
from producers.recorded.errors import FileError
from producers.recorded.merge import Conflict, merged
from producers.recorded.rows import Rows, taken
from schemas.columns import Int64s
from schemas.times import Between, overlaps
from streams.recordings.recording import NoTrades, Recording
from streams.recordings.spooled import Spooled

LONG_MAX = 2**63 - 1
MILLI = 1_000
"""A trade's time may be known in milliseconds here and in microseconds there."""
SOURCES_SHOWN = 3
SORTED_AT_ONCE = 1 << 22
"""So many trades are sorted at a time, or an hour if that has more."""
HOUR_US = 3_600_000_000

Again = Callable[[str, Int64s, Between], Iterable[tuple[str, Rows]]]
"""Reads, once more and whole, the trades of an instrument with some ids, each part with the name of its source.

No source without any trade in a range of times is read."""

Columns = Sequence[Int64s]
"""Prices, quantities, times, ids."""
PRICES, QUANTITIES, TIMES, IDS = range(4)


class Held(NamedTuple):
    """What some files hold: which instruments, and a way to read some of their trades again."""

    instruments: set[str]
    again: Again


class _Run(NamedTuple):
    """Some rows of a column as they were added, and the times of their earliest and latest trade."""

    first: int
    end: int
    earliest: int
    latest: int


class _Part(NamedTuple):
    """Rows of the ordered columns, and their lowest and highest id."""

    first: int
    end: int
    lowest: int
    highest: int


def assembled(found: Mapping[str, "Assembly"], held: Sequence[Held], paths: Sequence[Path]) -> list[Recording]:
    """Return what was found of each instrument, see `Assembly.recording`."""
    where = ", ".join(map(str, paths))
    return [assembly.recording(held, where) for assembly in found.values()]


class Assembly:
    """What was found so far of one instrument in a range of times."""

    def __init__(self, instrument: str, between: Between) -> None:
        self._instrument = instrument
        self._between = between
        self._gathered = Spooled(4)
        self._sources: dict[str, None] = {}
        self._runs: list[_Run] = []
        self._hours: Counter[int] = Counter()
        """How many trades there are of each hour from the epoch."""
        self._newest = (-1, 0)
        """Id and time of the last trade so far."""
        self._in_order = True

    def add(self, source: str, columns: Columns) -> None:
        """Take the trades of a part of a source with a time in the range, or within a millisecond of it."""
        self._sources[source] = None
        if self._between != (None, None):
            near = _within(columns[TIMES], _wider(self._between))
            columns = columns if near.all() else [column[near] for column in columns]
        times, ids = columns[TIMES], columns[IDS]
        if not len(ids):
            return
        ascending = bool((ids[1:] > ids[:-1]).all() and (times[1:] >= times[:-1]).all())
        follows = int(ids[0]) > self._newest[0] and int(times[0]) >= self._newest[1]
        self._in_order = self._in_order and ascending and follows
        self._newest = int(ids[-1]), int(times[-1])
        first = self._runs[-1].end if self._runs else 0
        self._runs.append(_Run(first, first + len(ids), int(times.min()), int(times.max())))
        self._hours.update(_hours_of(times, ascending))
        self._gathered.extend(columns)

    def recording(self, held: Sequence[Held], where: str) -> Recording:
        """Return them by time and id, each once. Raises `NoTrades`, and `FileError` for two trades under one id."""
        columns: Columns = self._gathered.columns()
        gathered = len(columns[IDS])
        if not self._in_order:
            columns = self._ordered(columns, held)
        repeated = gathered - len(columns[IDS])
        prices, quantities, times, ids = _cut(columns, self._between)
        if not len(ids):
            others = set().union(*(one.instruments for one in held)) - {self._instrument}
            has = ", ".join(sorted(others)[:5])
            raise NoTrades(f"{where} has no trade of {self._instrument}{has and f'; it has {has}'}")
        source = _named(list(self._sources))
        return Recording(self._instrument, source, prices, quantities, times, ids, repeated=repeated)

    def _ordered(self, columns: Columns, held: Sequence[Held]) -> Columns:
        """Return the columns by time and id with each trade once."""
        ordered, parts, end = Spooled(4), list[_Part](), 0
        for between in _stretches(self._hours):
            some = self._each_once(self._of(columns, between), between, held)
            ordered.extend(some)
            first, end = end, end + len(some[IDS])
            parts.append(_Part(first, end, int(some[IDS].min()), int(some[IDS].max())))
            for column in columns:
                let_go(column)
        found = ordered.columns()
        self._check_apart(found[IDS], parts, held)
        return found

    def _of(self, columns: Columns, between: Between) -> Columns:
        """Return the trades in a range of times, in the order in which they were added."""
        found = []
        for run in self._runs:
            if overlaps(between, run.earliest, run.latest):
                part = [column[run.first : run.end] for column in columns]
                within = _within(part[TIMES], between)
                found.append(part if within.all() else [column[within] for column in part])
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _each_once(self, columns: Columns, between: Between, held: Sequence[Held]) -> Columns:
        """Return the trades of a range of times by time and id."""
        repeated = _repeated(columns[IDS])
        if len(repeated):
            rows = self._merged(repeated, between, held)
            columns = _joined(columns, ~np.isin(columns[IDS], repeated), rows)
        order = np.lexsort((columns[IDS], columns[TIMES]))
        return [column[order] for column in columns]

    def _merged(self, ids: Int64s, between: Between, held: Sequence[Held]) -> Rows:
        """Return the trades with some ids in a range of times, each once, from the files."""
        found = []
        for source, rows in (part for one in held for part in one.again(self._instrument, ids, between)):
            times = rows["trade_time"]
            near = taken(rows, _within(times, between) & _within(times, _wider(self._between)))
            if len(near):
                found.append((source, near))
        try:
            rows = merged(found)
        except Conflict as conflict:
            raise FileError(f"{self._instrument}: {conflict}") from None
        if not np.array_equal(np.unique(rows["trade_id"]), ids):
            raise FileError(f"{_named(list(self._sources))}: is another one when it is read again, as trades repeat")
        return rows

    def _check_apart(self, ids: Int64s, parts: Sequence[_Part], held: Sequence[Held]) -> None:
        """Raise `FileError` for an id that is in two parts, but where ids have begun anew on another day."""
        for one, other in combinations(parts, 2):
            if one.lowest <= other.highest and other.lowest <= one.highest:
                both = np.intersect1d(ids[one.first : one.end], ids[other.first : other.end])
                if len(both):
                    self._merged(both, (None, None), held)


def _within(times: Int64s, between: Between) -> npt.NDArray[np.bool_]:
    """Return which times are in a range."""
    since, until = between
    found: npt.NDArray[np.bool_] = times >= (0 if since is None else since)
    return found if until is None else found & (times < until)


def _wider(between: Between) -> Between:
    since, until = between
    return None if since is None else since - MILLI, None if until is None else until + MILLI


def _hours_of(times: Int64s, ascending: bool) -> dict[int, int]:
    """Return how many of some times are of each hour."""
    if not ascending:
        times = np.sort(times)
    hours = np.arange(times[0] // HOUR_US, times[-1] // HOUR_US + 1)
    if len(hours) > len(times):  # few trades of a long time
        hours = np.unique(times // HOUR_US)
    ends = np.searchsorted(times, (hours + 1) * HOUR_US)
    return {hour: count for hour, count in zip(hours.tolist(), np.diff(ends, prepend=0).tolist(), strict=True) if count}


def _stretches(hours: Mapping[int, int]) -> Iterator[Between]:
    """Yield ranges of whole hours that have all trades, each with no more than are sorted at once, or of one hour.

    A trade is in one of them, whether its time is known in milliseconds or in microseconds.
    """
    first, trades = min(hours), 0
    for hour in sorted(hours):
        if trades and trades + hours[hour] > SORTED_AT_ONCE:
            yield first * HOUR_US, hour * HOUR_US
            first, trades = hour, 0
        trades += hours[hour]
    yield first * HOUR_US, (max(hours) + 1) * HOUR_US


def _joined(columns: Columns, once: npt.NDArray[np.bool_], rows: Rows) -> Columns:
    """Return the columns of the trades that are there once, and of the merged ones."""
    low = rows["quantity_low"].view(np.int64)
    quantities = np.where((rows["quantity_high"] > 0) | (low < 0), LONG_MAX, low)
    more = rows["price"], quantities, rows["trade_time"], rows["trade_id"]
    return [np.concatenate([column[once], new]) for column, new in zip(columns, more, strict=True)]


def _repeated(ids: Int64s) -> Int64s:
    ordered = np.sort(ids)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _cut(columns: Columns, between: Between) -> list[Int64s]:
    """Return the columns, which are in the order of times, within a range of them."""
    since, until = between
    times = columns[TIMES]
    first = 0 if since is None else int(np.searchsorted(times, since))
    end = len(times) if until is None else int(np.searchsorted(times, until))
    return [column[first:end] for column in columns]


def _named(sources: list[str]) -> str:
    if len(sources) > SOURCES_SHOWN:
        return f"{sources[0]} … {sources[-1]}, {len(sources)} files"
    return ", ".join(sources)
