"""Bitstamp's trades of the past: what is asked of its REST server, and what the answers say. No socket, no clock.

Source: Bitstamp documentation, "Transactions (public)" and "Request limits", mid 2026: the trades of the last minute,
hour or day, newest first; 400 requests a second and 10,000 in ten minutes. `tid` is the id of the channels, but times
are whole seconds there: a trade that is fetched later carries its second.
"""

from typing import Annotated, Literal

import msgspec

from producers.adapter import HistoryUnavailable, Hole, Newest, Page
from producers.bitstamp.protocol import EXCHANGE, SELLS, pair_of
from producers.numbers import units
from producers.rest import Budget
from producers.rows import rows_of, trades_in
from schemas.records import Trade

BUDGET = Budget(weight=8_000, seconds=600, burst=100)
"""Less than the limit: commands of people ask the same server."""
SECOND = 1_000_000
WINDOWS = (("minute", 60 * SECOND), ("hour", 3_600 * SECOND), ("day", 24 * 3_600 * SECOND))
"""What can be asked for, and how far back it reaches, in microseconds."""
MARGIN = 10 * SECOND
"""The exchange's clock and ours, the second that a time is cut to, and the way of the request."""


class _Row(msgspec.Struct):
    date: Annotated[str, msgspec.Meta(pattern=r"^\d{1,12}$")]
    tid: Annotated[str, msgspec.Meta(pattern=r"^\d{1,18}$")]
    price: str
    amount: str
    type: Literal["0", "1"]


def transactions_path(symbol: str) -> str:
    """Return the path of the trades of a symbol."""
    return f"/api/v2/transactions/{pair_of(symbol)}/"


def window(hole: Hole, now: int) -> str:
    """Return the shortest window that reaches back over a hole at `now` (µs). Raises `HistoryUnavailable`."""
    age = now - hole.after_time + MARGIN
    for name, reach in WINDOWS:
        if age < reach:
            return name
    raise HistoryUnavailable("the exchange tells the trades of a day only", None)


def parse_page(raw: bytes, hole: Hole) -> Page:
    """Return all trades of a hole in an answer: it is the whole window. Raises `HistoryUnavailable` for what is none.

    Where the answer knows of no trade as new as the hole's end, it came before that or from a cache: it tells what it
    has, and no more.
    """
    what = transactions_path(hole.symbol)
    rows, no_row = rows_of(raw, _Row, what)
    rows.sort(key=_id_of)
    within = [row for row in rows if hole.after_id < _id_of(row) < hole.before_id]
    trades, no_trade = trades_in(within, lambda row: _trade(row, hole.symbol), what)
    newest = _id_of(rows[-1]) if rows else hole.after_id
    reached = hole.before_id - 1 if newest >= hole.before_id - 1 else max(newest, hole.after_id)
    return Page(trades, reached, no_row or no_trade)


def parse_newest(raw: bytes, symbol: str) -> Newest:
    """Return the newest trade in an answer. Raises `HistoryUnavailable` for what is none."""
    rows, _ = rows_of(raw, _Row, transactions_path(symbol))
    newest = max(rows, key=_id_of, default=None)
    return Newest(symbol, _id_of(newest), int(newest.date) * SECOND) if newest else Newest(symbol, None)


def _id_of(row: _Row) -> int:
    return int(row.tid)


def _trade(row: _Row, symbol: str) -> Trade:
    time = int(row.date) * SECOND
    trade = Trade(
        exchange=EXCHANGE,
        symbol=symbol,
        price=units(row.price, "price"),
        quantity=units(row.amount, "amount"),
        trade_id=int(row.tid),
        trade_time=time,
        event_time=time,
        received_time=time,
        buyer_is_maker=int(row.type) == SELLS,
    )
    trade.check()
    return trade
