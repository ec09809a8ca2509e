"""Recorded trades in columns, from files. `streams.recordings.topic` consumes them again from the topic."""

import gzip
import hashlib
import zipfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from producers.recorded.files import FileError, read_trades
from schemas.columns import Int64s
from schemas.records import Trade

LONG_MAX = 2**63 - 1
PARQUET = ".parquet"
TELL_EVERY = 20_000
CHUNK_BYTES = 1 << 20

Told = Callable[[int, int | None], None]
"""Is told how many records were read so far, and of how many where that is known."""
Between = tuple[int | None, int | None]
"""The first time (µs since the epoch) and the one that is no more part of it; None for no limit."""


@dataclass(frozen=True)
class Recording:
    """The trades of one instrument in their order.

    Columns of int64: prices and quantities in 1e-8 (a quantity that needs more bits is the largest that fits, which is
    more than any order takes), times in µs since the epoch, UTC. `source` says where they are from, `unreadable` how
    many records of the instrument were no trades and left out.
    """

    instrument: str
    source: str
    prices: Int64s
    quantities: Int64s
    times: Int64s
    ids: Int64s
    unreadable: int = 0

    def __len__(self) -> int:
        return len(self.prices)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of ids, prices, quantities and times, as little-endian int64: the same for file and topic."""
        digest = hashlib.sha256()
        for column in (self.ids, self.prices, self.quantities, self.times):
            digest.update(column.astype("<i8", copy=False).tobytes())
        return digest.hexdigest()

    def split(self, moment: int) -> tuple["Recording", "Recording"]:
        """The trades up to the first one at or after `moment` (µs), and the others."""
        late = np.flatnonzero(self.times >= moment)
        cut = int(late[0]) if len(late) else len(self)
        return self._part(0, cut), self._part(cut, len(self))

    def _part(self, first: int, end: int) -> "Recording":
        columns = self.prices, self.quantities, self.times, self.ids
        prices, quantities, times, ids = (column[first:end] for column in columns)
        return Recording(self.instrument, self.source, prices, quantities, times, ids)


class NoTrades(ValueError):
    """There is not one trade of an instrument where it was looked for; the message names both."""


def from_files(
    paths: Sequence[Path], instruments: Sequence[str], between: Between = (None, None), told: Told | None = None
) -> list[Recording]:
    """The trades of each instrument in all files together, of a time in `between`, in the order of files and lines.

    The files are recordings, or Parquet files and folders of an archive, which are read in the order of their days.
    Raises `FileError` for what is no recording and for files that are not in the order of their
    trades, `NoTrades` for an instrument without any. Takes 32 bytes of memory a trade.
    """
    if any(path.is_dir() or path.suffix == PARQUET for path in paths):
        from streams.archive.read import read_archive  # noqa: PLC0415 -- pyarrow takes its time, most do not need it

        return read_archive(paths, instruments, between, told)
    found = {instrument: _Columns() for instrument in instruments}
    seen: set[str] = set()
    since, until = between
    total, done = None if told is None else count_lines(paths), 0
    for path in paths:
        for trade in read_trades(path):
            done += 1
            if told is not None and not done % TELL_EVERY:
                told(done, total)
            seen.add(trade.instrument)
            columns = found.get(trade.instrument)
            if columns is None:
                continue
            columns.met(path, trade)
            if (since is None or trade.trade_time >= since) and (until is None or trade.trade_time < until):
                columns.add(trade)
    for instrument, columns in found.items():
        if not len(columns.prices):
            has = ", ".join(sorted(seen - {instrument})[:5])
            raise NoTrades(f"{', '.join(map(str, paths))} has no trade of {instrument}{has and f'; it has {has}'}")
    return [columns.recording(instrument) for instrument, columns in found.items()]


class _Columns:
    """The columns of one instrument while they grow, and the files it was met in."""

    def __init__(self) -> None:
        self.prices, self.quantities, self.times, self.ids = (array("q") for _ in range(4))
        self.files: dict[Path, int] = {}
        """The time of the first trade in each."""

    def met(self, path: Path, trade: Trade) -> None:
        """Note that `path` has this trade; a file may not begin before the one that was read before it."""
        if path in self.files:
            return
        for before, began in self.files.items():
            if trade.trade_time < began:
                raise FileError(f"{path}: its trades of {trade.instrument} begin before those of {before}")
        self.files[path] = trade.trade_time

    def add(self, trade: Trade) -> None:
        if trade.trade_id > LONG_MAX:
            raise FileError(f"{list(self.files)[-1]}: trade_id: {trade.trade_id} is above {LONG_MAX}")
        self.prices.append(trade.price)
        self.quantities.append(min(trade.quantity, LONG_MAX))
        self.times.append(trade.trade_time)
        self.ids.append(trade.trade_id)

    def recording(self, instrument: str) -> Recording:
        columns = self.prices, self.quantities, self.times, self.ids
        prices, quantities, times, ids = (np.frombuffer(column, np.int64) for column in columns)
        return Recording(instrument, ", ".join(map(str, self.files)), prices, quantities, times, ids)


def count_lines(paths: Sequence[Path]) -> int | None:
    """How many lines the files have, counted in a fraction of the time that reading takes; None if that fails."""
    try:
        return sum(chunk.count(b"\n") for path in paths for file in _opened(path) for chunk in _chunks(file))
    except (OSError, EOFError, zipfile.BadZipFile):
        return None  # whoever reads the file says what is wrong


def _chunks(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    yield member
    elif path.suffix == ".gz":
        with gzip.open(path) as packed:
            yield packed
    else:
        with path.open("rb") as file:
            yield file
