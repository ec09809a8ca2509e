"""Rows in any order into an archive.

Two passes, so that memory is bounded by one block of a source and one day of one instrument: the first spills the rows
into one file for each instrument and day, the second merges each with what the archive has of that day. What is spilled
is bounded too: beyond that the second pass comes early, and the first goes on. Measured: a quarter of a kilobyte of
memory a trade of a new day, 0.6 for each trade of a day that is merged.

A day that contradicts itself or another one ends the import; the days before it are written, and doing it again changes
nothing of them.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from streams.archive.day import UNWRITTEN, Manifest, day_name, day_number, describe, read_day, read_manifest, write_day
from streams.archive.folder import day_files, locked, path_of
from streams.archive.merge import Conflict, in_both, merge, shown
from streams.archive.rows import DAY_US, ROW, Rows, taken

SPILL = ".spill-"
SPILL_ROWS = 50_000_000
"""So many rows are spilled at a time, 3.7 GB."""


@dataclass(frozen=True)
class Block:
    """Some rows of one instrument and where they are from."""

    instrument: str
    rows: Rows
    source: str


@dataclass(frozen=True)
class StoredDay:
    """What became of one day: rows that were read, and those of them that the archive did not have yet."""

    manifest: Manifest
    read: int
    added: int
    state: str
    """`new`, `merged` with what was there, or `unchanged`."""

    @property
    def repeated(self) -> int:
        """Rows that were there already, in the archive or earlier in the sources."""
        return self.read - self.added


@dataclass
class _Spilled:
    rows: int = 0
    sources: set[str] = field(default_factory=set)


def store(folder: Path, blocks: Iterable[Block]) -> Iterator[StoredDay]:
    """Merge the rows of all blocks into the archive; yield what became of each day, by instrument and day.

    Raises `ArchiveError` and `Conflict`, both of which name what they are about.
    """
    with locked(folder):
        _tidy(folder)
        spill = Path(tempfile.mkdtemp(prefix=SPILL, dir=folder))
        try:
            left = iter(blocks)
            while spilled := _spill(spill, left):
                yield from _merge_days(folder, spill, spilled)
        finally:
            shutil.rmtree(spill)


_Spill = dict[tuple[str, int], _Spilled]


def _tidy(folder: Path) -> None:
    """Remove what an import that was killed has left."""
    for spill in folder.glob(f"{SPILL}*"):
        shutil.rmtree(spill)
    for unwritten in folder.glob(f"*/*/{UNWRITTEN}*"):
        unwritten.unlink()


def _spill(spill: Path, blocks: Iterator[Block]) -> _Spill:
    """Spill the next blocks, up to the bound; return nothing when there are none any more."""
    spilled: _Spill = {}
    total = 0
    for block in blocks:
        for day, rows in _by_day(block.rows):
            path_of(spill, block.instrument, day)  # refuses names that make no folder
            noted = spilled.setdefault((block.instrument, day), _Spilled())
            noted.rows += len(rows)
            noted.sources.add(block.source)
            with (spill / f"{block.instrument}:{day}").open("ab") as file:
                rows.tofile(file)
        total += len(block.rows)
        if total >= SPILL_ROWS:
            break
    return spilled


def _by_day(rows: Rows) -> Iterator[tuple[int, Rows]]:
    days = rows["trade_time"] // DAY_US
    for day in np.unique(days).tolist():
        yield day, taken(rows, days == day)


def _merge_days(folder: Path, spill: Path, spilled: _Spill) -> Iterator[StoredDay]:
    known: dict[str, dict[int, Manifest]] = {}
    for (instrument, day), noted in sorted(spilled.items(), key=lambda item: item[0]):
        if instrument not in known:
            known[instrument] = {f.day: read_manifest(f.path) for f in day_files(folder, [instrument])}
        place = spill / f"{instrument}:{day}"
        rows = np.fromfile(place, ROW)
        place.unlink()
        stored = _merge_day(folder, (instrument, day), rows, noted, known[instrument])
        known[instrument][day] = stored.manifest
        yield stored


def _merge_day(
    folder: Path, key: tuple[str, int], fresh: Rows, noted: _Spilled, known: dict[int, Manifest]
) -> StoredDay:
    instrument, day = key
    path, sources, before = path_of(folder, instrument, day), set(noted.sources), np.empty(0, ROW)
    try:
        rows = merge(fresh)
        del fresh
        if day in known:
            old, before = read_day(path)
            sources |= set(old.sources)
            if not _same(rows, before):
                rows = merge(np.concatenate([before, rows]))
        manifest = describe(rows, instrument, day_name(day), sources)
        _other_days(folder, manifest, rows, known)
    except Conflict as conflict:
        raise Conflict(f"{instrument} {day_name(day)}: {conflict}") from None
    if day in known and manifest == old and _same(rows, before):
        state = "unchanged"
    else:
        state = "merged" if day in known else "new"
        write_day(path, manifest, rows)
    return StoredDay(manifest, noted.rows, len(rows) - len(before), state)


def _same(one: Rows, other: Rows) -> bool:
    return np.array_equal(one.view(np.uint8), other.view(np.uint8))


def _other_days(folder: Path, manifest: Manifest, rows: Rows, known: dict[int, Manifest]) -> None:
    """Raise `Conflict` when a trade of these is one of another day, with another time."""
    for day, other in known.items():
        if day == day_number(manifest.day) or other.first_id > manifest.last_id or other.last_id < manifest.first_id:
            continue
        _, others = read_day(path_of(folder, manifest.instrument, day))
        mine, theirs = in_both(rows, others)
        if len(mine):
            names = f"{shown(theirs[0])}; and {shown(mine[0])}"
            raise Conflict(f"trade_id: two trades have {mine[0]['trade_id']}: {names}")
