"""Binance's trades of the past: what is asked of its REST server, and what the answers say. No socket, no clock.

Source: Binance Spot API documentation, "Market Data endpoints", mid 2026: 6,000 units of weight a minute and address;
`historicalTrades` weighs 25 and gives 1,000 trades from an id on, `ticker/24hr` weighs 2 a symbol up to 20 of them, 40
up to 100, 80 for all.
"""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from producers.adapter import HistoryUnavailable, Hole, Newest, Page
from producers.numbers import micros, units
from producers.rest import Budget
from producers.rows import UNREADABLE_S, rows_of, trades_in
from schemas.records import Trade

BUDGET = Budget(weight=5_000, seconds=60, burst=500)
"""Less than the limit: commands of people ask the same server."""
TRADES_PATH, TRADES_WEIGHT, TRADES_MAX = "/api/v3/historicalTrades", 25, 1_000
TICKER_PATH = "/api/v3/ticker/24hr"
ONE_BY_ONE, NAMED_MAX = 20, 100
HEADERS = {"X-MBX-TIME-UNIT": "MICROSECOND"}

Params = dict[str, str | int]


class _Row(msgspec.Struct):
    id: int
    price: str
    qty: str
    time: int
    isBuyerMaker: bool


class _Ticker(msgspec.Struct):
    symbol: str
    lastId: int


_decode_tickers = msgspec.json.Decoder(list[_Ticker]).decode


def page_params(hole: Hole) -> Params:
    """Return what asks for the first trades of a hole."""
    return {"symbol": hole.symbol, "fromId": hole.after_id + 1, "limit": TRADES_MAX}


def parse_page(raw: bytes, hole: Hole, exchange: str) -> Page:
    """Return the page in an answer, without rows that are no trades. Raises `HistoryUnavailable` for what is none."""
    what = f"{TRADES_PATH}: {hole.symbol}"
    rows, no_row = rows_of(raw, _Row, what)
    within = [row for row in rows if hole.after_id < row.id < hole.before_id]
    trades, no_trade = trades_in(within, lambda row: _trade(row, hole.symbol, exchange), what)
    last = rows[-1].id if rows else hole.after_id
    return Page(trades, min(max(last, hole.after_id), hole.before_id - 1), no_row or no_trade)


def newest_request(symbols: Sequence[str]) -> tuple[Params, int]:
    """Return what asks for the newest ids of `symbols`, and its weight."""
    if len(symbols) > NAMED_MAX:
        return {"type": "MINI"}, 80
    named = msgspec.json.encode(list(symbols)).decode()
    return {"type": "MINI", "symbols": named}, 2 * len(symbols) if len(symbols) <= ONE_BY_ONE else 40


def parse_newest(raw: bytes, symbols: Collection[str]) -> list[Newest]:
    """Return what an answer says of `symbols`. Raises `HistoryUnavailable` for what is none."""
    try:
        tickers = _decode_tickers(raw)
    except ValueError as error:
        raise HistoryUnavailable(f"{TICKER_PATH}: {error}: {raw[:200]!r}", UNREADABLE_S) from error
    wanted = set(symbols)
    # -1 where there was no trade for a day
    return [Newest(row.symbol, row.lastId if row.lastId >= 0 else None) for row in tickers if row.symbol in wanted]


def _trade(row: _Row, symbol: str, exchange: str) -> Trade:
    time = micros(row.time, "time")
    values: dict[str, Any] = {"trade_time": time, "event_time": time, "received_time": time}
    trade = Trade(
        exchange=exchange,
        symbol=symbol,
        price=units(row.price, "price"),
        quantity=units(row.qty, "qty"),
        trade_id=row.id,
        buyer_is_maker=row.isBuyerMaker,
        **values,
    )
    trade.check()
    return trade
