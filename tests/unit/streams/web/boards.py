"""Boards to test with: instruments, trades and what a bot did, without a broker."""

import numpy as np

from streams.market.buckets import Int64s
from streams.market.rules import WatchRules
from streams.market.state import Trades, new_state
from streams.market.step import apply_trades
from streams.web.model import board as fold
from streams.web.model.board import MARKETS, Board, Market, Tick, market_subject
from tests import samples
from tests.samples import units

SECOND, MINUTE = 1_000_000, 60_000_000
START = 20_000 * 86_400 * SECOND + 10 * 3_600 * SECOND


def traded(board: Board, instrument: str, *prices: str, start: int = START, apart: int = SECOND) -> None:
    """Trades at these prices, the first at `start`, so far apart."""
    market = board.markets.setdefault(instrument, Market(new_state(instrument)))
    first = market.state.offset + 1
    rows: list[list[int]] = [
        [units(price), units("2"), first + i, start + i * apart, i % 2] for i, price in enumerate(prices)
    ]
    table: Int64s = np.array(rows, np.int64).T.copy()
    offsets = np.arange(first, first + len(prices))
    made = apply_trades(market.state, Trades(offsets, table, np.arange(len(prices)), {}), WatchRules())
    market.amended += sum(candle.revision > 0 for candle in made.candles)
    for price, quantity, trade_id, time, maker in rows:
        market.tape.append(Tick(trade_id, time, price, quantity, bool(maker)))
    board.touch(market_subject(instrument), MARKETS)


def known(board: Board, instrument: str, base: str, quote: str, tick: str = "0.01", **chosen: object) -> None:
    """An instrument that the exchange told of, and settings of it."""
    names = {"base_asset": base, "quote_asset": quote, "tick_size": tick}
    fold.take_instrument(board, samples.instrument(instrument, **names))
    fold.take_settings(board, samples.settings(instrument, **chosen))
