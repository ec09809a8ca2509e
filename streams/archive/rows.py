"""Trades in memory as the archive works on them, and their Arrow table, which is what its files hold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.records import Trade
from schemas.units import AMOUNT_MAX, PRICE_MAX, SCALE

DAY_US = 86_400_000_000
"""The microseconds of a day."""

ABSENT = -(2**63)
"""Stands for an order id that nobody knows."""

ROW = np.dtype(
    [
        *((name, "<i8") for name in ("trade_id", "trade_time", "event_time", "received_time", "price")),
        ("quantity_low", "<u8"),
        ("quantity_high", "<i8"),
        ("buyer_is_maker", "?"),
        *((name, "<i8") for name in ("buyer_order_id", "seller_order_id")),
    ]
)
"""One trade of a known instrument, 73 bytes. Times in µs since the epoch, UTC; the price in 1e-8; the quantity in 1e-8
in two halves, as it may need more than 64 bits; `ABSENT` for order ids that are not known."""

Rows = npt.NDArray[np.void]
"""An array of `ROW`."""

TIME = pa.timestamp("us", tz="UTC")
PRICE, QUANTITY = pa.decimal128(18, SCALE), pa.decimal128(28, SCALE)
TIMES = ("trade_time", "event_time", "received_time")
ORDER_IDS = ("buyer_order_id", "seller_order_id")
SCHEMA = pa.schema(
    [
        pa.field("exchange", pa.string(), nullable=False),
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("price", PRICE, nullable=False),
        pa.field("quantity", QUANTITY, nullable=False),
        pa.field("trade_id", pa.int64(), nullable=False),
        *(pa.field(name, TIME, nullable=False) for name in TIMES),
        pa.field("buyer_is_maker", pa.bool_(), nullable=False),
        *(pa.field(name, pa.int64()) for name in ORDER_IDS),
    ]
)
"""The columns of a file: the fields of `schemas.records.Trade`, in their types on the wire."""

_WORD = 2**64
_WHOLE = np.dtype((np.void, ROW.itemsize))


def taken(rows: Rows, which: npt.NDArray[Any]) -> Rows:
    """Return `rows[which]`, for indices or a mask, in a twentieth of the time that numpy takes field by field."""
    found: Rows = rows.view(_WHOLE)[which].view(ROW)
    return found


def from_trades(trades: Sequence[Trade]) -> Rows:
    """Return the rows of some trades; whose they are is for the caller to know."""
    rows = np.empty(len(trades), ROW)
    for name in ("trade_id", *TIMES, "price", "buyer_is_maker"):
        rows[name] = [getattr(trade, name) for trade in trades]
    rows["quantity_low"] = [trade.quantity % _WORD for trade in trades]
    rows["quantity_high"] = [trade.quantity // _WORD for trade in trades]
    for name in ORDER_IDS:
        known = [getattr(trade, name) for trade in trades]
        rows[name] = [ABSENT if order_id is None else order_id for order_id in known]
    return rows


def quantity(row: Any) -> int:
    """Return the quantity of one row in 1e-8."""
    return int(row["quantity_high"]) * _WORD + int(row["quantity_low"])


def to_table(rows: Rows, exchange: str, symbol: str) -> pa.Table:
    """Return the table of one instrument's rows, with `SCHEMA`."""
    columns = {
        "exchange": pa.repeat(exchange, len(rows)),
        "symbol": pa.repeat(symbol, len(rows)),
        "price": decimals(rows["price"].astype(np.uint64), rows["price"] >> 63, PRICE),
        "quantity": decimals(rows["quantity_low"], rows["quantity_high"], QUANTITY),
        "trade_id": pa.array(rows["trade_id"]),
        **{name: pa.array(rows[name], TIME) for name in TIMES},
        "buyer_is_maker": pa.array(rows["buyer_is_maker"]),
        **{name: pa.array(rows[name], mask=rows[name] == ABSENT) for name in ORDER_IDS},
    }
    return pa.table([columns[field.name] for field in SCHEMA], schema=SCHEMA)


def from_table(table: pa.Table) -> Rows:
    """Return the rows of a table with the columns of `SCHEMA`, of whatever instruments they are."""
    rows = np.empty(len(table), ROW)
    rows["trade_id"], rows["price"] = integers(table["trade_id"]), words(table["price"])[:, 0]
    halves = words(table["quantity"])
    rows["quantity_low"], rows["quantity_high"] = halves[:, 0].view(np.uint64), halves[:, 1]
    for name in (*TIMES, *ORDER_IDS):
        rows[name] = integers(table[name])
    rows["buyer_is_maker"] = table["buyer_is_maker"].to_numpy()
    return rows


def integers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return a column of whole numbers or times as int64, `ABSENT` for null."""
    numbers = column.cast(pa.int64())
    values: npt.NDArray[np.int64] = (numbers.fill_null(ABSENT) if numbers.null_count else numbers).to_numpy()
    return values


def words(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return decimals of 128 bits in units of their last digit as int64 of shape (n, 2): the low half, the high half.

    Where the value fits into 64 bits the low half is the value.
    """
    parts = []
    for chunk in column.chunks:
        data = np.frombuffer(chunk.buffers()[1], "<i8").reshape(-1, 2)
        parts.append(data[chunk.offset : chunk.offset + len(chunk)])
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)


def decimals(low: npt.NDArray[np.uint64], high: npt.NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    """Return decimals of 128 bits from their halves."""
    halves = np.empty((len(low), 2), "<u8")
    halves[:, 0], halves[:, 1] = low, high.astype(np.uint64)
    return pa.Array.from_buffers(kind, len(low), [None, pa.py_buffer(halves.tobytes())])


def sound(rows: Rows) -> bool:
    """Return whether every row is in the limits of `schemas.records.Trade`, times and trade ids above or at 0."""
    if not len(rows):
        return True
    high, low = rows["quantity_high"], rows["quantity_low"]
    top_high, top_low = divmod(AMOUNT_MAX, _WORD)
    return bool(
        rows["price"].min() >= 1
        and rows["price"].max() <= PRICE_MAX
        and high.min() >= 0
        and ((high > 0) | (low > 0)).all()
        and ((high < top_high) | ((high == top_high) & (low <= np.uint64(top_low)))).all()
        and min(int(rows[name].min()) for name in (*TIMES, "trade_id")) >= 0
    )
