"""The layout of an archive: `FOLDER/exchange/SYMBOL/2025-01-31.parquet`. Files of other names are nobody's business."""

import fcntl
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from producers.recorded.finding import files_in, is_parquet
from schemas.errors import Refused
from schemas.symbols import split_instrument
from streams.archive.day import SUFFIX, ArchiveError, day_name, day_number, is_day, read_manifest

LOCK = ".lock"
_NAME = re.compile(r"\w[\w-]{0,63}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, order=True)
class DayFile:
    """One file by its place in the layout; what is in it is another matter. Sorted by instrument and day."""

    instrument: str
    day: int
    path: Path


def path_of(folder: Path, instrument: str, day: int) -> Path:
    """Return the path of the file of a day; raise `ArchiveError` for an instrument whose name makes no folder."""
    try:
        parts = split_instrument(instrument)
    except Refused as error:
        raise ArchiveError(str(error)) from None
    if not all(map(_NAME.fullmatch, parts)):
        raise ArchiveError(f"instrument: {instrument!r} is not an exchange and a symbol in letters, digits, - and _")
    return folder.joinpath(*parts, f"{day_name(day)}{SUFFIX}")


def day_files(folder: Path, instruments: Collection[str] = ()) -> list[DayFile]:
    """Return the files of an archive, or those of some instruments, by instrument and day.

    `folder` is the whole archive. Raises `ArchiveError` where there is no such folder.
    """
    if not folder.is_dir():
        raise ArchiveError(f"{folder}: no such folder")
    found = [file for path in folder.glob(f"*/*/*{SUFFIX}") if (file := _placed(folder, path)) is not None]
    return sorted(file for file in found if not instruments or file.instrument in instruments)


def split(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the archives, their folders and days among some paths, and what else there is, beside days in a folder."""
    archives: list[Path] = []
    others: list[Path] = []
    for path in paths:
        if not path.is_dir():
            (archives if is_parquet(path) and is_day(path) else others).append(path)
            continue
        days = {file.path for file in day_files(path)} or set(filter(is_day, path.glob(f"*{SUFFIX}")))
        archives += [path] if days else []
        others += [file for file in files_in([path])[0] if file not in days] if days else [path]
    return archives, others


def expired(files: list[DayFile], keep_days: int) -> list[DayFile]:
    """Return those that are not of the last `keep_days` days of their instrument, counted from its newest file."""
    newest = {file.instrument: file.day for file in sorted(files)}
    return [file for file in files if file.day <= newest[file.instrument] - keep_days]


def prune(folder: Path, keep_days: int, bad: list[str], instruments: Collection[str] = ()) -> list[DayFile]:
    """Delete the expired files and return them: only files in their place which say that they are of it.

    What is wrong with another one is added to `bad`.
    """
    deleted = []
    for file in expired(day_files(folder, instruments), keep_days):
        try:
            manifest = read_manifest(file.path)
        except ArchiveError as error:
            bad.append(f"{error}; it was not deleted")
            continue
        if (manifest.instrument, day_number(manifest.day)) != (file.instrument, file.day):
            bad.append(f"{file.path}: not deleted: it is {manifest.instrument} of {manifest.day}")
            continue
        file.path.unlink()
        deleted.append(file)
    return deleted


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep everybody else from changing the archive meanwhile; raise `ArchiveError` when somebody does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveError(f"{folder}: another hedgehog archive is writing to it") from None
        yield


def _placed(folder: Path, path: Path) -> DayFile | None:
    exchange, symbol, name = path.relative_to(folder).parts
    day = name.removesuffix(SUFFIX)
    if not (_NAME.fullmatch(exchange) and _NAME.fullmatch(symbol) and _DAY.fullmatch(day)):
        return None
    try:
        return DayFile(f"{exchange}:{symbol}", (date.fromisoformat(day) - date(1970, 1, 1)).days, path)
    except ValueError:
        return None
