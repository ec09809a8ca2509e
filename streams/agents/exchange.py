"""The mock exchange agent: orders, market trades and what stops trading in, execution reports out."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from schemas import topics
from schemas.codec import Codec
from schemas.errors import Refused
from schemas.records import Instrument, Order, Settings, Trade
from schemas.topics import Topic
from schemas.units import to_units
from streams.agents.agent import Agent, Environment
from streams.agents.checkpoints import Pace, begin, keep_trades, keep_versions, with_checkpoint
from streams.agents.trades import events, trades_of
from streams.agents.upgrade import from_first_layout
from streams.delivery.batches import Batch
from streams.delivery.checkpoint import WriteThrough
from streams.delivery.keeper import Step
from streams.delivery.partition import Context
from streams.trading import book
from streams.trading.book import BookState, Terms

R = TypeVar("R", Instrument, Settings)


class ExchangeSteps:
    """What the mock exchange does with a batch of each of its topics.

    Records that are no trade, no instrument or no settings are left to the trading agent, which reads these topics too
    and makes dead letters of them.
    """

    def __init__(
        self,
        trades: Codec[Trade],
        orders: Codec[Order],
        instruments: Codec[Instrument],
        settings: Codec[Settings],
        terms: Terms,
        pace: Pace,
    ) -> None:
        self._trades = trades
        self._orders = orders
        self._instruments = instruments
        self._settings = settings
        self._terms = terms
        self._pace = pace

    def on_trades(self, context: Context[BookState], batch: Batch) -> None:
        trades = batch.once(trades_of, self._trades)
        columns = trades.columns
        for state, rows in events(context, trades, book.quiet):
            tape = book.Tape(
                trades.offsets[rows],
                columns.price[rows],
                columns.quantity[rows],
                columns.trade_id[rows],
                columns.trade_time[rows],
            )
            if len(tape.offsets):
                begin(state, context.partition, int(tape.offsets[0]) - 1)
                book.apply_trades(state, self._terms, tape)
        keep_versions(context, self._pace)
        keep_trades(context, batch, self._pace)

    def on_orders(self, context: Context[BookState], batch: Batch) -> None:
        context.each(lambda record: self._on_order(context, record))
        keep_versions(context, self._pace)

    def on_instruments(self, context: Context[BookState], batch: Batch) -> None:
        context.each(lambda record: self._on_change(context, record, self._instruments, book.apply_instrument))

    def on_settings(self, context: Context[BookState], batch: Batch) -> None:
        context.each(lambda record: self._on_change(context, record, self._settings, book.apply_settings))
        keep_versions(context, self._pace)

    @staticmethod
    def _on_change(
        context: Context[BookState], record: Any, codec: Codec[R], apply: Callable[[BookState, int, R], None]
    ) -> None:
        try:
            changed = codec.decode(record.value)
            if record.key == changed.instrument.encode():
                apply(_find(context, record.key, changed.instrument), record.offset, changed)
        except Refused:
            return

    def _on_order(self, context: Context[BookState], record: Any) -> None:
        order = self._orders.decode(record.value)
        if record.key != order.instrument.encode():
            raise Refused(f"key: {record.key!r} is not {order.instrument}")
        state = _find(context, record.key, order.instrument)
        if book.is_superseded(state, order):
            context.superseded += 1
        else:
            book.apply_order(state, record.offset, order)


def _find(context: Context[BookState], key: bytes, instrument: str) -> BookState:
    """Return the instrument's book, told how far the trades have been looked through: its journal says so."""
    state = context.find(key) or context.add(key, book.new_book(instrument))
    begin(state, context.partition, context.applied(key, topics.TRADES.name))
    return state


def _make_steps(environment: Environment) -> Mapping[Topic, Step[BookState]]:
    config, codecs = environment.config, environment.codecs
    terms = Terms(fee=to_units(config.mock_fee, "mock_fee"), partial_fills=config.mock_partial_fills)
    steps = ExchangeSteps(codecs[Trade], codecs[Order], codecs[Instrument], codecs[Settings], terms, environment.pace)
    return {
        topics.TRADES: steps.on_trades,
        topics.ORDERS: steps.on_orders,
        topics.INSTRUMENTS: steps.on_instruments,
        topics.SETTINGS: steps.on_settings,
    }


def _upgrade(layout: int, value: dict[str, Any]) -> dict[str, Any]:
    """Return a stored book in the layout of today; layout 2 had nothing of the newest trade, 3 no ids of topics."""
    return value if layout > 1 else from_first_layout(value, {"trades": "trades_offset", "orders": "orders_offset"})


EXCHANGE = Agent(
    name="exchange",
    table=topics.BOOKS_TABLE,
    state=BookState,
    inputs=(topics.TRADES, topics.ORDERS, topics.INSTRUMENTS, topics.SETTINGS),
    make_steps=_make_steps,
    storing=WriteThrough(),
    layout=4,
    upgrade=_upgrade,
    outputs=(topics.FILLS, topics.APPLIED, topics.CHECKPOINTS),
    begin_anew=with_checkpoint(book.begin_anew),
)
