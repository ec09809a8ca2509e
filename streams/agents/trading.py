"""The trading agent: trades, fills, instruments and settings in; orders and the leaders' journal out."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from schemas import topics
from schemas.codec import Codec
from schemas.errors import Refused
from schemas.order_ids import incarnation_of
from schemas.records import Fill, Instrument, Order, OrderStatus, Settings, Trade
from schemas.topics import Topic
from schemas.units import plain
from schemas.upgrade import instrument_in
from streams.agents.agent import Agent, Environment
from streams.agents.checkpoints import Pace, keep_trades, keep_versions, with_checkpoint
from streams.agents.trades import events, trades_of
from streams.agents.upgrade import from_first_layout
from streams.delivery.batches import Batch
from streams.delivery.checkpoint import WriteThrough
from streams.delivery.keeper import Step
from streams.delivery.partition import Context
from streams.trading import leader
from streams.trading.leader import LeaderState
from streams.trading.ruleset import TODAY
from streams.trading.strategy import HEAD, Leader

log = logging.getLogger(__name__)

R = TypeVar("R", Instrument, Settings)


class TradingSteps:
    """What the trading agent does with a batch of each of its topics."""

    def __init__(
        self,
        trades: Codec[Trade],
        fills: Codec[Fill],
        instruments: Codec[Instrument],
        settings: Codec[Settings],
        pace: Pace,
        incarnation: str = "",
    ) -> None:
        self._trades = trades
        self._fills = fills
        self._instruments = instruments
        self._settings = settings
        self._incarnation = incarnation
        self._pace = pace

    def on_trades(self, context: Context[LeaderState], batch: Batch) -> None:
        trades = batch.once(trades_of, self._trades)
        for row, error in sorted(trades.columns.errors.items()):
            if batch.offsets[row] > context.applied(batch.keys[row], context.topic):
                context.dead_letter(row, error)
        for state, rows in events(context, trades, leader.quiet):
            columns = trades.columns
            self._bring_up(state)
            tape = trades.offsets, columns.price, columns.trade_time, columns.trade_id
            leader.apply_trades(state, *(column[rows] for column in tape))
        _log_refused(context)
        keep_versions(context, self._pace)
        keep_trades(context, batch, self._pace)

    def on_fills(self, context: Context[LeaderState], batch: Batch) -> None:
        context.each(lambda record: self._on_fill(context, record))
        _log_refused(context)
        keep_versions(context, self._pace)

    def on_instruments(self, context: Context[LeaderState], batch: Batch) -> None:
        context.each(lambda record: self._on_change(context, record, self._instruments, leader.apply_instrument))

    def on_settings(self, context: Context[LeaderState], batch: Batch) -> None:
        context.each(lambda record: self._on_change(context, record, self._settings, leader.apply_settings))

    def _on_fill(self, context: Context[LeaderState], record: Any) -> None:
        fill = self._fills.decode(record.value)
        state = _find(context, record.key)
        if state is None:
            raise Refused(f"client_order_id: {fill.client_order_id!r}: {fill.instrument} has no leader")
        if record.key != fill.instrument.encode():
            raise Refused(f"key: {record.key!r} is not {fill.instrument}")
        if leader.is_superseded(state, fill):
            context.superseded += 1
        else:
            self._bring_up(state)
            leader.apply_fill(state, record.offset, fill)

    def _on_change(
        self,
        context: Context[LeaderState],
        record: Any,
        codec: Codec[R],
        apply: Callable[[LeaderState, int, R], None],
    ) -> None:
        """Apply what an instrument runs by; the first that is heard of one makes its leader."""
        changed = codec.decode(record.value)
        if record.key != changed.instrument.encode():
            raise Refused(f"key: {record.key!r} is not {changed.instrument}")
        found = _find(context, record.key)
        state = found or leader.new_state(changed.instrument, context.partition)
        if found is None:
            state.trades_offset = context.applied(record.key, topics.TRADES.name)
        self._bring_up(state)
        apply(state, record.offset, changed)
        if found is None:
            context.add(record.key, state)

    def _bring_up(self, state: LeaderState) -> None:
        """Give a leader of before the rules of today; one that has no incarnation, as a new one, an incarnation."""
        if state.ruleset != TODAY:
            leader.take_rules(state)
        if self._incarnation and not state.incarnation:
            leader.take_incarnation(state, self._incarnation)


def _find(context: Context[LeaderState], key: bytes) -> LeaderState | None:
    """Return the leader's state, told how far the trades have been looked through: what it makes now says so."""
    state = context.find(key)
    if state is not None:
        state.trades_offset = context.applied(key, topics.TRADES.name)
    return state


def _log_refused(context: Context[LeaderState]) -> None:
    """Log the orders that a filter of the exchange forbids."""
    for state in context.touched:
        for record in state.outbox:
            if isinstance(record, Order) and record.status is OrderStatus.REJECTED:
                price, quantity = plain(record.price), plain(record.quantity)
                log.warning("%s refused: %s: price %s, quantity %s", record.name, record.reason, price, quantity)


def _make_steps(environment: Environment) -> Mapping[Topic, Step[LeaderState]]:
    codecs = environment.codecs
    incarnation = _incarnation(environment)
    steps = TradingSteps(
        codecs[Trade], codecs[Fill], codecs[Instrument], codecs[Settings], environment.pace, incarnation
    )
    return {
        topics.TRADES: steps.on_trades,
        topics.FILLS: steps.on_fills,
        topics.INSTRUMENTS: steps.on_instruments,
        topics.SETTINGS: steps.on_settings,
    }


def _incarnation(environment: Environment) -> str:
    """Return what the ids of new orders begin with: another one wherever leaders count from 1 again."""
    names = [topic.full_name(environment.config) for topic in (topics.ORDERS, topics.LEADERS)]
    known = [environment.topic_ids[name] for name in names if name in environment.topic_ids]
    return incarnation_of(*known) if known else ""


def _upgrade(layout: int, value: dict[str, Any]) -> dict[str, Any]:
    """Return a stored leader in the layout of today.

    Layout 1 had what the exchange says in the settings, layout 2 nothing of the newest trades,
    layout 3 no incarnation and no ids of topics, layout 4 nothing of what its traders have bought,
    layout 5 nothing of limits.
    """
    columns = value["state"]["leader"]
    columns[0] += [0] * (HEAD - len(columns[0]))
    columns += [[0] * len(columns[1]) for _ in range(len(Leader._fields) - len(columns))]
    if layout > 1:
        return value
    instrument = instrument_in(value["state"]["settings"] or {})
    if instrument is not None:
        value["state"]["instrument"] = msgspec.to_builtins(instrument)
    offsets = {"trades": "trades_offset", "fills": "fills_offset", "settings": "settings_offset"}
    return from_first_layout(value, offsets)


TRADING = Agent(
    name="trading",
    table=topics.LEADERS_TABLE,
    state=LeaderState,
    inputs=(topics.TRADES, topics.FILLS, topics.INSTRUMENTS, topics.SETTINGS),
    make_steps=_make_steps,
    storing=WriteThrough(),
    layout=6,
    upgrade=_upgrade,
    outputs=(topics.ORDERS, topics.APPLIED, topics.CHECKPOINTS),
    begin_anew=with_checkpoint(leader.begin_anew),
)
