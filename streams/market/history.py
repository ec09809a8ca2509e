"""The trades of one instrument within the 24-hour window, folded by the minute.

The window of the newest minute M holds M and the `DAY_MINUTES` before it. What is older is in no minute any more;
of candles that began before the window, the part that has left it is kept as one bucket for each interval.
"""

import msgspec

from streams.market.buckets import (
    DAY_MINUTES,
    NEVER,
    RING,
    Bucket,
    MarketTrade,
    Ring,
    find,
    fold,
    merge,
    new_bucket,
    new_ring,
    put,
    remove,
)
from streams.market.rules import MINUTE_US

INTERVALS = (1, 5, 15, 60, 240, 1_440)
"""Lengths of candles in minutes. Each begins at the multiples of its length since the epoch, in UTC."""


class History(msgspec.Struct, kw_only=True):
    """The minutes of the window, what is summed up over them, and what changed."""

    minute: int
    """The newest minute."""
    start: int
    """The first minute of the window."""
    open: Bucket | None = None
    """The trades of the newest minute."""
    ring: Ring
    """The minutes before it."""
    departed: dict[int, Bucket] = {}
    """By interval, the minutes that have left the window of the last candle of which any has."""
    covered_since: int = NEVER
    """The time of the earliest trade seen, in microseconds."""
    high: int = 0
    low: int = NEVER
    volume: int = 0
    """The volume of the minutes in the ring, as the next two are."""
    quote_volume: int = 0
    trades: int = 0
    due: set[int] = set()
    """Minutes whose candles, as far as they are closed, have to be sent."""
    changed: set[int] = set()
    """Rows of the ring that have to be stored."""
    departed_changed: bool = False
    ahead: dict[int, int] = {}
    """By minute of the ring, the trade up to which it is, where it was stored further on than the rest."""


def new_history(minute: int) -> History:
    """A history without trades whose newest minute is this one."""
    return History(minute=minute, start=minute - DAY_MINUTES, ring=new_ring())


def add_trade(history: History, trade: MarketTrade) -> bool:
    """Add a trade of the newest minute or an earlier one. Returns false, and changes nothing, if it is too late."""
    minute = trade.time // MINUTE_US
    if minute < history.start:
        return False
    if trade.time < history.covered_since:
        _cover(history, trade.time)
    if minute < history.minute:
        _amend(history, minute, trade)
    elif history.open is None:
        history.open = new_bucket(minute, trade)
    else:
        merge(history.open, new_bucket(minute, trade))
    history.high = max(history.high, trade.price)
    history.low = min(history.low, trade.price)
    return True


def close_minute(history: History, minute: int) -> None:
    """Let `minute`, a later one, be the newest: the minute that was open goes to the ring.

    The window stays as it is until `move_window`: a candle that is closed now may begin before the new one.
    """
    history.minute = minute
    if history.open is not None:
        put(history.ring, history.open)
        _mark(history, history.open.start)
        _count(history, history.open, 1)
        history.open = None


def move_window(history: History, minute: int) -> None:
    """Let the window be that of a trade of `minute`, if that is a later one: what is older leaves the ring."""
    start = minute - DAY_MINUTES
    if start == history.start:
        return
    leaving = range(history.start, min(start, history.start + RING)) if history.trades else ()
    for old in leaving:
        bucket = find(history.ring, old)
        if bucket is not None:
            _count(history, bucket, -1)
            _depart(history, bucket)
            remove(history.ring, old)
            history.changed.discard(old % RING)
    history.start = start
    _measure(history)


def recount(history: History) -> None:
    """Sum up anew what is known of the minutes of a window that no minute has left yet."""
    history.volume = history.ring.volume.sum()
    history.quote_volume = history.ring.quote_volume.sum()
    history.trades = history.ring.trades.sum().item()
    _measure(history)


def span(history: History, start: int, minutes: int) -> Bucket | None:
    """One bucket of all trades of so many minutes from `start` on, `None` if there are none.

    The minutes are those of a candle that ends within the window.
    """
    end = start + minutes
    whole = find(history.ring, start) if minutes == 1 else fold(history.ring, start, end)
    departed = history.departed.get(minutes)
    if departed is not None and departed.start == start:
        whole = _joined(whole, departed)
    if history.open is not None and history.open.start < end:
        whole = _joined(whole, history.open)
    return whole


def _joined(bucket: Bucket | None, other: Bucket) -> Bucket:
    """A bucket of the trades of both, the first of which may be changed."""
    if bucket is None:
        return msgspec.structs.replace(other)
    merge(bucket, other)
    return bucket


def _amend(history: History, minute: int, trade: MarketTrade) -> None:
    if trade.offset <= history.ahead.get(minute, -1):
        _mark(history, minute)  # the minute has the trade; its candles may not have been sent
        return
    late = new_bucket(minute, trade)
    late.revision = 1
    _count(history, late, 1)
    bucket = find(history.ring, minute)
    if bucket is not None:
        merge(late, bucket)
    put(history.ring, late)
    _mark(history, minute)


def _cover(history: History, since: int) -> None:
    """Let trades be covered from an earlier time on, which may make candles complete that were not."""
    bucket = find(history.ring, history.covered_since // MINUTE_US)
    if bucket is not None and bucket.start > since // MINUTE_US:
        bucket.revision += 1
        put(history.ring, bucket)
        _mark(history, bucket.start)
    history.covered_since = since


def _mark(history: History, minute: int) -> None:
    history.due.add(minute)
    history.changed.add(minute % RING)


def _measure(history: History) -> None:
    history.high = history.ring.high.max().item()
    history.low = history.ring.low.min().item()
    if history.open is not None:
        history.high = max(history.high, history.open.high)
        history.low = min(history.low, history.open.low)


def _count(history: History, bucket: Bucket, sign: int) -> None:
    history.volume += sign * bucket.volume
    history.quote_volume += sign * bucket.quote_volume
    history.trades += sign * bucket.trades


def _depart(history: History, bucket: Bucket) -> None:
    """Keep a minute for the candles that go on after it: late trades may still change those."""
    for interval in INTERVALS[1:]:
        start = bucket.start // interval * interval
        departed = history.departed.get(interval)
        if departed is not None and departed.start == start:
            merge(departed, bucket)
        else:
            history.departed[interval] = msgspec.structs.replace(bucket, start=start)
    history.departed_changed = True
