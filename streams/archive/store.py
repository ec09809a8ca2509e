"""Rows in any order into an archive.

Two passes, so that memory is bounded by one block of a source and one day of one instrument: the first spills the rows
into one file for each source, instrument and day, the second merges them with what the archive has of that day. What is
spilled is bounded too, by one source more than so many rows: then the second pass comes early, and the first goes on.
Measured: 0.1 kilobytes of memory a trade of a new day.

A source with something that is no trade, or a day that contradicts itself or another one, is left out and named. The
others are written, and doing it again changes nothing of them.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from infra.mapped import parts
from producers.recorded.errors import FileError
from producers.recorded.merge import DAY_US, Conflict, in_both, merged, twice
from producers.recorded.rows import ROW, Rows, taken
from streams.archive.day import (
    UNWRITTEN,
    ArchiveError,
    Manifest,
    day_name,
    day_number,
    describe,
    read_day,
    read_manifest,
    write_day,
)
from streams.archive.folder import day_files, locked, path_of

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
    """What was spilled of one day: how many rows, where they are, and where they are from."""

    rows: int = 0
    places: dict[Path, str] = field(default_factory=dict)

    @property
    def sources(self) -> set[str]:
        return set(self.places.values())


def store(folder: Path, sources: Iterable[Iterable[Block]], bad: list[str]) -> Iterator[StoredDay]:
    """Merge the rows of all sources into the archive; yield what became of each day, by instrument and day.

    What is wrong with a source (`FileError`) or a day (two trades under one id) is added to `bad`; nothing of it is
    stored, and the others are. Raises `ArchiveError` for an archive that is none.
    """
    with locked(folder):
        _tidy(folder)
        spill = Path(tempfile.mkdtemp(prefix=SPILL, dir=folder))
        try:
            left = enumerate(sources)
            while spilled := _spill(spill, left, bad):
                yield from _merge_days(folder, spilled, bad)
        finally:
            shutil.rmtree(spill)


def bounded(blocks: Iterator[Block]) -> Iterator[Iterator[Block]]:
    """Yield blocks that may be stored in parts as sources of no more than the bound and a block."""
    for first in blocks:
        yield _up_to_bound(first, blocks)


def _up_to_bound(block: Block, more: Iterator[Block]) -> Iterator[Block]:
    total = 0
    while True:
        yield block
        total += len(block.rows)
        if total >= SPILL_ROWS:
            return
        following = next(more, None)
        if following is None:
            return
        block = following


_Spill = dict[tuple[str, int], _Spilled]


def _tidy(folder: Path) -> None:
    """Remove what an import that was killed has left."""
    for spill in folder.glob(f"{SPILL}*"):
        shutil.rmtree(spill)
    for unwritten in folder.glob(f"*/*/{UNWRITTEN}*"):
        unwritten.unlink()


def _spill(spill: Path, sources: Iterator[tuple[int, Iterable[Block]]], bad: list[str]) -> _Spill:
    """Spill the next sources, up to the bound; return nothing when there are none any more."""
    spilled: _Spill = {}
    total = 0
    for number, blocks in sources:
        own: _Spill = {}
        try:
            for block in blocks:
                _spill_block(spill, number, block, own)
        except FileError as error:
            bad.append(str(error))
            for noted in own.values():
                for place in noted.places:
                    place.unlink()
            continue
        for key, noted in own.items():
            of_all = spilled.setdefault(key, _Spilled())
            of_all.rows += noted.rows
            of_all.places |= noted.places
            total += noted.rows
        if total >= SPILL_ROWS:
            break
    return spilled


def _spill_block(spill: Path, number: int, block: Block, own: _Spill) -> None:
    for day, rows in _by_day(block.rows):
        path_of(spill, block.instrument, day)  # refuses names that make no folder
        noted = own.setdefault((block.instrument, day), _Spilled())
        noted.rows += len(rows)
        place = spill / f"{block.instrument}:{day}:{number}"
        noted.places[place] = block.source
        with place.open("ab") as file:
            rows.tofile(file)


def _by_day(rows: Rows) -> Iterator[tuple[int, Rows]]:
    days = rows["trade_time"] // DAY_US
    if len(days) and days.min() == days.max():
        yield int(days[0]), rows
        return
    for day in np.unique(days).tolist():
        yield day, taken(rows, days == day)


def _merge_days(folder: Path, spilled: _Spill, bad: list[str]) -> Iterator[StoredDay]:
    known: dict[str, dict[int, Manifest]] = {}
    for (instrument, day), noted in sorted(spilled.items(), key=lambda item: item[0]):
        if instrument not in known:
            known[instrument] = _known(folder, instrument)
        try:
            stored = _merge_day(folder, (instrument, day), noted, known[instrument])
        except (Conflict, ArchiveError) as error:
            bad.append(f"{instrument} {day_name(day)}: {error}")
            continue
        known[instrument][day] = stored.manifest
        yield stored


def _known(folder: Path, instrument: str) -> dict[int, Manifest]:
    """Return what the archive has of an instrument, by day; a damaged day is no matter of the others."""
    found = {}
    for file in day_files(folder, [instrument]):
        with suppress(ArchiveError):
            found[file.day] = read_manifest(file.path)
    return found


def _merge_day(folder: Path, key: tuple[str, int], noted: _Spilled, known: dict[int, Manifest]) -> StoredDay:
    instrument, day = key
    path, sources, before = path_of(folder, instrument, day), noted.sources, np.empty(0, ROW)
    rows = merged([(source, np.fromfile(place, ROW)) for place, source in noted.places.items()])
    for place in noted.places:
        place.unlink()
    if path.exists():
        old, before = read_day(path)
        sources |= set(old.sources)
        if not _same(rows, before):
            rows = merged([(str(path), before), (", ".join(sorted(noted.sources)), rows)])
    manifest = describe(rows, instrument, day_name(day), sources)
    _other_days(folder, manifest, rows, known)
    if len(before) and manifest == old and _same(rows, before):
        state = "unchanged"
    else:
        state = "merged" if len(before) else "new"
        write_day(path, manifest, rows)
    return StoredDay(manifest, noted.rows, len(rows) - len(before), state)


def _same(one: Rows, other: Rows) -> bool:
    if len(one) != len(other):
        return False
    return all(np.array_equal(a, b) for a, b in parts(one.view(np.uint8), other.view(np.uint8)))


def _other_days(folder: Path, manifest: Manifest, rows: Rows, known: dict[int, Manifest]) -> None:
    """Raise `Conflict` when a trade of these is one of another day, with another time."""
    for day, other in known.items():
        if day == day_number(manifest.day) or other.first_id > manifest.last_id or other.last_id < manifest.first_id:
            continue
        path = path_of(folder, manifest.instrument, day)
        mine, theirs = in_both(rows, read_day(path)[1])
        if len(mine):
            trade_id, where = int(mine[0]["trade_id"]), f"{path} and {', '.join(manifest.sources)}"
            raise Conflict(trade_id, f"{twice(trade_id, theirs[0], mine[0])}, in {where}")
