"""The markets: the market agent's stored states, then the trades that follow them, through the same pure step.

The group's committed offsets are asked first, then the changelog is read: what was committed by then is in the states.
So the trades are read from the committed offsets on, and a state skips those that it has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from schemas.codec import Codec
from schemas.columns import decode_trades
from schemas.records import Trade
from streams.agents.market import MARKET
from streams.agents.trades import coded
from streams.delivery.changelog import keep_newest
from streams.delivery.incarnations import Incarnations
from streams.delivery.states import UnreadableState
from streams.market.rules import WatchRules
from streams.market.state import Trades, new_state
from streams.market.step import apply_trades
from streams.web.model.board import MARKETS, TAPE, Board, Market, Tick, market_subject


class States:
    """The newest stored states of the markets, while the changelog is read."""

    def __init__(self) -> None:
        self._kept: dict[bytes, bytes] = {}

    def take(self, records: Sequence[Any]) -> None:
        """Take records of the changelog, in its order."""
        keep_newest(self._kept, ((record.key, record.value) for record in records if record.key is not None))

    def markets(self, board: Board, ids: Mapping[str, str], names: Mapping[str, str]) -> list[str]:
        """Put the markets on the board; return, in words, what cannot be read.

        `ids` are those of the topics of today by full name, `names` the names without prefix.
        """
        codec, unread = MARKET.state_codec(), []
        incarnations = Incarnations("dashboard", names, ids, MARKET.begin_anew)
        for key, value in self._kept.items():
            if codec.is_part(key):
                continue
            try:
                stored = codec.decode(key, value, self._kept.get)
            except (UnreadableState, msgspec.DecodeError) as error:
                unread.append(f"the market of {key.decode(errors='replace')} cannot be read: {error}")
                continue
            incarnations.renew(stored)
            market = stored.state.market
            board.markets[key.decode()] = Market(market)
            if market.history.open is None:
                del board.markets[key.decode()]
                continue
            board.touch(market_subject(key.decode()), MARKETS)
        self._kept.clear()
        return unread


def fold(board: Board, records: Sequence[Any], codec: Codec[Trade]) -> None:
    """Apply records of the trades, in the order of each partition; what is no trade is left to the trading agent."""
    keys, codes = coded([record.key for record in records])
    columns = decode_trades([record.value for record in records], keys, codes, codec)
    if columns.errors:
        codes = codes.copy()
        codes[list(columns.errors)] = 0
    offsets = np.fromiter((record.offset for record in records), np.int64, len(records))
    touched = []
    for number, key in enumerate(keys, 1):
        rows = np.flatnonzero(codes == number)
        if len(rows):
            instrument = key.decode()
            if instrument not in board.markets:
                board.markets[instrument] = Market(new_state(instrument))
                touched.append(MARKETS)
            _apply(board.markets[instrument], Trades(offsets, columns.table, rows, columns.cut))
            touched.append(market_subject(instrument))
    board.touch(*touched)


def _apply(market: Market, trades: Trades) -> None:
    fresh = trades.rows[trades.offset[trades.rows] > market.state.offset]
    # alerts are those of the topic: the rules decide nothing that is kept here
    made = apply_trades(market.state, trades, WatchRules())
    market.amended += sum(candle.revision > 0 for candle in made.candles)
    for row in fresh[-TAPE:].tolist():
        price, quantity, trade_id, time, buyer_is_maker = trades.columns[:, row].tolist()
        market.tape.append(Tick(trade_id, time, price, trades.cut.get(row, quantity), bool(buyer_is_maker)))
