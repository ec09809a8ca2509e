"""What the dashboard knows: a fold of the topics, and which subject changed when. Times are microseconds, UTC.

Every change raises one counter and notes it under the subjects that it touched. A panel names the subjects it shows, so
whether it has to be drawn again is a comparison of two numbers.
"""

from collections import deque
from typing import Any, NamedTuple

import msgspec

from schemas.market_records import Alert
from schemas.records import Fill, Instrument, Order, OrderStatus, Settings, Side
from schemas.symbols import split_instrument
from schemas.watches import ANY, Snooze, Watch
from streams.market.state import MarketState
from streams.trading.leader import LeaderState
from streams.web.model import profits
from streams.web.model.profits import Cycle, Profits

TAPE = 24
"""So many of an instrument's last trades are kept."""
ORDERS_KEPT = 300
"""So many ended orders of an instrument are kept."""
EVENTS_KEPT = 300
OPEN = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)

SETUPS, EVENTS, PIPELINE, TRADED, PARTS, MARKETS = "setups", "events", "pipeline", "traded", "parts", "markets"
JOB = "job"
"""Subjects that are not of one instrument; `MARKETS` is touched when there is one more market."""


class Tick(NamedTuple):
    """One trade as the tape shows it."""

    trade_id: int
    time: int
    price: int
    quantity: int
    buyer_is_maker: bool


class Market(msgspec.Struct):
    """The market of one instrument, and its last trades, the newest last."""

    state: MarketState
    tape: deque[Tick] = msgspec.field(default_factory=lambda: deque(maxlen=TAPE))
    amended: int = 0
    """How often a closed candle changed."""


class Event(NamedTuple):
    """One line of the list of alerts."""

    time: int
    event_id: str
    instrument: str
    what: Alert | Cycle | Order


class Deals(msgspec.Struct):
    """The orders of one instrument, and what they made."""

    orders: dict[str, Order] = {}
    """By client order id, in the order in which they were heard of."""
    profits: Profits = msgspec.field(default_factory=Profits)
    fills: deque[Fill] = msgspec.field(default_factory=lambda: deque(maxlen=60))
    epoch: int = 0
    """The highest that a record has had: those of a lower one are void."""

    @property
    def open_orders(self) -> list[Order]:
        """The orders that can still be filled."""
        return [order for order in self.orders.values() if order.status in OPEN]


class Board(msgspec.Struct):
    """Everything that is known."""

    instruments: dict[str, Instrument] = {}
    settings: dict[str, Settings] = {}
    watches: dict[str, Watch] = {}
    snoozes: dict[str, int] = {}
    """By instrument, "" for all of them, until when nobody is told."""
    markets: dict[str, Market] = {}
    leaders: dict[str, LeaderState] = {}
    deals: dict[str, Deals] = {}
    events: dict[str, Event] = {}
    facts: dict[str, Any] = {}
    """What is known of the parts of the pipeline, by part: see `streams.web.model.pipeline`."""
    counter: int = 0
    touched: dict[str, int] = {}

    def touch(self, *subjects: str) -> None:
        """Note that something changed about these subjects."""
        self.counter += 1
        for subject in subjects:
            self.touched[subject] = self.counter

    def revision(self, subjects: tuple[str, ...]) -> int:
        """Return when one of these subjects changed last; 0 for never."""
        return max((self.touched.get(subject, 0) for subject in subjects), default=0)

    def names(self) -> set[str]:
        """Return the keys of all instruments of which anything is known."""
        return self.instruments.keys() | self.markets.keys()


def market_subject(instrument: str) -> str:
    """Return the subject of an instrument's trades."""
    return f"market {instrument}"


def deals_subject(instrument: str) -> str:
    """Return the subject of an instrument's orders, fills and traders."""
    return f"deals {instrument}"


def take_instrument(board: Board, instrument: Instrument) -> None:
    """Take what an exchange says of an instrument."""
    board.instruments[instrument.instrument] = instrument
    board.touch(SETUPS, deals_subject(instrument.instrument))


def take_settings(board: Board, settings: Settings) -> None:
    """Take what a user decided."""
    key = settings.instrument
    board.settings[key] = settings.upon(board.settings.get(key))
    board.touch(SETUPS, TRADED, deals_subject(key))


def take_watch(board: Board, watch: Watch) -> None:
    """Take what a user wants to be told."""
    key = watch.instrument
    board.watches[key] = watch.upon(board.watches.get(key))
    board.touch(SETUPS, deals_subject(key))


def take_snooze(board: Board, snooze: Snooze) -> None:
    """Take until when nobody is to be told."""
    board.snoozes["" if snooze.symbol == ANY else snooze.instrument] = snooze.until
    board.touch(EVENTS)


def take_leader(board: Board, instrument: str, state: LeaderState | None) -> None:
    """Take the newest state of a leader, `None` for one that is gone."""
    if state is None:
        board.leaders.pop(instrument, None)
    else:
        board.leaders[instrument] = state
    board.touch(TRADED, deals_subject(instrument))


def take_order(board: Board, order: Order) -> None:
    """Take one snapshot of an order; one that is not newer than what is known changes nothing."""
    key = order.instrument
    deals = board.deals.setdefault(key, Deals())
    if order.epoch < deals.epoch:
        return
    deals.epoch = order.epoch
    known = deals.orders.get(order.client_order_id)
    if known is not None and (order.epoch, order.version) <= (known.epoch, known.version):
        return
    deals.orders[order.client_order_id] = order
    _forget_oldest(deals)
    if order.status is OrderStatus.REJECTED or (order.status is OrderStatus.EXPIRED and not order.cancel_requested):
        _add_event(board, Event(order.updated_time, f"order {order.client_order_id}", key, order))
    board.touch(TRADED, deals_subject(key))


def take_fill(board: Board, fill: Fill) -> None:
    """Take one execution report; one that says nothing new changes nothing."""
    key = fill.instrument
    deals = board.deals.setdefault(key, Deals())
    if fill.epoch < deals.epoch:
        return
    cycle = profits.take_fill(deals.profits, fill)
    if all(fill.fill_id != known.fill_id for known in deals.fills):
        deals.fills.append(fill)
    if cycle is not None:
        add_cycle(board, key, cycle)
    board.touch(TRADED, deals_subject(key))


def add_cycle(board: Board, instrument: str, cycle: Cycle) -> None:
    """Add a finished cycle to the list of alerts."""
    _add_event(board, Event(cycle.time, f"cycle {instrument} {cycle.trader} {cycle.time}", instrument, cycle))


def take_alert(board: Board, alert: Alert) -> None:
    """Take one alert; one with an id that is known is a repeat."""
    _add_event(board, Event(alert.event_time, alert.alert_id, alert.instrument, alert))


def pair_of(board: Board, instrument: str) -> tuple[str, str, str]:
    """Return the exchange, the base and the quote asset of an instrument; the symbol and nothing where unknown."""
    known = board.instruments.get(instrument)
    exchange, symbol = split_instrument(instrument)
    return (exchange, symbol, "") if known is None else (exchange, known.base_asset, known.quote_asset)


def cancelled(order: Order) -> bool:
    """Return whether an order ended because somebody asked for it."""
    return order.status is OrderStatus.CANCELED and order.cancel_requested


def side_word(side: Side) -> str:
    """Return the name of a side as style sheets and words have it."""
    return "buy" if side is Side.BUY else "sell"


def _add_event(board: Board, event: Event) -> None:
    board.events[event.event_id] = event
    if len(board.events) > EVENTS_KEPT:
        oldest = min(board.events.values(), key=lambda known: known.time)
        del board.events[oldest.event_id]
    board.touch(EVENTS)


def _forget_oldest(deals: Deals) -> None:
    if len(deals.orders) <= ORDERS_KEPT:
        return
    for known, order in deals.orders.items():
        if order.status not in OPEN:
            del deals.orders[known]
            return
