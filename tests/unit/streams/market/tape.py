"""Trades of one instrument, written as lines, and what they make."""

import numpy as np

from streams.market.buckets import MarketTrade
from streams.market.rules import WatchRules
from streams.market.state import Made, MarketState, Trades, new_state, nothing
from streams.market.step import apply_trades
from tests.samples import units

INSTRUMENT = "test:BTC-USD"
SECOND, MINUTE, DAY = 1_000_000, 60_000_000, 86_400_000_000
START = 20_000 * DAY
DEFAULTS = WatchRules()
LARGEST = 2**63 - 1


def time_of(text: str) -> int:
    """The microseconds of `[DAYS+]HH:MM[:SS]`, from the first day of the tape on."""
    days, _, clock = text.rpartition("+")
    hours, minutes, seconds = [*clock.split(":"), "0"][:3]
    return START + int(days or 0) * DAY + int(hours) * 60 * MINUTE + int(minutes) * MINUTE + units(seconds) // 100


def clock(time: int) -> str:
    """The time of a whole minute as it is written in a tape."""
    days, minutes = divmod((time - START) // MINUTE, 1_440)
    return (f"{days}+" if days else "") + f"{minutes // 60:02d}:{minutes % 60:02d}"


def tape(text: str) -> list[MarketTrade]:
    """The trades of lines `TIME PRICE [xQUANTITY] [#ID] [sold]`: one, bought by the taker, the next id, unless said."""
    return [_trade(i, *line.split()) for i, line in enumerate(filter(None, map(str.strip, text.splitlines())))]


def _trade(offset: int, time: str, price: str, *words: str) -> MarketTrade:
    told = {word[0]: word[1:] for word in words}
    quantity, trade_id = told.get("x", "1"), int(told.get("#", offset + 1))
    return MarketTrade(offset, units(price), units(quantity), trade_id, time_of(time), "sold" in words)


def columns(trades: list[MarketTrade]) -> Trades:
    """The trades as columns, each price between others of nobody."""
    table = np.full((5, 2 * len(trades)), 7, np.int64)
    rows = np.arange(len(trades), dtype=np.int64) * 2 + 1
    offset = np.zeros(2 * len(trades), np.int64)
    offset[rows] = [trade.offset for trade in trades]
    cut = {row: trade.quantity for row, trade in zip(rows.tolist(), trades, strict=True) if trade.quantity > LARGEST}
    for row, trade in zip(rows.tolist(), trades, strict=True):
        table[:, row] = trade.price, min(trade.quantity, LARGEST), trade.trade_id, trade.time, trade.buyer_is_maker
    return Trades(offset, table, rows, cut)


def play(text: str, rules: WatchRules = DEFAULTS) -> tuple[MarketState, Made]:
    """The market after these trades, each in a batch of its own, and what they made."""
    state, made = new_state(INSTRUMENT), nothing()
    for trade in tape(text):
        for column, more in zip(made, apply_trades(state, columns([trade]), rules), strict=True):
            column.extend(more)
    return state, made
