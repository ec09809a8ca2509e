"""Recorded trades one by one as they are to be played: by time and id, each once, of several files by event time.

Files are looked through first, by the column, which takes a fraction of the time of playing them. If they are in order
and do not overlap, as good as every file of an exchange, they are then read as they are played. Else they are held in
memory, some 150 bytes a trade, and sorted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

from producers.recorded import scan
from producers.recorded.block import Block
from producers.recorded.blocks import blocks_of
from producers.recorded.errors import FileError
from producers.recorded.files import part_events
from producers.recorded.finding import files_in
from producers.recorded.merge import Conflict, merged
from producers.recorded.rows import Rows, to_trades
from producers.recorded.unpacked import Part, parts_of
from producers.source import BadRecord, Event
from schemas.columns import Int64s
from schemas.records import Trade

AT_ONCE = 50_000
"""So many trades of an instrument are made at a time."""

Timed = tuple[int, Event]
"""An event with the event time at which it is sorted in: that of the trade before it where it is none."""


@dataclass
class Ordered:
    """What is in some files: sources of events, each in its order; how many events these are."""

    sources: list[Iterator[Event]]
    events: int
    trades: dict[str, int]
    """By instrument."""
    first_time: int = 0
    last_time: int = 0
    """Of trades, µs; 0 where there is none."""
    bad: BadRecord | None = None
    """The first line that is no trade."""


@dataclass
class _Run:
    """The trades of one instrument in one file."""

    first_id: int
    last_id: int
    first_time: int
    last_time: int
    first_sent: int
    """By event time, by which files are played beside one another."""
    last_sent: int
    latest: int = 0
    trades: int = 0
    in_order: bool = True

    def take(self, ids: Int64s, times: Int64s, sent: Int64s) -> None:
        """Go on by some more trades."""
        follows = int(ids[0]) > self.last_id and int(times[0]) >= self.last_time
        self.in_order = self.in_order and follows and _ascending(ids, times)
        self.trades += len(ids)
        self.last_id, self.last_time = int(ids[-1]), int(times[-1])
        self.first_time, self.latest = min(self.first_time, int(times.min())), max(self.latest, int(times.max()))
        self.first_sent, self.last_sent = min(self.first_sent, int(sent.min())), max(self.last_sent, int(sent.max()))

    def goes_on_after(self, before: "_Run") -> bool:
        """Return whether all of it is later than all of another file, which is in order as it is."""
        ids_follow = self.first_id > before.last_id and self.first_time >= before.last_time
        return ids_follow and self.first_sent >= before.last_sent


@dataclass
class _Seen:
    """What is in one file."""

    part: Part
    runs: dict[str, _Run] = field(default_factory=dict)
    bad: list[BadRecord] = field(default_factory=list)
    """No more than the first."""
    bad_lines: int = 0


def ordered(paths: Sequence[Path]) -> Ordered:
    """Return what is in files of lines, folders of such or patterns, in order.

    What is no trade is a `BadRecord`. Raises `FileError` for what is no recording, and for two trades under one id.
    """
    seen = [_look_through(part) for path in files_in(paths)[0] for part in parts_of(path)]
    seen.sort(key=lambda one: min((run.first_time for run in one.runs.values()), default=0))
    found = _played(seen) if _plain(seen) else _sorted([one.part for one in seen])
    runs = [run for one in seen for run in one.runs.values()]
    if runs:
        found.first_time, found.last_time = min(run.first_time for run in runs), max(run.latest for run in runs)
    found.events = sum(found.trades.values()) + sum(one.bad_lines for one in seen)
    found.bad = next((bad for one in seen for bad in one.bad), None)
    return found


def ordered_trades(paths: Sequence[Path]) -> Iterator[Trade]:
    """Return the trades of files by event time. Raises `FileError`, for a bad line when it comes to it."""
    return (_trade(event) for event in by_time(ordered(paths).sources))


def by_time(sources: Sequence[Iterator[Event]]) -> Iterator[Event]:
    """Return the events of all sources by event time, those of each in its own order."""
    return (event for _, event in merge(*map(_timed, sources), key=itemgetter(0)))


def _trade(event: Event) -> Trade:
    if isinstance(event, BadRecord):
        raise FileError(f"{event.origin}: {event.error}")
    return event


def _timed(events: Iterator[Event]) -> Iterator[Timed]:
    at = 0
    for event in events:
        if isinstance(event, Trade):
            at = event.event_time
        yield at, event


def _look_through(part: Part) -> _Seen:
    if not part.path.is_file():
        raise FileError(f"{part.path}: is no file that can be read twice")
    seen = _Seen(part)
    for block in blocks_of(part):
        seen.bad += [bad for _, bad in block.bad[:1]][: 1 - len(seen.bad)]
        seen.bad_lines += len(block.bad)
        for instrument, own in block.by_instrument():
            ids, times, sent = (own.columns[at] for at in (scan.ID, scan.TRADE_TIME, scan.EVENT_TIME))
            run = seen.runs.get(instrument)
            if run is None:
                first, at, when = int(ids[0]), int(times[0]), int(sent[0])
                run = seen.runs[instrument] = _Run(first, first - 1, at, at, when, when)
            run.take(ids, times, sent)
    return seen


def _ascending(ids: Int64s, times: Int64s) -> bool:
    return bool((ids[1:] > ids[:-1]).all() and (times[1:] >= times[:-1]).all())


def _plain(seen: Sequence[_Seen]) -> bool:
    """Return whether every file is in order, and each goes on where those before it ended."""
    by_instrument: dict[str, list[_Run]] = {}
    for one in seen:
        for instrument, run in one.runs.items():
            by_instrument.setdefault(instrument, []).append(run)
    return all(run.in_order for runs in by_instrument.values() for run in runs) and all(
        run.goes_on_after(before) for runs in by_instrument.values() for before, run in pairwise(runs)
    )


def _played(seen: Sequence[_Seen]) -> Ordered:
    """Return what is in files that are in order and do not overlap."""
    trades: Counter[str] = Counter()
    for one in seen:
        for instrument, run in one.runs.items():
            trades[instrument] += run.trades
    return Ordered([part_events(one.part) for one in seen], 0, trades)


def _sorted(parts: Sequence[Part]) -> Ordered:
    """Return what is in files that are not in order, or that overlap; what is no trade comes first."""
    found: dict[str, list[tuple[str, Rows]]] = {}
    bad: list[BadRecord] = []
    for part in parts:
        for block in blocks_of(part):
            bad += [record for _, record in block.bad]
            _add(found, part, block)
    sorted_files = Ordered([iter(bad)], 0, {})
    for instrument, some in found.items():
        try:
            rows = merged(some)
        except Conflict as conflict:
            raise FileError(f"{instrument}: {conflict}") from None
        some.clear()
        sorted_files.trades[instrument] = len(rows)
        sorted_files.sources.append(_events(instrument, rows))
    return sorted_files


def _add(found: dict[str, list[tuple[str, Rows]]], part: Part, block: Block) -> None:
    for instrument, own in block.by_instrument():
        found.setdefault(instrument, []).append((str(part.path), own.rows()))


def _events(instrument: str, rows: Rows) -> Iterator[Event]:
    for first in range(0, len(rows), AT_ONCE):
        yield from to_trades(rows[first : first + AT_ONCE], instrument)
