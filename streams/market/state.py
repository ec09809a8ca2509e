"""What is known of the market of one instrument, what comes in and what is made of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy.typing as npt

from streams.market.alerts import Alert, Gates
from streams.market.averages import Average, new_average
from streams.market.candles import Candle
from streams.market.digests import Digest
from streams.market.history import History, new_history

Column = Sequence[int] | npt.NDArray[Any]


class TradeColumns(NamedTuple):
    """Trades of one instrument in the order of their topic, in columns of equal length, sequences or arrays.

    Prices and quantities in 1e-8, times in microseconds since the epoch. Quantities beyond 64 bits need a sequence.
    """

    offset: Column
    price: Column
    quantity: Column
    trade_id: Column
    trade_time: Column
    buyer_is_maker: Column


class MarketState(msgspec.Struct):
    """The market of one instrument. Stored in parts: see `streams.market.checkpoint`."""

    instrument: str
    history: History
    average: Average
    gates: Gates
    offset: int = -1
    """The offset of the last trade applied."""
    too_late: int = 0
    """How many trades were older than the 24-hour window when they came, and are part of nothing."""


class Made(NamedTuple):
    """What trades made."""

    candles: list[Candle]
    """Closed ones, and closed ones that have changed."""
    alerts: list[Alert]
    digests: list[Digest]
    too_late: list[int]
    """The offsets of trades that were older than the 24-hour window: they are part of nothing."""


def new_state(instrument: str) -> MarketState:
    """The market of an instrument, `exchange:SYMBOL`, of which no trade has been seen."""
    return MarketState(instrument, new_history(0), new_average(0), Gates())
