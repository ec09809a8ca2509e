"""The live leader of one instrument: the strategy's decisions as orders with ids, versions and positions.

Whoever tells a leader of its inputs tells it of each once, in offset order per topic; what they make is appended to
`outbox`. Nothing here reads a clock or does I/O, so the same inputs in the same interleaving always make the same
records.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from schemas.errors import Refused
from schemas.journal_records import Applied
from schemas.order_ids import client_order_id, read_id
from schemas.records import Fill, Instrument, Order, OrderStatus, Record, Settings, Side, TradingStatus
from schemas.symbols import split_instrument
from schemas.units import AMOUNT_MAX, PRICE_MAX
from streams.trading import account, ruleset, strategy
from streams.trading.account import Account
from streams.trading.crossing import Int64s, first_crossing
from streams.trading.filters import FILTERS
from streams.trading.life_cycle import NEXT_STATUS, Report, assert_same, report_of
from streams.trading.matching import BUYING
from streams.trading.repeats import NONE_YET, Stamp, is_repeat, newest_of
from streams.trading.rules import Rules, rules_of
from streams.trading.strategy import COUNT, MODE, NEXT, REFUSED, Leader

MODES = (TradingStatus.OFF, TradingStatus.ON, TradingStatus.SHUTDOWN)
"""The leader's modes by number, in the words of the settings."""
GOOD_TILL_CANCELED = "GTC"
INPUTS = ("trades", "fills", "settings", "instruments")


class LeaderState(msgspec.Struct, kw_only=True):
    """Everything a leader knows. Stored whole, before anything in `outbox` is sent."""

    exchange: str
    symbol: str
    instrument: Instrument | None = None
    settings: Settings | None = None
    leader: Leader
    orders: dict[int, Order] = {}
    """The last snapshot of the open order of each running trader, by its number."""
    closing: dict[str, Order] = {}
    """Orders of traders that no longer run, until the exchange says how they ended; by client order id."""
    version: int = 0
    time: int = 0
    """Event time of the newest input."""
    newest: Stamp = NONE_YET
    """The newest market trade that was an event."""
    filled: Stamp = NONE_YET
    """The newest market trade that filled one of its orders."""
    partition: int
    """The partition of its key: the same one in every topic."""
    incarnation: str = ""
    """What the ids of its new orders begin with; see `schemas.order_ids`."""
    trades_offset: int = -1
    """How far the trades have been looked through, which may be further than the last one that changed anything; the
    offsets below are those of the last input taken of each topic. Every order says them."""
    fills_offset: int = -1
    fills_epoch: int = 0
    """The epoch of the newest fill taken."""
    settings_offset: int = -1
    instruments_offset: int = -1
    changed: bool = False
    """Whether more than an offset has changed since the last store."""
    ruleset: int = ruleset.OLDEST
    """By which rules it decides, see `streams.trading.ruleset`."""
    sells: dict[int, int] = {}
    """How many SELLs each running trader has placed: one that was refused is followed by another."""
    account: Account = msgspec.field(default_factory=Account)
    """What its fills come to."""
    outbox: list[Record] = []
    """What the inputs since the last store made; the shell takes it, stores it encoded, and sends it."""

    @property
    def status(self) -> TradingStatus:
        """Return what the leader does, in the words of the settings."""
        return MODES[self.leader.head[MODE]]


def new_state(instrument: str, partition: int, rules: int = ruleset.TODAY) -> LeaderState:
    """Return a leader of `exchange:SYMBOL` that is off and has seen nothing; raise `Refused` for anything else."""
    exchange, symbol = split_instrument(instrument)
    columns = strategy.new_leader(0)
    return LeaderState(exchange=exchange, symbol=symbol, partition=partition, leader=columns, ruleset=rules)


def take_rules(state: LeaderState) -> None:
    """Go by the rules of today from here on."""
    state.ruleset = ruleset.TODAY
    if state.instrument is not None and state.settings is not None:
        ruleset.note_bought(state.leader, _rules(state))
    executed = {number: order.executed_quantity for number, order in state.orders.items()}
    state.account = ruleset.account_of(state.leader, executed, state.time)
    _journal(state, "orders", -1, ruleset=ruleset.TODAY)


def take_incarnation(state: LeaderState, incarnation: str) -> None:
    """Name the orders that are placed from now on under an incarnation; those that are open keep their ids."""
    state.incarnation = incarnation
    _journal(state, "orders", -1, incarnation=incarnation)


def begin_anew(state: LeaderState, topic: str, topic_id: str) -> None:
    """Forget how far an input was taken, since it is another topic now; what was taken of it before stays taken.

    That what was sent is gone with an output is but noted.
    """
    if topic == "fills":
        state.fills_epoch = 0
    if topic in INPUTS:
        setattr(state, f"{topic}_offset", -1)
    _journal(state, topic, -1, topic_id=topic_id)


def apply_trades(state: LeaderState, offsets: Int64s, prices: Int64s, times: Int64s, ids: Int64s) -> None:
    """Apply market trades in their order: columns of equal length, prices in 1e-8, times in microseconds, UTC.

    Only a price that some trader waits for is looked at one by one, every other changes nothing but the offset. So does
    a trade that comes twice or late.
    """
    at = 0
    while (at := first_crossing(prices, at, *quiet(state))) < len(prices):
        price, trade = int(prices[at]), Stamp(int(ids[at]), int(times[at]))
        if _is_event(state, price, trade):
            state.trades_offset = int(offsets[at])
            state.time = trade.time
            state.newest = newest_of(state.newest, trade)
            state.changed = True
            _apply_trade(state, price)
        at += 1
    if len(offsets):
        state.trades_offset = int(offsets[-1])


def quiet(state: LeaderState) -> tuple[int, int]:
    """Return the market prices, from the first to the second in 1e-8, that change nothing but the offset."""
    return strategy.idle_range(state.leader)


def is_superseded(state: LeaderState, fill: Fill) -> bool:
    """Return whether the report is of an epoch that is over: the book that made it had lost the instrument."""
    return fill.epoch < state.fills_epoch


def apply_fill(state: LeaderState, offset: int, fill: Fill) -> None:
    """Apply an execution report. One that says nothing new is journalled and changes nothing else.

    Raises `Refused`, the state untouched, for a report that cannot be about an order of this leader.
    """
    number = _trader_of(state, fill)
    order = state.orders.get(number)
    order = state.closing.get(fill.client_order_id) if order is None else order
    if order is not None and order.client_order_id != fill.client_order_id:
        order = None
    report = report_of(fill, order.quantity if order else fill.order_quantity)
    if order is not None:
        assert_same(fill, order)
    rules = _rules(state)
    # Nothing was assigned so far; from here on nothing is refused.
    state.fills_offset = offset
    state.fills_epoch = fill.epoch
    state.time = fill.transaction_time
    if fill.trade_id is not None:
        state.filled = newest_of(state.filled, Stamp(fill.trade_id, fill.transaction_time))
    _journal(state, "fills", offset)
    status = NEXT_STATUS.get((order.status, report)) if order else None
    if order is None or status is None or _is_old(order, fill, report):
        return
    executed = max(order.executed_quantity, fill.cumulative_quantity)
    changed = _snapshot(state, order, "fills", status=status, executed_quantity=executed, reason=fill.reason)
    _file(state, number, changed)
    if executed > order.executed_quantity and state.ruleset == ruleset.TODAY:
        execute = account.bought if fill.side is Side.BUY else account.sold
        execute(state.account, number, fill.price, executed - order.executed_quantity, fill.commission)
    if report in (Report.PART, Report.REST):
        _show_fill(state, rules, number, report is Report.REST, order.price)
    elif number in state.leader.number[: state.leader.head[COUNT]]:
        strategy.halt(state.leader, number, executed if state.ruleset == ruleset.TODAY else 0)
    strategy.dismiss(state.leader)
    _leave(state)


def apply_settings(state: LeaderState, offset: int, settings: Settings) -> None:
    """Apply what a record of settings changes; raise `Refused`, the state untouched, for what makes no sense.

    A leader that does not know its instrument yet keeps them and starts no trader.
    """
    settings.check()
    settings = settings.upon(state.settings)
    state.settings_offset = offset
    state.settings = settings
    state.time = max(state.time, settings.updated_time)
    _journal(state, "settings", offset, settings=ruleset.settings_text(settings))
    _follow_settings(state)


def apply_instrument(state: LeaderState, offset: int, instrument: Instrument) -> None:
    """Apply what the exchange now says; raise `Refused`, the state untouched, for what makes no sense.

    Settings that were waiting for it hold from here on. Open orders stay as they are.
    """
    instrument.check()
    state.instruments_offset = offset
    state.instrument = instrument
    state.time = max(state.time, instrument.updated_time)
    _journal(state, "instruments", offset, instrument_taken=msgspec.json.encode(instrument).decode())
    _follow_settings(state)


def _follow_settings(state: LeaderState) -> None:
    """Bring the traders into line with the settings, once there are both these and the instrument."""
    if state.settings is None or state.instrument is None:
        return
    chunks, status = state.settings.chunks, state.settings.status
    strategy.make_room(state.leader, chunks)
    if status is TradingStatus.OFF:
        _cancel_all(state)
    elif state.ruleset == ruleset.TODAY:
        strategy.sell_again(state.leader)
    strategy.set_mode(state.leader, MODES.index(status))
    strategy.trim(state.leader, _rules(state))
    _leave(state)


def _is_event(state: LeaderState, price: int, trade: Stamp) -> bool:
    """Return whether a price beyond the quiet ones is that of a trade which comes for the first time, and in time.

    Who waits since a fill takes the next market trade, none from before the one that filled: to such a trade the others
    have not acted, or it would be a repeat, so they do only where it is below one of their levels.
    """
    if is_repeat(state.newest, trade):
        return False
    traders = state.leader
    return not is_repeat(state.filled, trade) or price < max(traders.rebuy[: traders.head[COUNT]])


def _apply_trade(state: LeaderState, price: int) -> None:
    rules = _rules(state)
    placed = [0] * state.leader.head[COUNT]
    count = strategy.on_trade(state.leader, rules, state.time, price, placed)
    _place(state, placed[:count], "trades")
    if count and state.ruleset == ruleset.TODAY:
        strategy.dismiss(state.leader)
        _leave(state)


def _show_fill(state: LeaderState, rules: Rules, number: int, complete: bool, price: int) -> None:
    placed = [0] * (state.leader.head[COUNT] + 1)
    count = strategy.on_fill(state.leader, rules, state.time, number, complete, price, placed)
    _place(state, placed[:count], "fills")


def _place(state: LeaderState, numbers: Sequence[int], cause: str) -> None:
    """Send the first snapshot of the orders that these traders placed."""
    for number in numbers:
        order = _new_order(state, number, cause)
        state.outbox.append(order)
        if order.status is OrderStatus.NEW:
            state.orders[number] = order


def _new_order(state: LeaderState, number: int, cause: str) -> Order:
    """Return the order that trader `number` has placed, refused or not."""
    leader = state.leader
    i = leader.number.index(number)
    stage, price, quantity = leader.stage[i], leader.price[i], leader.quantity[i]
    refused = stage > REFUSED
    side = Side.BUY if stage in (BUYING, BUYING + REFUSED) else Side.SELL
    attempt = 1
    if side is Side.SELL:
        attempt = state.sells[number] = state.sells.get(number, 0) + 1
    return Order(
        exchange=state.exchange,
        symbol=state.symbol,
        client_order_id=client_order_id(state.incarnation, _instrument(state), number, side[0], attempt),
        trader=number,
        side=side,
        time_in_force=GOOD_TILL_CANCELED,
        status=OrderStatus.REJECTED if refused else OrderStatus.NEW,
        # What the wire cannot carry, a filter has refused.
        price=min(price, PRICE_MAX),
        quantity=min(quantity, AMOUNT_MAX),
        executed_quantity=0,
        cancel_requested=False,
        reason=FILTERS[leader.reason[i]] if refused else None,
        input_partition=state.partition,
        created_time=state.time,
        **_next_version(state, cause),
    )


def _instrument(state: LeaderState) -> str:
    return f"{state.exchange}:{state.symbol}"


def _snapshot(state: LeaderState, order: Order, cause: str, **changes: object) -> Order:
    """Send a snapshot of `order` with these changes."""
    snapshot = msgspec.structs.replace(order, **_next_version(state, cause), **changes)
    state.outbox.append(snapshot)
    return snapshot


def _next_version(state: LeaderState, cause: str) -> dict[str, Any]:
    """Return what tells a snapshot from those before: its version, its cause, and the positions of all inputs."""
    state.version += 1
    return {
        "version": state.version,
        "cause_topic": cause,
        "trades_offset": state.trades_offset,
        "fills_offset": state.fills_offset,
        "settings_offset": state.settings_offset,
        "instruments_offset": state.instruments_offset,
        "updated_time": state.time,
    }


def _journal(state: LeaderState, topic: str, offset: int, **taken: Any) -> None:
    """Note an input; `taken` is its content as JSON where its topic is compacted."""
    state.version += 1
    state.changed = True
    if state.version == 1 and state.ruleset != ruleset.OLDEST:
        taken["ruleset"] = state.ruleset
    state.outbox.append(
        Applied(
            exchange=state.exchange,
            symbol=state.symbol,
            version=state.version,
            input_topic=topic,
            input_partition=state.partition,
            input_offset=offset,
            trades_offset=state.trades_offset,
            **taken,
        )
    )


def _cancel_all(state: LeaderState) -> None:
    """Ask the exchange to cancel every open order; `closing` keeps them until it says how they ended."""
    for order in list(state.orders.values()):
        asked = _snapshot(state, order, "settings", cancel_requested=True)
        state.closing[order.client_order_id] = asked
    state.orders.clear()


def _file(state: LeaderState, number: int, order: Order) -> None:
    """Keep the snapshot where the order is looked up, or drop it at the end of the order's life."""
    ended = order.status not in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
    if order.client_order_id in state.closing:
        state.closing[order.client_order_id] = order
        if ended:
            del state.closing[order.client_order_id]
    elif ended:
        del state.orders[number]
    else:
        state.orders[number] = order


def _trader_of(state: LeaderState, fill: Fill) -> int:
    """Return the number of the trader that a report's client order id names; raise `Refused` for another's."""
    named = read_id(fill.client_order_id)
    ours = named is not None and named.is_of(_instrument(state)) and named.incarnation in ("", state.incarnation)
    if named is None or not ours or not 0 < named.trader < state.leader.head[NEXT]:
        raise Refused(f"client_order_id: {fill.client_order_id!r} is no order of this leader")
    return named.trader


def _is_old(order: Order, fill: Fill, report: Report) -> bool:
    return report is Report.PART and fill.cumulative_quantity <= order.executed_quantity


def _leave(state: LeaderState) -> None:
    """Forget the traders that are no more, but for those with an order of which the exchange has not told the end."""
    if state.ruleset != ruleset.TODAY:
        return
    running = {*state.leader.number[: state.leader.head[COUNT]]}
    state.sells = {number: placed for number, placed in state.sells.items() if number in running}
    account.leave(state.account, running | {order.trader for order in state.closing.values()})


def _rules(state: LeaderState) -> Rules:
    assert state.instrument is not None, "a leader has no traders before it knows its instrument"
    assert state.settings is not None, "a leader has no traders before it has settings"
    return _cached_rules(state.instrument, state.settings, state.ruleset)


@lru_cache(maxsize=4_096)
def _cached_rules(instrument: Instrument, settings: Settings, number: int) -> Rules:
    return ruleset.of_then(rules_of(instrument, settings), number)
