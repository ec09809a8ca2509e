"""Recordings from files of lines, through columns."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from infra.progress import Progress
from producers.recorded import scan
from producers.recorded.block import Block
from producers.recorded.blocks import blocks_of, trades_only
from producers.recorded.errors import FileError, joined
from producers.recorded.finding import files_in, is_of_others
from producers.recorded.naming import text_of
from producers.recorded.rows import Rows
from producers.recorded.unpacked import Part, parts_of
from schemas.columns import Int64s
from schemas.times import Between
from streams.recordings.assembly import LONG_MAX, Assembly, Columns, Held, assembled
from streams.recordings.recording import Recording
from streams.recordings.twice import among, any_among

Ids = tuple[int, int]
"""The lowest and the highest."""


def from_files(
    paths: Sequence[Path],
    instruments: Sequence[str],
    between: Between = (None, None),
    progress: Progress | None = None,
) -> list[Recording]:
    """Return the trades of each instrument with a time in `between`, by time and id, each once.

    `paths` are files in the layouts of `producers.recorded.layouts`, folders of such or patterns, in any order. Raises
    `FileError` that names every file with a line that is no trade, and for two trades under one id; `NoTrades` for an
    instrument without any. What `Spooled` does not hold in memory is in temporary files, 32 bytes a trade and, of those
    that come more than once, 73 more for each time that they do; `OSError` where these have no room.
    """
    found = {instrument: Assembly(instrument, between) for instrument in instruments}
    return assembled(found, [gather_files(paths, found, progress)], paths)


def gather_files(paths: Sequence[Path], found: Mapping[str, Assembly], progress: Progress | None) -> Held:
    """Add the trades of all files to what was found of their instruments.

    `FileError` names all that are bad, but for those that by their names have none of these instruments.
    """
    holds: dict[Part, dict[str, Ids]] = {}
    bad: list[FileError] = []
    done = 0
    for path in files_in(paths)[0]:
        own_trades = False
        try:
            for part in parts_of(path):
                holds[part] = {}
                for block in trades_only(blocks_of(part, found)):
                    for instrument, own in block.by_instrument():
                        holds[part][instrument] = _ids(own, holds[part].get(instrument))
                        if instrument in found:
                            found[instrument].add(text_of(path), _four(own.columns))
                            own_trades = True
                    done += len(block)
                    if progress is not None:
                        progress(done, None)
        except FileError as error:
            if own_trades or not is_of_others(path, found):
                bad.append(error)
    if bad:
        raise joined(bad)

    def again(instrument: str, ids: Int64s) -> Iterator[tuple[str, Rows]]:
        for part, has in holds.items():
            if instrument in has and any_among(*has[instrument], ids):
                yield from _rows_with(part, instrument, ids)

    return Held(set().union(*holds.values()), again)


def _ids(own: Block, before: Ids | None) -> Ids:
    """Return the lowest and the highest id of these trades and of those before."""
    ids = own.columns[scan.ID]
    lowest, highest = int(ids.min()), int(ids.max())
    return (lowest, highest) if before is None else (min(before[0], lowest), max(before[1], highest))


def _four(columns: Int64s) -> Columns:
    low = columns[scan.QUANTITY]
    quantities = np.where((columns[scan.HIGH] > 0) | (low < 0), LONG_MAX, low)
    return columns[scan.PRICE], quantities, columns[scan.TRADE_TIME], columns[scan.ID]


def _rows_with(part: Part, instrument: str, ids: Int64s) -> Iterator[tuple[str, Rows]]:
    """Yield the trades of an instrument in a file that have one of some ids."""
    for block in blocks_of(part, (instrument,)):
        for found, own in block.by_instrument():
            if found == instrument:
                wanted = among(own.columns[scan.ID], ids)
                yield text_of(part.path), (own if wanted.all() else own.of(wanted)).rows()
