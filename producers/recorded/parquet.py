"""Parquet files with the fields of `Trade` as their columns, as `hedgehog archive` writes them, block by block."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from producers.recorded import scan
from producers.recorded.block import Block
from producers.recorded.errors import named
from producers.recorded.lines import SYMBOL
from producers.recorded.times import EARLIEST_S, LATEST_S, UNITS, micros_by_size
from producers.source import BadRecord
from schemas.columns import Int64s
from schemas.records import Trade
from schemas.units import AMOUNT_MAX, PRICE_MAX, SCALE

BATCH = 100_000
FIELDS = tuple(name for name in Trade.__struct_fields__ if name != "filled")
"""What is recorded of a trade; how it came here, as it happened or later, is not."""
DECIMALS = ("price", "quantity")
TIMES = ("trade_time", "event_time", "received_time")
ORDER_IDS = ("buyer_order_id", "seller_order_id")
WORD = 2**64
_AMOUNT = pa.decimal128(38, SCALE)


def parquet_blocks(path: Path) -> Iterator[Block]:
    """Yield the rows of a file. A row that is no trade is a `BadRecord` that names file, row, field and value.

    Raises `FileError` for a file that is none, or that has not these columns.
    """
    with named(path, OSError, ValueError), pq.ParquetFile(path, page_checksum_verification=True) as file:
        missing = [name for name in FIELDS if name not in file.schema_arrow.names]
        if missing:
            raise ValueError(f"has no column {', '.join(missing)}")
        row = 0
        for batch in file.iter_batches(BATCH, columns=list(FIELDS)):
            yield _block(batch, path.name, row)
            row += len(batch)


def integers(column: Any) -> Int64s:
    """Return a column of whole numbers or times as int64, `scan.ABSENT` for null."""
    numbers = column.cast(pa.int64())
    values: Int64s = (numbers.fill_null(scan.ABSENT) if numbers.null_count else numbers).to_numpy(zero_copy_only=False)
    return values


def words(column: Any) -> Int64s:
    """Return decimals of 128 bits in units of their last digit as int64 of shape (n, 2): the low half, the high half.

    Where the value fits into 64 bits the low half is the value.
    """
    parts = []
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        data = np.frombuffer(chunk.buffers()[1], "<i8").reshape(-1, 2)
        parts.append(data[chunk.offset : chunk.offset + len(chunk)])
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)


def _block(batch: pa.RecordBatch, name: str, first: int) -> Block:
    out = np.empty((len(scan.COLUMNS), len(batch)), np.int64)
    price, quantity = (_amounts(batch[field], field) for field in DECIMALS)
    out[scan.PRICE], out[scan.QUANTITY], out[scan.HIGH] = price[:, 0], quantity[:, 0], quantity[:, 1]
    out[scan.ID] = integers(batch["trade_id"])
    traded, sent, received = (_micros(batch[field]) for field in TIMES)
    out[scan.TRADE_TIME], out[scan.EVENT_TIME] = traded, sent
    out[scan.MAKER] = batch["buyer_is_maker"].fill_null(False).to_numpy(zero_copy_only=False)
    for field, at in zip(ORDER_IDS, (scan.BUYER, scan.SELLER), strict=True):
        out[at] = integers(batch[field])
    out[scan.SYMBOL], instruments = _instruments(batch)
    right = _right(out, price[:, 1], received)
    for field in FIELDS:
        if batch[field].null_count and field not in ORDER_IDS:
            right &= batch[field].is_valid().to_numpy(zero_copy_only=False)
    bad: list[tuple[int, BadRecord]] = []
    if not right.all():
        bad = [
            _bad(batch, int(row), int(row) - number, name, first) for number, row in enumerate(np.flatnonzero(~right))
        ]
        out, received = out[:, right], received[right]
    return Block(out, instruments, bad, received)


def _amounts(column: Any, field: str) -> Int64s:
    if not pa.types.is_decimal(column.type) or column.type.scale > SCALE:
        raise ValueError(f"{field}: {column.type} is not a decimal with at most {SCALE} decimals")
    return words(column.cast(_AMOUNT).fill_null(0))


def _micros(column: Any) -> Int64s:
    """Return times in µs; those that are plain numbers by their size, 0 for none."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        return integers(column)
    times = integers(column)
    found = np.zeros(len(times), np.int64)
    for by, divided in UNITS:
        fits = (times >= EARLIEST_S * 1_000_000 * divided // by) & (times < LATEST_S * 1_000_000 * divided // by)
        found[fits] = times[fits] * by // divided
    return found


def _instruments(batch: pa.RecordBatch) -> tuple[Int64s, dict[int, str]]:
    """Return the number of each row's instrument, and the instruments by number; -1 for what is none."""
    names = pc.binary_join_element_wise(batch["exchange"].cast(pa.string()), batch["symbol"].cast(pa.string()), ":")
    codes = names.fill_null("").dictionary_encode()
    instruments = dict(enumerate(codes.dictionary.to_pylist()))
    numbers: Int64s = codes.indices.to_numpy().astype(np.int64)
    right = {number: name for number, name in instruments.items() if all(map(SYMBOL.fullmatch, name.split(":", 1)))}
    if len(right) < len(instruments):
        numbers[~np.isin(numbers, list(right))] = -1
    return numbers, right


def _right(out: Int64s, price_high: Int64s, received: Int64s) -> npt.NDArray[np.bool_]:
    """Return which rows are in the limits of a trade."""
    high, low = out[scan.HIGH], out[scan.QUANTITY].view(np.uint64)
    top_high, top_low = divmod(AMOUNT_MAX, WORD)
    right: npt.NDArray[np.bool_] = (price_high == 0) & (out[scan.PRICE] >= 1) & (out[scan.PRICE] <= PRICE_MAX)
    right &= (high >= 0) & ((high > 0) | (low > 0))
    right &= (high < top_high) | ((high == top_high) & (low <= np.uint64(top_low)))
    right &= (out[scan.ID] >= 0) & (out[scan.SYMBOL] >= 0)
    for times in (out[scan.TRADE_TIME], out[scan.EVENT_TIME], received):
        right &= (times >= EARLIEST_S * 1_000_000) & (times < LATEST_S * 1_000_000)
    for at in (scan.BUYER, scan.SELLER):
        right &= (out[at] >= 0) | (out[at] == scan.ABSENT)
    return right


def _bad(batch: pa.RecordBatch, row: int, before: int, name: str, first: int) -> tuple[int, BadRecord]:
    values = {field: batch[field][row].as_py() for field in FIELDS}
    return before, BadRecord(f"{name}:{first + row + 1}", repr(values).encode(), _reason(values))


def _reason(values: dict[str, Any]) -> str:
    """Return why a row is no trade."""
    for field, value in values.items():
        if value is None and field not in ORDER_IDS:
            return f"{field}: is null"
    try:
        for field in ("exchange", "symbol"):
            if not SYMBOL.fullmatch(values[field]):
                return f"{field}: {values[field]!r} is not in letters, digits, - and _, 64 at most"
        for field in TIMES:
            if isinstance(values[field], int):
                micros_by_size(values[field], field)
            elif not EARLIEST_S <= values[field].timestamp() < LATEST_S:
                return f"{field}: {values[field]} is no time between 2009 and 2100"
        for field in ("trade_id", *ORDER_IDS):
            if (values[field] or 0) < 0:
                return f"{field}: {values[field]} is below 0"
        amounts = {field: int(values[field].scaleb(SCALE)) for field in DECIMALS}
        Trade(**values | amounts).check()
    except ValueError as error:
        return str(error)
    return "is no trade"
