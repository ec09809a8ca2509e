"""The layouts of recorded trades: which column holds what, told by a file's header or by the number of its columns.

* recordings: `event_type,event_time,symbol,trade_id,price,quantity,buyer_order_id,seller_order_id,trade_time,
  buyer_market_maker`, with header;
* archive: `id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch`, with or without header, one symbol a file named
  `SYMBOL-trades-DATE`. Files without the last column are taken too, as are the names that Binance gives the columns
  elsewhere (`quote_qty`, `is_buyer_maker`).

A header may name the columns in any order and others between them.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

RECORDING = [
    "event_type",
    "event_time",
    "symbol",
    "trade_id",
    "price",
    "quantity",
    "buyer_order_id",
    "seller_order_id",
    "trade_time",
    "buyer_market_maker",
]
ARCHIVE = ["id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"]


class Role(IntEnum):
    """What a column holds."""

    NOTHING = 0
    ID = 1
    PRICE = 2
    QUANTITY = 3
    TRADE_TIME = 4
    EVENT_TIME = 5
    MAKER = 6
    FLAG = 7
    BUYER_ORDER = 8
    SELLER_ORDER = 9
    SYMBOL = 10
    KIND = 11


class Layout(NamedTuple):
    """The columns of a file by their names, and what each holds."""

    columns: tuple[str, ...]
    roles: npt.NDArray[np.int64]
    has_symbols: bool
    """Whether each line names its symbol, as in recordings; else the file's name does."""


_RECORDED = {
    "event_type": Role.KIND,
    "event_time": Role.EVENT_TIME,
    "symbol": Role.SYMBOL,
    "trade_id": Role.ID,
    "price": Role.PRICE,
    "quantity": Role.QUANTITY,
    "buyer_order_id": Role.BUYER_ORDER,
    "seller_order_id": Role.SELLER_ORDER,
    "trade_time": Role.TRADE_TIME,
    "buyer_market_maker": Role.MAKER,
}
_ARCHIVED = {
    "id": Role.ID,
    "price": Role.PRICE,
    "qty": Role.QUANTITY,
    "time": Role.TRADE_TIME,
    "isbuyermaker": Role.MAKER,
}
_BEST_MATCH = {"isbestmatch": Role.FLAG}


def layout_of(cells: list[str]) -> Layout | None:
    """Return the layout that a line shows, as a header or by its number of columns; None if it is neither."""
    if len(cells) in (len(ARCHIVE), len(ARCHIVE) - 1) and cells[0].isascii() and cells[0].isdigit():
        return header_of(ARCHIVE[: len(cells)])
    return header_of(cells)


def header_of(cells: Sequence[str]) -> Layout | None:
    """Return the layout of a header; None if it does not name all that a trade needs, each once."""
    recorded = [_RECORDED.get(cell, Role.NOTHING) for cell in cells]
    if _once(recorded, _RECORDED):
        return Layout(tuple(cells), np.array(recorded, np.int64), True)
    plain = [cell.replace("_", "").casefold() for cell in cells]
    archived = [(_ARCHIVED | _BEST_MATCH).get(cell, Role.NOTHING) for cell in plain]
    if _once(archived, _ARCHIVED):
        return Layout(tuple(cells), np.array(archived, np.int64), False)
    return None


def _once(roles: list[Role], needed: dict[str, Role]) -> bool:
    return all(roles.count(role) == 1 for role in needed.values()) and roles.count(Role.FLAG) <= 1
