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
from producers.recorded.times import EARLIEST_S, LATEST_S, UNITS
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
EXACT = 2**53
"""Up to here a float is the number that was written."""
_AMOUNT = pa.decimal128(38, SCALE)
_OF_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_string, pa.types.is_null)
"""Types of columns of whole numbers."""
_UNREADABLE = (OSError, ValueError, pa.ArrowException)
"""What is raised for a file that cannot be read, or that has columns of other types."""


def parquet_blocks(path: Path) -> Iterator[Block]:
    """Yield the rows of a file. A row that is no trade is a `BadRecord` that names file, row, field and value.

    Raises `FileError` for a file that is none, or that has not these columns.
    """
    with named(path, *_UNREADABLE), pq.ParquetFile(path, page_checksum_verification=True) as file:
        names = file.schema_arrow.names
        missing = [name for name in FIELDS if name not in names]
        if missing:
            raise ValueError(f"has no column {', '.join(missing)}")
        twice = [name for name in FIELDS if names.count(name) > 1]
        if twice:
            raise ValueError(f"has more than one column {', '.join(twice)}")
        row = 0
        for batch in file.iter_batches(BATCH, columns=list(FIELDS)):
            yield _block(_decoded(batch), path.name, row)
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


def _decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch without dictionaries."""
    columns = {field: batch[field] for field in FIELDS}
    for field, column in columns.items():
        if pa.types.is_dictionary(column.type):
            columns[field] = column.dictionary_decode()
    return pa.RecordBatch.from_pydict(columns)


def _block(batch: pa.RecordBatch, name: str, first: int) -> Block:
    out = np.empty((len(scan.COLUMNS), len(batch)), np.int64)
    price, quantity = (_amounts(batch, field, first) for field in DECIMALS)
    out[scan.PRICE], out[scan.QUANTITY], out[scan.HIGH] = price[:, 0], quantity[:, 0], quantity[:, 1]
    out[scan.ID] = _numbers(batch, "trade_id", first)
    times = {field: _micros(batch, field, first) for field in TIMES}
    out[scan.TRADE_TIME], out[scan.EVENT_TIME], received = times.values()
    out[scan.MAKER] = _maker(batch["buyer_is_maker"])
    for field, at in zip(ORDER_IDS, (scan.BUYER, scan.SELLER), strict=True):
        out[at] = _numbers(batch, field, first)
    out[scan.SYMBOL], instruments = _instruments(batch, first)
    right = _right(out, price[:, 1], received)
    for field in FIELDS:
        if batch[field].null_count and field not in ORDER_IDS:
            right &= batch[field].is_valid().to_numpy(zero_copy_only=False)
    bad: list[tuple[int, BadRecord]] = []
    if not right.all():
        bad = [
            (row - number, _bad(batch, row, {field: int(at[row]) for field, at in times.items()}, name, first))
            for number, row in enumerate(np.flatnonzero(~right).tolist())
        ]
        out, received = out[:, right], received[right]
    return Block(out, instruments, bad, received)


def _cast(batch: pa.RecordBatch, field: str, first: int, kind: pa.DataType, meant: str) -> Any:
    """Return a column as another type; `ValueError` names the first row whose value is none."""
    column = batch[field]
    try:
        return column.cast(kind)
    except pa.ArrowException:
        for at in range(len(column)):
            try:
                column[at : at + 1].cast(kind)
            except pa.ArrowException:
                value = column[at].as_py()
                raise ValueError(f"row {first + at + 1}: {field}: {value!r} is not {meant}") from None
        raise


def _amounts(batch: pa.RecordBatch, field: str, first: int) -> Int64s:
    kind = batch[field].type
    if not pa.types.is_decimal(kind) or kind.scale > SCALE:
        raise ValueError(f"{field}: {kind} is not a decimal with at most {SCALE} decimals")
    return words(_cast(batch, field, first, _AMOUNT, "of 38 digits").fill_null(0))


def _numbers(batch: pa.RecordBatch, field: str, first: int) -> Int64s:
    kind = batch[field].type
    if not any(is_so(kind) for is_so in _OF_NUMBERS):
        raise ValueError(f"{field}: {kind} is not a whole number")
    numbers = integers(_cast(batch, field, first, pa.int64(), "a whole number of 64 bits"))
    if pa.types.is_floating(kind):
        beyond = np.flatnonzero((numbers > EXACT) & (numbers != scan.ABSENT))
        if len(beyond):
            row = int(beyond[0])
            raise ValueError(f"row {first + row + 1}: {field}: {numbers[row]} is more than {kind} holds exactly")
    return numbers


def _maker(column: Any) -> npt.NDArray[np.bool_]:
    if not pa.types.is_boolean(column.type):
        raise ValueError(f"buyer_is_maker: {column.type} is not a boolean")
    found: npt.NDArray[np.bool_] = column.fill_null(False).to_numpy(zero_copy_only=False)
    return found


def _micros(batch: pa.RecordBatch, field: str, first: int) -> Int64s:
    """Return times in µs; those that are plain numbers by their size, 0 for none."""
    kind = batch[field].type
    if pa.types.is_timestamp(kind):
        times, units = integers(batch[field]), [UNITS[("s", "ms", "us", "ns").index(kind.unit)]]
    else:
        times, units = _numbers(batch, field, first), list(UNITS)
    found = np.zeros(len(times), np.int64)
    for by, divided in units:
        fits = (times >= EARLIEST_S * 1_000_000 * divided // by) & (times < LATEST_S * 1_000_000 * divided // by)
        found[fits] = times[fits] * by // divided
    return found


def _instruments(batch: pa.RecordBatch, first: int) -> tuple[Int64s, dict[int, str]]:
    """Return the number of each row's instrument, and the instruments by number; -1 for what is none."""
    words_of = (_cast(batch, field, first, pa.string(), "text") for field in ("exchange", "symbol"))
    names = pc.binary_join_element_wise(*words_of, ":")
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


def _bad(batch: pa.RecordBatch, row: int, times: dict[str, int], name: str, first: int) -> BadRecord:
    values = {field: _shown(batch[field][row]) for field in FIELDS}
    return BadRecord(f"{name}:{first + row + 1}", repr(values).encode(), _reason(values, times))


def _shown(value: Any) -> Any:
    """Return a value in Python; a time as text, since there are times that Python has not."""
    if value.is_valid and pa.types.is_timestamp(value.type):
        return str(np.datetime64(value.value, value.type.unit))
    return value.as_py()


def _reason(values: dict[str, Any], times: dict[str, int]) -> str:
    """Return why a row is no trade; `times` are its times in µs, 0 for what is none."""
    for field, value in values.items():
        if value is None and field not in ORDER_IDS:
            return f"{field}: is null"
    for field in ("exchange", "symbol"):
        if not SYMBOL.fullmatch(str(values[field])):
            return f"{field}: {values[field]!r} is not in letters, digits, - and _, 64 at most"
    for field, micros in times.items():
        if not micros:
            return f"{field}: {values[field]} is no time between 2009 and 2100 in s, ms, µs or ns"
    ids = {field: values[field] and int(values[field]) for field in ("trade_id", *ORDER_IDS)}
    for field, number in ids.items():
        if number is not None and number < 0:
            return f"{field}: {number} is below 0"
    amounts = {field: int(values[field].scaleb(SCALE)) for field in DECIMALS}
    try:
        Trade(**values | ids | times | amounts).check()
    except ValueError as error:
        return str(error)
    return "is no trade"
