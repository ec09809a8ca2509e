"""Is an archive what it says? Every file is read again, whole, and held against name, manifest and neighbours."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from producers.recorded.merge import DAY_US, Gap, in_both
from producers.recorded.rows import Rows, sound
from schemas.symbols import GLOBAL_IDS
from streams.archive.day import (
    GAPS_KEPT,
    ArchiveError,
    Manifest,
    content,
    day_name,
    day_number,
    describe,
    known_gaps,
    read_day,
)
from streams.archive.folder import DayFile, day_files

PROBLEM, GAP = "problem", "gap"


@dataclass(frozen=True)
class Finding:
    """Something about one file: a `problem`, or a `gap`, which is a fact of its source and no damage."""

    path: Path
    kind: str
    text: str


@dataclass(frozen=True)
class Verified:
    """One file, what it holds (None if it cannot be read) and what was found."""

    file: DayFile
    rows: int
    findings: list[Finding]


def verify(folder: Path, instruments: Collection[str] = ()) -> Iterator[Verified]:
    """Yield every file of the archive, or of some instruments, in order; one day is in memory, two if ids overlap."""
    for _, files in groupby(day_files(folder, instruments), key=lambda file: file.instrument):
        earlier: list[tuple[DayFile, Manifest]] = []
        for file in files:
            try:
                manifest, rows = read_day(file.path)
            except ArchiveError as error:
                text = str(error).removeprefix(f"{file.path}: ")
                yield Verified(file, 0, [Finding(file.path, PROBLEM, text)])
                continue
            problems = [*_problems(file, manifest, rows), *_repeated(file, manifest, rows, earlier)]
            missing = [*_between(earlier, file, manifest), *map(_gap, known_gaps(rows, manifest.exchange))]
            findings = [Finding(file.path, PROBLEM, text) for text in problems]
            findings += [Finding(file.path, GAP, text) for text in missing[:GAPS_KEPT]]
            if len(missing) > GAPS_KEPT:
                findings.append(Finding(file.path, GAP, f"{len(missing) - GAPS_KEPT} more gaps"))
            yield Verified(file, len(rows), findings)
            earlier.append((file, manifest))


def _problems(file: DayFile, manifest: Manifest, rows: Rows) -> Iterator[str]:
    if manifest.instrument != file.instrument:
        yield f"instrument: the manifest says {manifest.instrument}, the folder {file.instrument}"
    if manifest.day != day_name(file.day):
        yield f"day: the manifest says {manifest.day}, the name {day_name(file.day)}"
    if not sound(rows):
        yield "it has a price, a quantity, a time or an id that no trade may have"
    wrong = content(rows)
    if wrong:
        yield wrong
        return
    day = int(rows["trade_time"][0]) // DAY_US
    if day != day_number(manifest.day):
        yield f"trade_time: its trades are of {day_name(day)}, the manifest says {manifest.day}"
    found = describe(rows, manifest.instrument, manifest.day, manifest.sources)
    for name in manifest.__struct_fields__:
        said, is_so = getattr(manifest, name), getattr(found, name)
        if said != is_so:
            yield f"{name}: the manifest says {said}, and it is {is_so}"


def _repeated(file: DayFile, manifest: Manifest, rows: Rows, earlier: list[tuple[DayFile, Manifest]]) -> Iterator[str]:
    """Yield the ids of trades that other days have too."""
    for other, known in earlier:
        if known.last_id < manifest.first_id or known.first_id > manifest.last_id:
            continue
        both, _ = in_both(rows, read_day(other.path)[1])
        if len(both):
            more = f", {len(both)} such" if len(both) > 1 else ""
            yield f"trade_id: {both[0]['trade_id']} is in {other.path.name} too{more}"


def _between(earlier: list[tuple[DayFile, Manifest]], file: DayFile, manifest: Manifest) -> Iterator[str]:
    """Yield what is missing since the day before."""
    for before, _ in earlier[-1:]:
        last = max(known.last_id for _, known in earlier)
        if file.day - before.day > 1:
            yield f"no file from {day_name(before.day + 1)} to {day_name(file.day - 1)}"
        if manifest.first_id > last + 1 and manifest.exchange not in GLOBAL_IDS:
            yield f"{_gap((last + 1, manifest.first_id - 1))}, since {before.path.name}"


def _gap(gap: Gap) -> str:
    first, last = gap
    return f"no trade has id {first}" if first == last else f"no trade has an id from {first} to {last}"
