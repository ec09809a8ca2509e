"""Archives as recordings to backtest on, read in columns."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from infra.progress import Progress
from producers.recorded.errors import FileError, joined, noted
from producers.recorded.merge import DAY_US
from producers.recorded.naming import text_of
from producers.recorded.parquet import integers, words
from producers.recorded.rows import Rows, taken
from schemas.columns import Int64s
from schemas.times import Between, overlaps
from streams.archive.day import SUFFIX, ArchiveError, Manifest, day_name, read_columns, read_day, read_manifest
from streams.archive.folder import day_files, split
from streams.recordings.assembly import LONG_MAX, Assembly, Columns, Held, assembled
from streams.recordings.files import gather_files
from streams.recordings.recording import Recording
from streams.recordings.twice import among, any_among

_COLUMNS = ["trade_id", "trade_time", "price", "quantity"]


def read_archive(
    paths: Sequence[Path],
    instruments: Sequence[str],
    between: Between = (None, None),
    progress: Progress | None = None,
) -> list[Recording]:
    """Return the trades of each instrument with a trade time in `between`, by time and id, as `from_files` gives them.

    `paths` are files of an archive, the archive itself, or one of its folders of a symbol; and whatever `from_files`
    takes beside these. Raises `FileError` for anything else, `NoTrades` for an instrument without any. Reads the days
    in `between` only.
    """
    found = {instrument: Assembly(instrument, between) for instrument in instruments}
    archives, others = split(paths)
    held = [_gather_days(archives, found, between, progress)]
    if others:
        held.append(gather_files(others, found, progress))
    return assembled(found, held, paths)


def _gather_days(
    paths: Sequence[Path], found: Mapping[str, Assembly], between: Between, progress: Progress | None
) -> Held:
    instruments: set[str] = set()
    days: list[tuple[Path, Path, Manifest]] = []
    bad: list[FileError] = []
    for given in paths:
        for path in _candidates(given, found):
            with noted(bad):
                manifest = read_manifest(path)
                instruments.add(manifest.instrument)
                if manifest.instrument in found and overlaps(between, manifest.first_time, manifest.last_time):
                    days.append((given, path, manifest))
    days.sort(key=lambda day: day[2].first_time)
    done, total = 0, sum(manifest.rows for _, _, manifest in days)
    for given, path, manifest in days:
        with noted(bad):
            for columns in _read(path):
                found[manifest.instrument].add(text_of(given), columns)
                done += len(columns[0])
                if progress is not None:
                    progress(done, total)
    if bad:
        raise joined(bad)

    def again(instrument: str, ids: Int64s) -> Iterator[tuple[str, Rows]]:
        for _, path, manifest in days:
            if manifest.instrument == instrument and any_among(manifest.first_id, manifest.last_id, ids):
                _, rows = read_day(path)
                yield text_of(path), taken(rows, among(rows["trade_id"], ids))

    return Held(instruments, again)


def _candidates(path: Path, instruments: Collection[str]) -> Iterable[Path]:
    """Return the files of days that `path` is or holds, those of some instruments where it has them."""
    if not path.is_dir():
        return [path]
    files = day_files(path)
    wanted = [file.path for file in files if file.instrument in instruments]
    # one file of each other instrument is enough to say that it is there
    others = {file.instrument: file.path for file in files if file.instrument not in instruments}
    here = [*wanted, *(others.values() if not wanted else ())] or sorted(path.glob(f"*{SUFFIX}"))
    if not here:
        raise ArchiveError(f"{path}: is no archive: it has no folder exchange/SYMBOL with files of days")
    return here


def _read(path: Path) -> Iterator[Columns]:
    """Yield the trades of a file; `ArchiveError` where these are not the trades of one day in their order."""
    before: tuple[int, int] | None = None
    for table in read_columns(path, _COLUMNS):
        quantities = words(table["quantity"])
        large = (quantities[:, 0] < 0) | (quantities[:, 1] != 0)
        columns = (
            words(table["price"])[:, 0],
            np.where(large, LONG_MAX, quantities[:, 0]),
            integers(table["trade_time"]),
            integers(table["trade_id"]),
        )
        before = _checked(path, columns, before)
        yield columns


def _checked(path: Path, columns: Columns, before: tuple[int, int] | None) -> tuple[int, int]:
    """Return the day of these trades and the time of the last; `before` is that of those before them."""
    prices, quantities, times, _ = columns
    for name, values in (("price", prices), ("quantity", quantities)):
        if len(values) and values.min() < 1:
            raise ArchiveError(f"{path}: {name}: trade {int(values.argmin())} has {values.min()} (1e-8)")
    first, last = (int(times[0]), int(times[-1])) if len(times) else (0, 0)
    day, latest = before or (first // DAY_US, first)
    if first < latest or last // DAY_US != day or (times[1:] < times[:-1]).any():
        raise ArchiveError(f"{path}: is not the trades of {day_name(day)} in their order")
    return day, last
