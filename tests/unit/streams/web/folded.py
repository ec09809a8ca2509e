"""Candles of a minute by plain Python, to compare those of the dashboard with."""

from collections.abc import Sequence
from typing import Any

from schemas.records import Trade
from schemas.units import plain

MINUTE_S = 60


def candles_of(trades: Sequence[Trade]) -> dict[str, Any]:
    """The candles of these trades, each counted once, the last price and the range; prices with four places."""
    once = {(trade.trade_time, trade.trade_id): trade for trade in trades}
    minutes: dict[int, list[Trade]] = {}
    for place in sorted(once):
        trade = once[place]
        minutes.setdefault(trade.trade_time // 1_000_000 // MINUTE_S * MINUTE_S, []).append(trade)
    candles = [
        {
            "time": minute,
            "open": four(of[0].price),
            "high": four(max(trade.price for trade in of)),
            "low": four(min(trade.price for trade in of)),
            "close": four(of[-1].price),
            "volume": plain(sum(trade.quantity for trade in of)),
            "trades": len(of),
            "complete": minute * 1_000_000 >= min(once)[0],
        }
        for minute, of in sorted(minutes.items())
    ]
    prices = [trade.price for trade in once.values()]
    return {"candles": candles, "price": candles[-1]["close"], "high": four(max(prices)), "low": four(min(prices))}


def four(units: int) -> str:
    return f"{units // 10**8}.{units % 10**8 // 10**4:04d}"
