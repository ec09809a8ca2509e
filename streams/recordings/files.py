"""Recordings from files of lines, through columns."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from infra.progress import Progress
from producers.recorded import scan
from producers.recorded.blocks import blocks_of, trades_only
from producers.recorded.errors import FileError, joined
from producers.recorded.finding import files_in
from producers.recorded.merge import Conflict
from producers.recorded.rows import Rows, from_columns
from producers.recorded.unpacked import Part, parts_of
from schemas.columns import Int64s
from schemas.times import Between
from streams.recordings.gathered import LONG_MAX, Gathered
from streams.recordings.recording import Recording


def from_files(
    paths: Sequence[Path],
    instruments: Sequence[str],
    between: Between = (None, None),
    progress: Progress | None = None,
) -> list[Recording]:
    """Return the trades of each instrument with a time in `between`, by time and id, each once.

    `paths` are files in the layouts of `producers.recorded.layouts`, folders of such or patterns, in any order. Raises
    `FileError` that names every file with a line that is no trade, and for two trades under one id; `NoTrades` for an
    instrument without any. Takes 40 bytes of memory a trade, more where they are not in their order.
    """
    files, _ = files_in(paths)
    found = {instrument: Gathered(instrument, between) for instrument in instruments}
    parts = _gather(files, found, progress)
    where, seen = ", ".join(map(str, paths)), set().union(*parts.values())
    recordings = []
    for instrument, gathered in found.items():
        own = [part for part, holds in parts.items() if instrument in holds]

        def again(ids: Int64s, own: list[Part] = own, instrument: str = instrument) -> Iterator[tuple[str, Rows]]:
            return (found for part in own for found in _rows_with(part, instrument, ids))

        try:
            recordings.append(gathered.recording(again, where, seen - {instrument}))
        except Conflict as conflict:
            raise FileError(f"{instrument}: {conflict}") from None
    return recordings


def _gather(files: Sequence[Path], found: dict[str, Gathered], progress: Progress | None) -> dict[Part, set[str]]:
    """Gather the trades of all files; return which instruments each has. `FileError` names all that are bad."""
    holds: dict[Part, set[str]] = {}
    bad: list[FileError] = []
    done = 0
    for path in files:
        try:
            for part in parts_of(path):
                holds[part] = set()
                for block in trades_only(blocks_of(part, found)):
                    for instrument, columns in block.instruments():
                        holds[part].add(instrument)
                        if instrument in found:
                            found[instrument].add(str(path), _four(columns))
                    done += len(block)
                    if progress is not None:
                        progress(done, None)
        except FileError as error:
            bad.append(error)
    if bad:
        raise joined(bad)
    return holds


def _four(columns: Int64s) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    low = columns[scan.QUANTITY]
    quantities = np.where((columns[scan.HIGH] > 0) | (low < 0), LONG_MAX, low)
    return columns[scan.PRICE], quantities, columns[scan.TRADE_TIME], columns[scan.ID]


def _rows_with(part: Part, instrument: str, ids: Int64s) -> Iterator[tuple[str, Rows]]:
    """Yield the trades of an instrument in a file that have one of some ids."""
    for block in blocks_of(part, (instrument,)):
        for found, columns in block.instruments():
            if found == instrument:
                yield str(part.path), from_columns(columns[:, np.isin(columns[scan.ID], ids)])
