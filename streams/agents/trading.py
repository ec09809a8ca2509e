"""The trading agent: trades, fills, instruments and settings in; orders and the leaders' journal out."""

import logging
from collections.abc import Callable
from typing import TypeVar

from schemas.codec import Codec, CodecError
from schemas.records import Fill, Instrument, Order, OrderStatus, Settings, Trade
from schemas.units import plain
from streams.agents.grouping import by_instrument
from streams.delivery.batches import Batch
from streams.delivery.keeper import Work
from streams.trading import leader
from streams.trading.leader import LeaderState

log = logging.getLogger(__name__)

R = TypeVar("R", Instrument, Settings)

Step = Callable[[Work[LeaderState], Batch], None]


class TradingSteps:
    """What the trading agent does with a batch of each of its topics; `trades_topic` is the full name."""

    def __init__(
        self,
        trades: Codec[Trade],
        fills: Codec[Fill],
        instruments: Codec[Instrument],
        settings: Codec[Settings],
        trades_topic: str,
    ) -> None:
        self._trades = trades
        self._fills = fills
        self._instruments = instruments
        self._settings = settings
        self._trades_topic = trades_topic

    def on_trades(self, work: Work[LeaderState], batch: Batch) -> None:
        columns = batch.trades(self._trades)
        offsets = batch.offset_column
        for place, error in columns.errors.items():
            work.bury(place, error)
        for place in [place for place, key in enumerate(batch.keys) if key is None]:
            work.bury(place, ValueError("key: a trade without one belongs to no instrument"))
        for key, places in by_instrument(batch, columns):
            state = self._find(work, key)
            if state is not None:
                leader.apply_trades(state, offsets[places], columns.price[places], columns.trade_time[places])
        _log_refused(work)

    def on_fills(self, work: Work[LeaderState], batch: Batch) -> None:
        for place, record in enumerate(batch.records):
            try:
                fill = self._fills.decode(record.value)
                state = self._find(work, record.key)
                if state is None:
                    raise ValueError(f"client_order_id: {fill.client_order_id!r}: {fill.instrument} has no leader")
                leader.apply_fill(state, record.offset, fill)
            except (CodecError, ValueError) as error:
                work.bury(place, error)
        _log_refused(work)

    def on_instruments(self, work: Work[LeaderState], batch: Batch) -> None:
        self._on_changes(work, batch, self._instruments, leader.apply_instrument)

    def on_settings(self, work: Work[LeaderState], batch: Batch) -> None:
        self._on_changes(work, batch, self._settings, leader.apply_settings)

    def _on_changes(
        self,
        work: Work[LeaderState],
        batch: Batch,
        codec: Codec[R],
        apply: Callable[[LeaderState, int, R], None],
    ) -> None:
        """Apply what an instrument runs by; the first that is heard of one makes its leader."""
        for place, record in enumerate(batch.records):
            try:
                changed = codec.decode(record.value)
                if record.key != changed.instrument.encode():
                    raise ValueError(f"key: {record.key!r} is not {changed.instrument}")
                state = self._find(work, record.key)
                if state is None:
                    state = leader.new_state(changed.instrument, work.partition)
                    state.trades_offset = work.position(self._trades_topic)
                    work.add(record.key, state)
                apply(state, record.offset, changed)
            except (CodecError, ValueError) as error:
                work.bury(place, error)

    def _find(self, work: Work[LeaderState], key: bytes) -> LeaderState | None:
        """The leader's state, its position not behind what the partition has committed.

        A stored state is only as new as its last change; the trades since then have changed nothing.
        """
        state = work.find(key)
        if state is not None:
            state.trades_offset = max(state.trades_offset, work.position(self._trades_topic))
        return state


def _log_refused(work: Work[LeaderState]) -> None:
    """Log the orders that a filter of the exchange forbids."""
    for state in work.touched.values():
        for record in state.outbox:
            if isinstance(record, Order) and record.status is OrderStatus.REJECTED:
                price, quantity = plain(record.price), plain(record.quantity)
                log.warning(
                    "%s refused: %s: price %s, quantity %s", record.client_order_id, record.reason, price, quantity
                )
