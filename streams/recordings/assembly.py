"""Trades of one instrument, gathered from files: put together in one order, each once, as an archive keeps them.

As good as every file of an exchange is in order: then they are taken as they come. Else they are looked through for ids
that come twice (`twice`), and sorted in parts (`ranges`), so that no more than these are in memory.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from infra.mapped import parts
from producers.recorded.errors import FileError
from producers.recorded.merge import Conflict
from producers.recorded.rows import Rows, taken
from schemas.columns import Int64s
from schemas.times import Between
from streams.recordings.ranges import in_ranges, within
from streams.recordings.recording import NoTrades, Recording
from streams.recordings.spooled import Spooled
from streams.recordings.twice import ChangedSince, Twice, among, repeated

LONG_MAX = 2**63 - 1
MILLI = 1_000
"""A trade's time may be known in milliseconds here and in microseconds there."""
SOURCES_SHOWN = 3

Again = Callable[[str, Int64s], Iterable[tuple[str, Rows]]]
"""Reads, once more and whole, the trades of an instrument with some ids, which rise, each part with its source's name.

No source without any of these ids is read."""

Columns = Sequence[Int64s]
"""Prices, quantities, times, ids."""
PRICES, QUANTITIES, TIMES, IDS = range(4)


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
        self._gathered = Spooled(4)
        self._sources: dict[str, None] = {}
        self._newest = (-1, 0)
        """Id and time of the last trade so far."""
        self._in_order = True

    def add(self, source: str, columns: Columns) -> None:
        """Take the trades of a part of a source with a time in the range, or within a millisecond of it."""
        self._sources[source] = None
        if self._between != (None, None):
            near = within(columns[TIMES], _wider(self._between))
            columns = columns if near.all() else [column[near] for column in columns]
        times, ids = columns[TIMES], columns[IDS]
        if not len(ids):
            return
        ascending = bool((ids[1:] > ids[:-1]).all() and (times[1:] >= times[:-1]).all())
        follows = int(ids[0]) > self._newest[0] and int(times[0]) >= self._newest[1]
        self._in_order = self._in_order and ascending and follows
        self._newest = int(ids[-1]), int(times[-1])
        self._gathered.extend(columns)

    def recording(self, held: Sequence[Held], where: str) -> Recording:
        """Return them by time and id, each once. Raises `NoTrades`, and `FileError` for two trades under one id."""
        gathered = len(self._gathered)
        if not self._in_order:
            self._leave_out_repeated(held)
            self._sort()
        columns = self._gathered.columns()
        left_out = gathered - len(self._gathered)
        prices, quantities, times, ids = _cut(columns, self._between)
        if not len(ids):
            others = set().union(*(one.instruments for one in held)) - {self._instrument}
            has = ", ".join(sorted(others)[:5])
            raise NoTrades(f"{where} has no trade of {self._instrument}{has and f'; it has {has}'}")
        source = _named(list(self._sources))
        return Recording(self._instrument, source, prices, quantities, times, ids, repeated=left_out)

    def _leave_out_repeated(self, held: Sequence[Held]) -> None:
        """Have each trade once, in any order."""
        ids = repeated(self._gathered.columns()[IDS])
        if not len(ids):
            return
        found = Twice(ids, self._keep_others(ids))
        for source, rows in (part for one in held for part in one.again(self._instrument, ids)):
            near = within(rows["trade_time"], _wider(self._between))
            found.extend(source, rows if near.all() else taken(rows, near))
        try:
            for rows in found.once():
                self._gathered.extend(_four(rows))
        except Conflict as conflict:
            raise FileError(f"{self._instrument}: {conflict}") from None
        except ChangedSince:
            changed = "is another one when it is read again, as trades repeat"
            raise FileError(f"{_named(list(self._sources))}: {changed}") from None

    def _keep_others(self, ids: Int64s) -> int:
        """Keep only what is not under some ids; return how many trades are."""
        kept = Spooled(4)
        for some in parts(*self._gathered.columns()):
            others = ~among(some[IDS], ids)
            kept.extend([column[others] for column in some])
        left_out = len(self._gathered) - len(kept)
        self._gathered = kept
        return left_out

    def _sort(self) -> None:
        """Have them by time and id."""
        ordered = Spooled(4)
        for some in in_ranges(self._gathered.columns(), TIMES):
            order = np.lexsort((some[IDS], some[TIMES]))
            ordered.extend([column[order] for column in some])
        self._gathered = ordered


def _wider(between: Between) -> Between:
    since, until = between
    return None if since is None else since - MILLI, None if until is None else until + MILLI


def _four(rows: Rows) -> Columns:
    low = rows["quantity_low"].view(np.int64)
    quantities = np.where((rows["quantity_high"] > 0) | (low < 0), LONG_MAX, low)
    return rows["price"], quantities, rows["trade_time"], rows["trade_id"]


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
