"""Quotes: the last price of each second, to be compared with those of other exchanges.

A quote is made when a trade of a later second comes, of the trades that have come by then: one that is late changes
none. So there is one a second at most, whatever batches trades come in.
"""

from typing import NamedTuple

from streams.market.averages import Average, seconds_with_trades
from streams.market.kernel import SECOND_US
from streams.market.rules import WatchRules


class Quote(NamedTuple):
    """The last price of a second that is over, in 1e-8, and by which rules it is compared."""

    instrument: str
    pair: str
    price: int
    trade_time: int
    """Of the trade that had the price, in microseconds since the epoch, UTC."""
    apart: int
    """How far from another price is an alert, as a fraction of that in units of 1e-8; 0: nobody asks."""
    cooldown: int
    """In seconds."""
    settings_offset: int


def quotes_of(instrument: str, average: Average, start: int, end: int, rules: WatchRules) -> list[Quote]:
    """The quotes of those seconds from `start` to before `end` that have trades."""
    how = rules.apart, rules.cooldown // SECOND_US, rules.settings_offset
    return [
        Quote(instrument, rules.pair, second.last.price, second.last.time, *how)
        for second in seconds_with_trades(average, start, end)
    ]
