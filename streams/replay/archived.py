"""The days of archives that a replay is about."""

from collections.abc import Collection, Sequence
from pathlib import Path

from schemas.times import Between, overlaps
from streams.archive.day import ArchiveError, read_manifest
from streams.archive.folder import day_files, split


def days_of(paths: Sequence[Path], instruments: Collection[str] | None, between: Between) -> list[Path]:
    """Return files and folders of lines as they are, and of archives the files that have a trade time in `between`.

    Raises `ArchiveError` for a damaged archive.
    """
    archives, found = split(paths)
    for path in archives:
        days = [file.path for file in day_files(path)] if path.is_dir() else [path]
        if path.is_dir() and not days:
            raise ArchiveError(f"{path}: is no archive: it has no folder exchange/SYMBOL with files of days")
        for day in days:
            manifest = read_manifest(day)
            known = instruments is None or manifest.instrument in instruments
            if known and overlaps(between, manifest.first_time, manifest.last_time):
                found.append(day)
    return found
