"""The trades of an archive one by one, with all their fields; a day of each instrument in memory at a time."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from producers.recorded.rows import to_trades
from schemas.records import Trade
from schemas.times import Between, overlaps
from streams.archive.day import ArchiveError, Manifest, read_day, read_manifest
from streams.archive.folder import day_files

AT_ONCE = 50_000


def archived_days(
    paths: Sequence[Path], instruments: Collection[str] | None, between: Between
) -> dict[str, list[tuple[Manifest, Path]]]:
    """Return the files of each instrument in the order of their days, of archives' folders and of single files.

    Only those with a trade time in `between`. Raises `ArchiveError` for what is no archive.
    """
    found: dict[str, list[tuple[Manifest, Path]]] = {}
    for path in paths:
        days = [file.path for file in day_files(path)] if path.is_dir() else [path]
        if not days:
            raise ArchiveError(f"{path}: is no archive: it has no folder exchange/SYMBOL with files of days")
        for day in days:
            manifest = read_manifest(day)
            if instruments is not None and manifest.instrument not in instruments:
                continue
            if overlaps(between, manifest.first_time, manifest.last_time):
                found.setdefault(manifest.instrument, []).append((manifest, day))
    return {instrument: sorted(days, key=lambda day: day[0].day) for instrument, days in found.items()}


def archived_trades(days: Sequence[tuple[Manifest, Path]]) -> Iterator[Trade]:
    """Yield the trades of some days of an instrument."""
    for _, path in days:
        manifest, rows = read_day(path)
        for start in range(0, len(rows), AT_ONCE):
            yield from to_trades(rows[start : start + AT_ONCE], manifest.instrument)
