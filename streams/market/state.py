"""What is known of the market of one instrument, what comes in and what is made of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from streams.market.alerts import Alert, Gates
from streams.market.averages import Average, new_average
from streams.market.buckets import Int64s, MarketTrade
from streams.market.candles import Candle
from streams.market.digests import Digest
from streams.market.history import History, new_history
from streams.market.quotes import Quote
from streams.market.seen import new_seen


class Trades(NamedTuple):
    """Trades of one instrument in the order of their topic: the rows of columns that may hold others, too."""

    offset: Int64s
    columns: Int64s
    """Shape (5, n): price and quantity in 1e-8, trade id, time in microseconds since the epoch, buyer is maker."""
    rows: Int64s
    cut: Mapping[int, int]
    """By row, the quantities that do not fit into 64 bits; in the column stands the largest that does."""

    def at(self, place: int) -> MarketTrade:
        """The trade in the row at this place."""
        row = self.rows.item(place)
        price, quantity, trade_id, time, buyer_is_maker = self.columns[:, row].tolist()
        quantity = self.cut.get(row, quantity)
        return MarketTrade(self.offset.item(row), price, quantity, trade_id, time, bool(buyer_is_maker))


class MarketState(msgspec.Struct):
    """The market of one instrument. Stored in parts: see `streams.market.checkpoint`."""

    instrument: str
    history: History
    average: Average
    gates: Gates
    seen: Int64s
    """The ids that have come: see `streams.market.seen`."""
    offset: int = -1
    """The offset of the last trade applied."""
    too_late: int = 0
    """How many trades were older than the 24-hour window when they came, and are part of nothing."""
    repeats: int = 0
    """How many trades came that had come before, and did not count again."""


class Made(NamedTuple):
    """What trades made."""

    candles: list[Candle]
    """Closed ones, and closed ones that have changed."""
    alerts: list[Alert]
    digests: list[Digest]
    quotes: list[Quote]
    too_late: list[int]
    """The offsets of trades that were older than the 24-hour window, or of no year from 1970 to 9999: they are part of
    nothing."""


def new_state(instrument: str) -> MarketState:
    """The market of an instrument, `exchange:SYMBOL`, of which no trade has been seen."""
    return MarketState(instrument, new_history(0), new_average(0), Gates(), new_seen())


def nothing() -> Made:
    """What no trade makes."""
    return Made([], [], [], [], [])


def begin_anew(state: MarketState) -> None:
    """Let the topic of trades be another one: offsets begin again. Trades that have come still have come."""
    state.offset = -1
    state.history.ahead.clear()


def fields_of(made: NamedTuple) -> dict[str, Any]:
    """The fields of what was made, by name."""
    return made._asdict()
