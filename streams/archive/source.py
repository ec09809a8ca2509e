"""Recorded files into rows, a block at a time: the layouts of `producers.recorded.files`, read by Arrow in columns."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from producers.numbers import MICROS_FROM
from producers.recorded.files import (
    BOOLEANS,
    EXCHANGE,
    RECORDING,
    SYMBOL_IN_NAME,
    FileError,
    columns_of,
    open_unpacked,
    read_trades,
)
from schemas.records import Trade
from streams.archive.rows import ABSENT, QUANTITY, ROW, Rows, from_trades, integers, sound, taken, words
from streams.archive.store import Block

BLOCK_BYTES = 8 << 20
BLOCK_TRADES = 100_000
"""Read one by one, so many make a block."""
CHECKSUM = ".CHECKSUM"
_TRADES_NAME = re.compile(r"[A-Z0-9]{2,32}-(trades-)?\d{4}-\d{2}(-\d{2})?\.(csv|csv\.gz|zip)", re.ASCII)
_PACKED = (".csv", ".csv.gz", ".zip")
_DIGEST = re.compile(r"([0-9a-fA-F]{64})(?:\s+\*?(\S+))?\s*")

_TYPES = {
    RECORDING[0]: pa.string(),
    "event_time": pa.int64(),
    "symbol": pa.dictionary(pa.int32(), pa.string()),
    **dict.fromkeys(("price", "quantity", "qty"), QUANTITY),
    **dict.fromkeys(("trade_id", "id", "trade_time", "time", "buyer_order_id", "seller_order_id"), pa.int64()),
    **dict.fromkeys(("buyer_market_maker", "isBuyerMaker"), pa.bool_()),
}
_OPTIONAL = ("buyer_order_id", "seller_order_id")


class _Unusual(Exception):
    """Something in a file that the reading line by line has to judge."""


def files_in(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the files of trades among and below `paths`, and those below that by their names are none.

    Below a folder these are `SYMBOL-trades-DATE` and `SYMBOL-DATE`, as `.csv`, `.csv.gz` or `.zip`. `FileError` for a
    path that is not there, or a folder without any.
    """
    taken, left = [], []
    for path in paths:
        if not path.exists():
            raise FileError(f"{path}: no such file or folder")
        if not path.is_dir():
            taken.append(path)
            continue
        below = sorted(file for file in path.rglob("*") if file.is_file() and file.name.endswith(_PACKED))
        of_trades = [file for file in below if _TRADES_NAME.fullmatch(file.name)]
        if not of_trades:
            raise FileError(f"{path}: holds no file of trades such as XRPUSDT-trades-2025-01-01.zip")
        taken += of_trades
        left += [file for file in below if not _TRADES_NAME.fullmatch(file.name)]
    return list(dict.fromkeys(taken)), left


def check_sum(path: Path) -> bool:
    """Compare a file with the `.CHECKSUM` beside it, return whether there is one; raise `FileError` if it differs."""
    beside = path.with_name(path.name + CHECKSUM)
    if not beside.is_file():
        return False
    text = beside.read_text(errors="replace")
    match = _DIGEST.fullmatch(text)
    if match is None:
        raise FileError(f"{beside}: {text[:100]!r} is not a SHA-256 and a file name")
    if match[2] not in (None, path.name):
        raise FileError(f"{beside}: is the checksum of {match[2]}, not of {path.name}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != match[1].lower():
        raise FileError(f"{path}: its SHA-256 is {found}, and {beside.name} says {match[1].lower()}")
    return True


def blocks(path: Path, instruments: Collection[str] = ()) -> Iterator[Block]:
    """Yield the rows of a file, or those of some instruments. `FileError` names file, line, field and value.

    Arrow takes numbers in some more forms than the reading line by line: with a sign or an exponent. Where it takes
    them not, that is asked: it has the reason, or the value.
    """
    columns, named = columns_of(path)
    if not columns:
        return
    done = 0
    try:
        for table in _tables(path, columns, named):
            rows = _rows(table, columns)
            done += len(rows)
            yield from _by_symbol(path, table, rows, instruments)
    except (_Unusual, pa.ArrowInvalid):
        yield from _line_by_line(path, done, instruments)


def _tables(path: Path, columns: list[str], named: bool) -> Iterator[pa.Table]:
    convert = pa.csv.ConvertOptions(
        column_types={name: _TYPES[name] for name in columns if name in _TYPES},
        include_columns=[name for name in columns if name in _TYPES],
        null_values=[""],
        true_values=[word for word, value in BOOLEANS.items() if value],
        false_values=[word for word, value in BOOLEANS.items() if not value],
    )
    read = pa.csv.ReadOptions(column_names=columns, skip_rows=int(named), block_size=BLOCK_BYTES)
    with open_unpacked(path) as data, pa.csv.open_csv(data, read_options=read, convert_options=convert) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _rows(table: pa.Table, columns: list[str]) -> Rows:
    """Return the rows of a block; `_Unusual` unless each is plainly right."""
    if not len(table) or any(table[name].null_count for name in table.column_names if name not in _OPTIONAL):
        raise _Unusual
    rows = np.empty(len(table), ROW)
    (_recorded if columns == RECORDING else _archived)(rows, table)
    if not sound(rows):
        raise _Unusual
    return rows


def _recorded(rows: Rows, table: pa.Table) -> None:
    kinds, symbols = pc.unique(table["event_type"]).to_pylist(), table["symbol"].combine_chunks().dictionary
    if kinds != ["trade"] or "" in symbols.to_pylist():
        raise _Unusual
    rows["trade_id"] = integers(table["trade_id"])
    rows["trade_time"] = _micros(table["trade_time"])
    rows["event_time"] = rows["received_time"] = _micros(table["event_time"])
    rows["buyer_is_maker"] = table["buyer_market_maker"].to_numpy()
    _amounts(rows, table["price"], table["quantity"])
    for name in _OPTIONAL:
        rows[name] = integers(table[name])
        if ((rows[name] < 0) & (rows[name] != ABSENT)).any():
            raise _Unusual


def _archived(rows: Rows, table: pa.Table) -> None:
    rows["trade_id"] = integers(table["id"])
    rows["trade_time"] = rows["event_time"] = rows["received_time"] = _micros(table["time"])
    rows["buyer_is_maker"] = table["isBuyerMaker"].to_numpy()
    rows["buyer_order_id"] = rows["seller_order_id"] = ABSENT
    _amounts(rows, table["price"], table["qty"])


def _amounts(rows: Rows, prices: pa.ChunkedArray, quantities: pa.ChunkedArray) -> None:
    price, quantity = words(prices), words(quantities)
    if (price[:, 1] != 0).any():
        raise _Unusual
    rows["price"] = price[:, 0]
    rows["quantity_low"], rows["quantity_high"] = quantity[:, 0].view(np.uint64), quantity[:, 1]


def _micros(column: pa.ChunkedArray) -> np.ndarray:
    """Return times in microseconds, as `producers.numbers.micros` does one by one."""
    times = integers(column)
    if len(times) and times.min() <= 0:
        raise _Unusual
    return np.where(times >= MICROS_FROM, times, times * 1_000)


def _by_symbol(path: Path, table: pa.Table, rows: Rows, instruments: Collection[str]) -> Iterator[Block]:
    if "symbol" not in table.column_names:
        symbol = SYMBOL_IN_NAME.match(path.name)
        instrument = f"{EXCHANGE}:{symbol[1] if symbol else ''}"
        if not instruments or instrument in instruments:
            yield Block(instrument, rows, path.name)
        return
    symbols = table["symbol"].combine_chunks()
    codes = symbols.indices.to_numpy()
    for code, name in enumerate(symbols.dictionary.to_pylist()):
        instrument = f"{EXCHANGE}:{name}"
        if not instruments or instrument in instruments:
            yield Block(instrument, taken(rows, codes == code), path.name)


def _line_by_line(path: Path, skipped: int, instruments: Collection[str]) -> Iterator[Block]:
    trades: Iterator[Trade] = islice(_storable(path), skipped, None)
    while some := list(islice(trades, BLOCK_TRADES)):
        for instrument in dict.fromkeys(trade.instrument for trade in some):
            if not instruments or instrument in instruments:
                yield Block(instrument, from_trades([t for t in some if t.instrument == instrument]), path.name)


def _storable(path: Path) -> Iterator[Trade]:
    """Yield the trades of a file; `FileError` for a number that takes more than 64 bits."""
    for trade in read_trades(path):
        for name in ("trade_id", "trade_time", "event_time", *_OPTIONAL):
            if (getattr(trade, name) or 0) >= 2**63:
                raise FileError(f"{path}: {name}: {getattr(trade, name)} of trade {trade.trade_id} is above 2^63 - 1")
        yield trade


Checked = Callable[[Path, bool], None]


def all_blocks(paths: Sequence[Path], instruments: Collection[str], checked: Checked) -> Iterator[Block]:
    """Yield the rows of all files; `checked(path, whether there was a checksum)` is called before each is read."""
    for path in paths:
        checked(path, check_sum(path))
        yield from blocks(path, instruments)
