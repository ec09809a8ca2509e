"""Recordings from files, line by line."""

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from infra.progress import Progress
from producers.recorded.files import FileError, count_lines, read_trades
from schemas.records import Trade
from schemas.times import Between, within
from streams.recordings.recording import NoTrades, Recording

LONG_MAX = 2**63 - 1
TELL_EVERY = 20_000


def from_files(
    paths: Sequence[Path],
    instruments: Sequence[str],
    between: Between = (None, None),
    progress: Progress | None = None,
) -> list[Recording]:
    """Return the trades of each instrument with a time in `between`, in the order of files and lines.

    The files are of the layouts of `producers.recorded.files`; an archive is read by `streams.archive.read`. Raises
    `FileError` for what is no recording and for files that are not in the order of their trades, `NoTrades` for an
    instrument without any. Takes 32 bytes of memory a trade.
    """
    found = {instrument: _Columns() for instrument in instruments}
    seen: set[str] = set()
    total, done = None if progress is None else count_lines(paths), 0
    for path in paths:
        for trade in read_trades(path):
            done += 1
            if progress is not None and not done % TELL_EVERY:
                progress(done, total)
            seen.add(trade.instrument)
            columns = found.get(trade.instrument)
            if columns is None:
                continue
            columns.met(path, trade)
            if within(between, trade.trade_time):
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
