"""The Arrow table of an archive's rows, which is what its files hold."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from producers.recorded.parquet import integers, words
from producers.recorded.rows import ABSENT, ORDER_IDS, ROW, TIMES, Rows
from schemas.units import SCALE

TIME = pa.timestamp("us", tz="UTC")
PRICE, QUANTITY = pa.decimal128(18, SCALE), pa.decimal128(28, SCALE)
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


def decimals(low: npt.NDArray[np.uint64], high: npt.NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    """Return decimals of 128 bits from their halves."""
    halves = np.empty((len(low), 2), "<u8")
    halves[:, 0], halves[:, 1] = low, high.astype(np.uint64)
    return pa.Array.from_buffers(kind, len(low), [None, pa.py_buffer(halves.tobytes())])
