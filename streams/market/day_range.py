"""The rolling 24 hours: from a day before the minute of the newest trade to that trade."""

from typing import NamedTuple

from streams.market.buckets import NEVER, RING
from streams.market.history import History


class DayRange(NamedTuple):
    """Prices, volumes and money in 1e-8, times in microseconds since the epoch, UTC."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int
    covered_since: int
    """The time of the earliest trade seen: with less than a day since then, the range is that of a shorter time."""

    @property
    def change(self) -> int:
        """How much more the last price is than the first."""
        return self.close - self.open


def day_range(history: History) -> DayRange | None:
    """The range of the trades in the window, `None` if there are none."""
    ring, bucket = history.ring, history.open
    minutes = ring.start[ring.start != NEVER]
    if len(minutes):
        first, last = ring.open.item(minutes.min() % RING), ring.close.item(minutes.max() % RING)
    elif bucket is not None:
        first = bucket.open
    else:
        return None
    return DayRange(
        first,
        history.high,
        history.low,
        last if bucket is None else bucket.close,
        history.volume + (bucket.volume if bucket else 0),
        history.quote_volume + (bucket.quote_volume if bucket else 0),
        history.trades + (bucket.trades if bucket else 0),
        history.covered_since,
    )
