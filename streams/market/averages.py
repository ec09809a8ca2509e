"""The 5-minute average, and trades a second.

A second's price is that of its last trade, by trade time and then by trade id, carried forward over seconds without
trades. The average is the mean over the `SECONDS` seconds that end with the newest one; seconds before the earliest
trade seen have no price and do not count. So a late trade changes it as if it had come in time.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from schemas.units import ONE
from streams.market.buckets import MarketTrade

SECOND_US = 1_000_000
SECONDS = 300
RATE_SECONDS = 60
BLOCK_SECONDS = 10
BLOCKS = SECONDS // BLOCK_SECONDS + 1
"""Blocks of seconds that the window touches at most."""


class Last(NamedTuple):
    """The last trade up to some second. The later of two is the greater."""

    time: int
    trade_id: int
    price: int


class Second(NamedTuple):
    """A second that has trades: the last of them, and how many there are."""

    last: Last
    trades: int


class Average(msgspec.Struct):
    """The seconds of the window; the row of a second is its number since the epoch modulo `SECONDS`."""

    second: int
    """The newest second."""
    last: list[Last | None]
    """The last trade up to each second."""
    trades: list[int]
    """How many trades each second has."""
    total: int = 0
    """The sum of the seconds' prices in 1e-8."""
    known: int = 0
    """How many seconds have a price."""
    changed: set[int] = set()
    """Rows of blocks that have to be stored, beside that of the newest second."""

    @property
    def start(self) -> int:
        """The first second of the window."""
        return self.second - SECONDS + 1

    @property
    def newest(self) -> Last:
        """The last trade of all. There has to be one."""
        last = self.last[self.second % SECONDS]
        assert last is not None
        return last


def new_average(second: int) -> Average:
    """An average without trades whose newest second is this one."""
    return Average(second, [None] * SECONDS, [0] * SECONDS)


def block_row(second: int) -> int:
    """Which of the `BLOCKS` rows in the store a second belongs to."""
    return second // BLOCK_SECONDS % BLOCKS


def average_price(average: Average) -> int:
    """The average in 1e-8, rounded down. There has to be a trade in or before the window."""
    return average.total // average.known


def trades_per_second(average: Average) -> int:
    """Trades a second over the `RATE_SECONDS` seconds before the newest one, in 1e-8, rounded down."""
    seconds = range(average.second - RATE_SECONDS, average.second)
    rate: int = sum(average.trades[second % SECONDS] for second in seconds) * ONE // RATE_SECONDS
    return rate


def begin_second(average: Average, second: int) -> None:
    """Let `second`, a later one, be the newest; it and those between get the last price there is."""
    last = average.last[average.second % SECONDS]
    if average.trades[average.second % SECONDS]:
        average.changed.add(block_row(average.second))
    for entered in range(max(average.second + 1, second - SECONDS + 1), second + 1):
        row = entered % SECONDS
        _set(average, row, last)
        average.trades[row] = 0
    average.second = second


def add_to_average(average: Average, trade: MarketTrade) -> None:
    """Show a trade of the newest second or of one before it: it is the last one up to those that have none later."""
    second = trade.time // SECOND_US
    if second >= average.start:
        average.trades[second % SECONDS] += 1
        average.changed.add(block_row(second))
    last = Last(trade.time, trade.trade_id, trade.price)
    for shown in range(max(second, average.start), average.second + 1):
        row = shown % SECONDS
        known = average.last[row]
        if known is not None and known >= last:
            break
        _set(average, row, last)


def extend_second(average: Average, last: Last, count: int) -> None:
    """Show so many trades of the newest second that came in order, of which this is the last."""
    row = average.second % SECONDS
    average.trades[row] += count
    _set(average, row, last)


def seconds_with_trades(average: Average, start: int, end: int) -> list[Second]:
    """The seconds of the window from `start` to before `end` that have trades."""
    seconds = range(max(start, average.start), min(end, average.second + 1))
    rows = (second % SECONDS for second in seconds)
    return [Second(last, average.trades[row]) for row in rows if average.trades[row] and (last := average.last[row])]


def restore_average(second: int, oldest: Last | None, seconds: Iterable[Second]) -> Average:
    """The average with this newest second, from the seconds of its window that have trades.

    `oldest` is the last trade up to the window's first second.
    """
    average = new_average(second)
    known = {second.last.time // SECOND_US: second for second in seconds}
    last = oldest
    for shown in range(average.start, second + 1):
        row = shown % SECONDS
        if shown in known:
            last, average.trades[row] = known[shown]
        _set(average, row, last)
    return average


def _set(average: Average, row: int, last: Last | None) -> None:
    old = average.last[row]
    average.last[row] = last
    if old is not None:
        average.total -= old.price
        average.known -= 1
    if last is not None:
        average.total += last.price
        average.known += 1
