"""Archives as recordings to backtest on, read in columns."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from infra.progress import Progress
from schemas.columns import Int64s
from schemas.times import Between, overlaps
from streams.archive.day import SUFFIX, ArchiveError, Manifest, day_name, read_columns, read_manifest
from streams.archive.folder import day_files
from streams.archive.rows import DAY_US, integers, words
from streams.recordings.recording import NoTrades, Recording

_COLUMNS = ["trade_id", "trade_time", "price", "quantity"]
_LONG_MAX = 2**63 - 1
_Columns = tuple[Int64s, Int64s, Int64s, Int64s]


def read_archive(
    paths: Sequence[Path],
    instruments: Sequence[str],
    between: Between = (None, None),
    progress: Progress | None = None,
) -> list[Recording]:
    """Return the trades of each instrument with a trade time in `between`, by time and id, as `from_files` gives them.

    `paths` are files of an archive, the archive itself, or one of its folders of a symbol. Raises `ArchiveError` for
    anything else, and for two files of the same day; `NoTrades` for an instrument without any. Reads the days in
    `between` only; takes 32 bytes of memory a trade, twice that while the days are put together.
    """
    found, others = _files(paths, instruments, between)
    total = sum(manifest.rows for days in found.values() for manifest, _ in days.values())
    done, recordings = 0, []
    for instrument, days in found.items():
        parts: list[_Columns] = []
        for manifest, path in (days[day] for day in sorted(days)):
            parts.append(_within(_read(path), between))
            done += manifest.rows
            if progress is not None:
                progress(done, total)
        if not sum(len(part[0]) for part in parts):
            has = f"; there is {', '.join(sorted(others)[:5])}" if others else ""
            raise NoTrades(f"{', '.join(map(str, paths))} has no trade of {instrument}{has}")
        prices, quantities, times, ids = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        recordings.append(Recording(instrument, ", ".join(map(str, paths)), prices, quantities, times, ids))
    return recordings


_Days = dict[str, tuple[Manifest, Path]]


def _files(paths: Sequence[Path], instruments: Sequence[str], between: Between) -> tuple[dict[str, _Days], set[str]]:
    """Return the files of each instrument by day, and which other instruments there are."""
    found: dict[str, _Days] = {instrument: {} for instrument in instruments}
    others: set[str] = set()
    for path in _candidates(paths, instruments):
        manifest = read_manifest(path)
        days = found.get(manifest.instrument)
        if days is None:
            others.add(manifest.instrument)
            continue
        if manifest.day in days:
            raise ArchiveError(f"{path}: {manifest.day} of {manifest.instrument} is in {days[manifest.day][1]} too")
        if overlaps(between, manifest.first_time, manifest.last_time):
            days[manifest.day] = manifest, path
    return found, others


def _candidates(paths: Sequence[Path], instruments: Sequence[str]) -> Iterable[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        here = [file.path for file in day_files(path, instruments)] or sorted(path.glob(f"*{SUFFIX}"))
        if not here:
            there = sorted({file.instrument for file in day_files(path)})
            has = f"; it has {', '.join(there[:5])}" if there else ""
            raise ArchiveError(f"{path}: is no archive of {', '.join(instruments)}{has}")
        yield from here


def _read(path: Path) -> _Columns:
    _, table = read_columns(path, _COLUMNS)
    quantities = words(table["quantity"])
    large = (quantities[:, 0] < 0) | (quantities[:, 1] != 0)
    columns = (
        np.ascontiguousarray(words(table["price"])[:, 0]),
        np.where(large, _LONG_MAX, quantities[:, 0]),
        integers(table["trade_time"]),
        integers(table["trade_id"]),
    )
    _check(path, columns)
    return columns


def _check(path: Path, columns: _Columns) -> None:
    prices, quantities, times, _ = columns
    for name, values in (("price", prices), ("quantity", quantities)):
        if len(values) and values.min() < 1:
            raise ArchiveError(f"{path}: {name}: trade {int(values.argmin())} has {values.min()} (1e-8)")
    days = times // DAY_US
    if (np.diff(times) < 0).any() or (len(days) and days[0] != days[-1]):
        raise ArchiveError(f"{path}: is not the trades of {day_name(int(days[0]))} in their order")


def _within(columns: _Columns, between: Between) -> _Columns:
    times = columns[2]
    since, until = between
    first = 0 if since is None else int(np.searchsorted(times, since))
    end = len(times) if until is None else int(np.searchsorted(times, until))
    prices, quantities, times, ids = (column[first:end] for column in columns)
    return prices, quantities, times, ids
