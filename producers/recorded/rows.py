"""Whole trades in memory, as they are sorted and merged: one row each, of an instrument that the caller knows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from producers.recorded import scan
from schemas.columns import Int64s
from schemas.records import Trade
from schemas.symbols import split_instrument
from schemas.units import AMOUNT_MAX, PRICE_MAX

ABSENT = scan.ABSENT
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

TIMES = ("trade_time", "event_time", "received_time")
ORDER_IDS = ("buyer_order_id", "seller_order_id")

WORD = 2**64
_WHOLE = np.dtype((np.void, ROW.itemsize))


def taken(rows: Rows, which: npt.NDArray[Any]) -> Rows:
    """Return `rows[which]`, for indices or a mask, in a twentieth of the time that numpy takes field by field."""
    found: Rows = rows.view(_WHOLE)[which].view(ROW)
    return found


def from_columns(columns: Int64s) -> Rows:
    """Return the rows of columns as `scan.COLUMNS` has them; nobody knows when they were received."""
    rows = np.empty(columns.shape[1], ROW)
    for at, name in enumerate(("trade_id", "trade_time", "event_time", "price")):
        rows[name] = columns[at]
    rows["received_time"] = columns[scan.EVENT_TIME]
    rows["quantity_low"], rows["quantity_high"] = columns[scan.QUANTITY].view(np.uint64), columns[scan.HIGH]
    rows["buyer_is_maker"] = columns[scan.MAKER]
    rows["buyer_order_id"], rows["seller_order_id"] = columns[scan.BUYER], columns[scan.SELLER]
    return rows


def from_trades(trades: Sequence[Trade]) -> Rows:
    """Return the rows of some trades; whose they are is for the caller to know."""
    rows = np.empty(len(trades), ROW)
    for name in ("trade_id", *TIMES, "price", "buyer_is_maker"):
        rows[name] = [getattr(trade, name) for trade in trades]
    rows["quantity_low"] = [trade.quantity % WORD for trade in trades]
    rows["quantity_high"] = [trade.quantity // WORD for trade in trades]
    for name in ORDER_IDS:
        known = [getattr(trade, name) for trade in trades]
        rows[name] = [ABSENT if order_id is None else order_id for order_id in known]
    return rows


def to_trades(rows: Rows, instrument: str) -> list[Trade]:
    """Return the trades of some rows."""
    exchange, symbol = split_instrument(instrument)
    return [
        Trade(
            exchange=exchange,
            symbol=symbol,
            price=price,
            quantity=high * WORD + low,
            trade_id=trade_id,
            trade_time=traded,
            event_time=sent,
            received_time=received,
            buyer_is_maker=maker,
            buyer_order_id=None if buyer == ABSENT else buyer,
            seller_order_id=None if seller == ABSENT else seller,
        )
        for trade_id, traded, sent, received, price, low, high, maker, buyer, seller in rows.tolist()
    ]


def quantity(row: Any) -> int:
    """Return the quantity of one row in 1e-8."""
    return int(row["quantity_high"]) * WORD + int(row["quantity_low"])


def sound(rows: Rows) -> bool:
    """Return whether every row is in the limits of `schemas.records.Trade`, times and trade ids above or at 0."""
    if not len(rows):
        return True
    high, low = rows["quantity_high"], rows["quantity_low"]
    top_high, top_low = divmod(AMOUNT_MAX, WORD)
    return bool(
        rows["price"].min() >= 1
        and rows["price"].max() <= PRICE_MAX
        and high.min() >= 0
        and ((high > 0) | (low > 0)).all()
        and ((high < top_high) | ((high == top_high) & (low <= np.uint64(top_low)))).all()
        and min(int(rows[name].min()) for name in (*TIMES, "trade_id")) >= 0
    )
