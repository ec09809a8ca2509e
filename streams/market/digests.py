"""Digests: how the market of one instrument stands, as of a minute, made by the first trade at or after it."""

from collections.abc import Iterator
from typing import NamedTuple

from streams.market.averages import Average, average_price, trades_per_second
from streams.market.day_range import DayRange, day_range
from streams.market.history import History


class Digest(NamedTuple):
    """The market before `time`, in microseconds since the epoch, UTC; prices and rates in 1e-8."""

    instrument: str
    time: int
    price: int
    """The last price."""
    average: int
    """Over 5 minutes, rounded down."""
    trades_per_second: int
    """Over the last minute, rounded down."""
    day: DayRange
    settings_offset: int


def due_digest(minutes: int, newest: int, minute: int) -> int | None:
    """The last minute at which a digest is due: one after `newest` and no later than `minute`; `None` if none is.

    With `minutes` 0 none ever is.
    """
    due = minute // minutes * minutes if minutes else newest
    return due if due > newest else None


def make_digest(
    instrument: str, history: History, average: Average, time: int, settings_offset: int
) -> Iterator[Digest]:
    """The digest as of `time`, of a window and seconds that have been moved there; none if the window has no trades."""
    day = day_range(history)
    if day is not None:
        rate = trades_per_second(average)
        yield Digest(instrument, time, day.close, average_price(average), rate, day, settings_offset)
