"""The 5-minute average, and trades a second.

A second's price is that of its last trade, by trade time and then by trade id, carried forward over seconds without
trades. The average is the mean over the `SECONDS` seconds that end with the newest one; seconds before the earliest
trade seen have no price and do not count. So a late trade changes it as if it had come in time.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np

from schemas.units import ONE
from streams.market import kernel
from streams.market.buckets import Int64s, MarketTrade
from streams.market.kernel import BLOCK_SECONDS, BLOCKS, SECONDS

RATE_SECONDS = 60


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
    """The seconds of the window, as `streams.market.kernel` has them."""

    numbers: Int64s
    seconds: Int64s
    """A column for each field of a second; the row of a second is its number since the epoch modulo `SECONDS`."""

    @property
    def second(self) -> int:
        """The newest second."""
        return self.numbers.item(kernel.SECOND)

    @property
    def start(self) -> int:
        """The first second of the window."""
        return self.second - SECONDS + 1

    @property
    def total(self) -> int:
        """The sum of the seconds' prices in 1e-8."""
        return self.numbers.item(kernel.TOTAL_UPPER) * kernel.HALF + self.numbers.item(kernel.TOTAL_LOWER)

    @property
    def known(self) -> int:
        """How many seconds have a price."""
        return self.numbers.item(kernel.KNOWN)

    @property
    def newest(self) -> Last:
        """The last trade of all. There has to be one."""
        last = last_at(self, self.second)
        assert last is not None
        return last


def new_average(second: int) -> Average:
    """An average without trades whose newest second is this one."""
    average = Average(np.zeros(kernel.NUMBERS, np.int64), np.zeros((4, SECONDS), np.int64))
    average.numbers[kernel.SECOND] = second
    return average


def last_at(average: Average, second: int) -> Last | None:
    """The last trade up to a second of the window."""
    time, trade_id, price, _ = average.seconds[:, second % SECONDS].tolist()
    return Last(time, trade_id, price) if price else None


def average_price(average: Average) -> int:
    """The average in 1e-8, rounded down. There has to be a trade in or before the window."""
    return average.total // average.known


def trades_per_second(average: Average) -> int:
    """Trades a second over the `RATE_SECONDS` seconds before the newest one, in 1e-8, rounded down."""
    seconds = np.arange(average.second - RATE_SECONDS, average.second) % SECONDS
    rate: int = average.seconds[kernel.TRADES, seconds].sum().item() * ONE // RATE_SECONDS
    return rate


def begin_second(average: Average, second: int) -> None:
    """Let `second`, a later one, be the newest; it and those between get the last price there is."""
    kernel.begin_second(average.numbers, average.seconds, second)


def add_to_average(average: Average, trade: MarketTrade) -> None:
    """Show a trade of the newest second or of one before it: it is the last one up to those that have none later."""
    kernel.show_trade(average.numbers, average.seconds, trade.time, trade.trade_id, trade.price)


def seconds_with_trades(average: Average, start: int, end: int) -> list[Second]:
    """The seconds of the window from `start` to before `end` that have trades."""
    rows = np.arange(max(start, average.start), min(end, average.second + 1)) % SECONDS
    return [
        Second(Last(time, trade_id, price), trades)
        for time, trade_id, price, trades in average.seconds[:, rows].T.tolist()
        if trades
    ]


def mark_second(average: Average, second: int) -> None:
    """Let the block of a second have to be stored."""
    kernel.mark(average.numbers, second)


def take_changed_blocks(average: Average) -> list[int]:
    """The numbers of the blocks that have changed since this was asked last, without that of the newest second."""
    changed = average.numbers.item(kernel.CHANGED)
    average.numbers[kernel.CHANGED] = 0
    first, newest = average.start // BLOCK_SECONDS, average.second // BLOCK_SECONDS
    return [number for number in range(first, newest) if changed >> number % BLOCKS & 1]


def restore_average(second: int, oldest: Last | None, blocks: Iterable[tuple[int, list[int]]]) -> Average:
    """The average with this newest second, from the seconds of its window that have trades.

    `oldest` is the last trade up to the window's first second. Each block has a time and then the numbers of its
    seconds, as `differences` gives them; a later one goes before an earlier one.
    """
    average = new_average(second)
    for time, numbers in blocks:
        kernel.put_seconds(average.seconds, average.start, second, time, np.array(numbers, np.int64))
    kernel.carry_forward(average.numbers, average.seconds, *(oldest or Last(0, 0, 0)))
    return average


def differences(time: int, seconds: Iterable[Second]) -> list[int]:
    """Four numbers a second: time, trade id and price, each as the difference to that before, and how many trades."""
    numbers, before = [], Last(time, 0, 0)
    for last, trades in seconds:
        numbers += [*(value - known for value, known in zip(last, before, strict=True)), trades]
        before = last
    return numbers
