"""Candles: what trades of one instrument did within intervals of 1 minute to a day.

A candle covers [open time, open time + interval). It is closed by a trade at or after its end, by no clock; without
trades there is none. A trade that comes after the close changes it, and it is made again with a higher revision.
"""

from typing import NamedTuple

from streams.market.history import INTERVALS, History, span
from streams.market.rules import MINUTE_US


class Candle(NamedTuple):
    """The trades of one interval. Prices, volumes and money in 1e-8, times in microseconds since the epoch, UTC."""

    instrument: str
    interval: int
    """In minutes."""
    open_time: int
    open: int
    """The price of the first trade: by trade time, then by trade id, whenever it came."""
    high: int
    low: int
    close: int
    """The price of the last trade."""
    volume: int
    quote_volume: int
    """The sum of price times quantity, cut to eight decimals trade by trade."""
    taker_buy_volume: int
    trades: int
    first_trade_id: int
    last_trade_id: int
    revision: int
    """Of two candles with the same key the one with the higher revision holds."""
    complete: bool
    """Whether the interval began at the earliest trade seen or after it; of others the beginning is not known."""
    closed: bool


def candle_at(instrument: str, history: History, interval: int, minute: int) -> Candle | None:
    """The candle of this interval that holds `minute`, a minute of the window; `None` if it has no trades."""
    start = minute // interval * interval
    bucket = span(history, start, interval)
    if bucket is None:
        return None
    open_time = start * MINUTE_US
    return Candle(
        instrument,
        interval,
        open_time,
        bucket.open,
        bucket.high,
        bucket.low,
        bucket.close,
        bucket.volume,
        bucket.quote_volume,
        bucket.taker_buy_volume,
        bucket.trades,
        bucket.first_trade_id,
        bucket.last_trade_id,
        bucket.revision,
        complete=history.covered_since <= open_time,
        closed=start + interval <= history.minute,
    )


def take_due_candles(instrument: str, history: History) -> list[Candle]:
    """The candles that are closed and have changed since this was asked last, by interval and time."""
    candles: list[Candle] = []
    if not history.due:
        return candles
    for interval in INTERVALS:
        starts = {minute // interval * interval for minute in history.due}
        closed = sorted(start for start in starts if start + interval <= history.minute)
        found = (candle_at(instrument, history, interval, start) for start in closed)
        candles += [candle for candle in found if candle is not None]
    history.due.clear()
    return candles
