"""The rolling 24 hours: from a day before the minute of the newest trade to that trade."""

from typing import NamedTuple

from streams.market.buckets import NEVER, Bucket, Ring, find
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
    parts = [*_ends(history.ring), history.open] if history.open else _ends(history.ring)
    if not parts:
        return None
    return DayRange(
        parts[0].open,
        history.high,
        history.low,
        parts[-1].close,
        history.volume + (history.open.volume if history.open else 0),
        history.quote_volume + (history.open.quote_volume if history.open else 0),
        history.trades + (history.open.trades if history.open else 0),
        history.covered_since,
    )


def _ends(ring: Ring) -> list[Bucket]:
    """The first and the last minute of a ring, none if it is empty."""
    minutes = ring.start[ring.start != NEVER]
    if not len(minutes):
        return []
    return [bucket for end in (minutes.min(), minutes.max()) if (bucket := find(ring, end.item()))]
