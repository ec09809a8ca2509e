"""The trading job for frameworks that hand over one record at a time: the same decoder, core and codecs.

Every instrument's state is kept decoded in memory, as the worker keeps it, and stored when it has changed; a trade
that no trader waits for costs two comparisons. So what is compared is delivery, not how the core is called.
"""

from collections.abc import Callable

import msgspec
import numpy as np

from infra.config import Config
from producers import settings_topic
from schemas.records import Order, Setup, Trade
from schemas.registry import make_codec
from streams.trading import leader, strategy
from streams.trading.leader import LeaderState

INCARNATION = "others"
"""What ids of orders begin with; the worker's follows from the topics."""


class TradingJob:
    """The leaders of one process. `partition` is that of the instrument's records."""

    def __init__(self, config: Config) -> None:
        self._trades = make_codec(config, Trade)
        self._orders = make_codec(config, Order)
        self._setups: dict[bytes, Setup] = {
            key.encode(): setup for key, setup in settings_topic.read_setups(config).items()
        }
        self._states: dict[bytes, LeaderState] = {}

    def apply(
        self, key: bytes, partition: int, offset: int, value: bytes, load: Callable[[], bytes | None]
    ) -> tuple[bytes, list[bytes]] | None:
        """Apply one trade; the state to store and the orders to send when it changed something."""
        trade = self._trades.decode(value)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = self._first(key, partition, load())
        _apply_trade(state, offset, trade)
        if not state.changed:
            return None
        orders = [self._orders.encode(record) for record in state.outbox if isinstance(record, Order)]
        state.outbox, state.changed = [], False
        return msgspec.json.encode(state), orders

    def _first(self, key: bytes, partition: int, stored: bytes | None) -> LeaderState:
        if stored is not None:
            return msgspec.json.decode(stored, type=LeaderState)
        state = leader.new_state(key.decode(), partition)
        leader.take_incarnation(state, INCARNATION)  # a version, as the worker's
        instrument, settings = self._setups[key]
        leader.apply_instrument(state, 0, instrument)
        leader.apply_settings(state, 0, settings)
        return state


def _apply_trade(state: LeaderState, offset: int, trade: Trade) -> None:
    if offset <= state.trades_offset:
        return
    low, high = strategy.idle_range(state.leader)
    if low <= trade.price <= high:
        state.trades_offset = offset
        return
    columns = (offset, trade.price, trade.trade_time, trade.trade_id)
    leader.apply_trades(state, *(np.array([value]) for value in columns))
