"""The fast engine: the strategy, compiled, called at those market trades only that can be an event for it.

Whatever the strategy does, it does because a price left the range that `market.bounds` gives. The next such price is
found by the extremes of 4,096 trades, then of 64, then one by one; at it the same step runs as in the live worker.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.backtest.engine.compiled import entry, inner, twin
from streams.backtest.engine.data import LARGE, SMALL, Flow, Prepared, Prices, Tape, prepare
from streams.backtest.engine.reference import SimulatedOrder
from streams.backtest.engine.scale import Units, scale
from streams.trading.execution import Exchange, on_executed_trade
from streams.trading.rules import Rules
from streams.trading.simulation import EVENTS_PER_TRADER, FILLED, PLACED, Market, bounds, on_market_trade
from streams.trading.strategy import NEXT, ON, REFUSED, Leader, set_mode

Int64s = npt.NDArray[np.int64]

SIDES = ("", "BUY", "SELL")
"""Names of an order's side in the columns: the trader's stage BUYING or SELLING."""
STATUSES = ("NEW", "FILLED", "REJECTED", "PARTIALLY_FILLED")
"""Names of an order's status in the columns."""
IS_NEW, IS_FILLED, IS_REJECTED, IS_PARTIAL = range(4)

COLUMNS = len(Leader._fields) + len(Market._fields) - 1 + 2 + len(Exchange._fields) - 1
"""Of a run's state: the leader's, the market's, the notes', the exchange's."""
STEP = len(Rules._fields)
"""Where a row of numbers has, after the rules, what one step is in units of 1e-8."""

at_once = twin(on_market_trade)
executed = twin(on_executed_trade)
no_event = twin(bounds)
switch = twin(set_mode)


class Orders(NamedTuple):
    """Orders in columns, in the order they were placed; positions count trades from 0, -1 for none."""

    trader: Int64s
    side: Int64s
    price: Int64s
    quantity: Int64s
    status: Int64s
    placed_at: Int64s
    filled_at: Int64s


class Notes(NamedTuple):
    """One number to remember for each trader that needs it; trader 0 marks a free place."""

    trader: Int64s
    number: Int64s


class Parts(NamedTuple):
    """Executions of orders that were not filled by one: the order's row, the trade's position, and the quantity."""

    row: Int64s
    at: Int64s
    quantity: Int64s


@dataclass(frozen=True)
class FastRun:
    """What a run gave: its orders in the compiled engine's units, and these units."""

    orders: Orders
    parts: Parts
    units: Units

    def __len__(self) -> int:
        return len(self.orders.trader)

    def to_list(self) -> list[SimulatedOrder]:
        """The orders as the reference engine gives them, in units of 1e-8."""
        orders = [
            SimulatedOrder(
                trader, SIDES[side], price * self.units.price, quantity * self.units.quantity, STATUSES[status], *at
            )
            for trader, side, price, quantity, status, *at in zip(*(c.tolist() for c in self.orders), strict=True)
        ]
        parts: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for row, at, quantity in zip(*(c.tolist() for c in self.parts), strict=True):
            parts[row].append((at, quantity * self.units.quantity))
        for row, executions in parts.items():
            orders[row].parts = tuple(executions)
        return orders


def run_fast(prices: Prices, rules: Rules, flow: Flow | None = None) -> FastRun:
    """Every order that the rules give on market prices, int64 in units of 1e-8: those of `run_reference`.

    Raises `TooLarge` where the numbers need more than 64 bits, `ValueError` for what is no price.
    """
    return run_prepared(prepare(prices, rules.tick), rules, flow=flow)


def run_prepared(prepared: Prepared, rules: Rules, room: int = 1_024, flow: Flow | None = None) -> FastRun:
    """`run_fast` over prices prepared before; room for so many orders at first, for more as they come."""
    scaled, units = scale(rules, prepared.unit, prepared.highest)
    row, state = np.array([*scaled, units.quantity], np.int64), new_state(scaled.chunks)
    room = max(room, EVENTS_PER_TRADER * scaled.chunks)
    columns = np.empty((len(Orders._fields), room), np.int64)
    parts = None if flow is None else np.empty((len(Parts._fields), room), np.int64)
    at = count = cut = 0
    while True:
        at, count, cut = _run(prepared.tape, flow, row, state, columns, parts, at, count, cut)
        if at == len(prepared):
            shown = np.empty((len(Parts._fields), 0), np.int64) if parts is None else parts[:, :cut]
            return FastRun(Orders(*columns[:, :count]), Parts(*shown), units)
        columns = _roomier(columns)
        parts = None if parts is None else _roomier(parts)


def _roomier(columns: Int64s) -> Int64s:
    return np.concatenate((columns, np.empty_like(columns)), axis=1)


def new_state(chunks: int) -> Int64s:
    """Room for the market and the notes of a run with so many traders."""
    return np.zeros((COLUMNS, max(len(Market._fields), EVENTS_PER_TRADER * chunks)), np.int64)


@inner
def market_of(state: Int64s) -> Market:
    """The market whose columns are rows of `state`."""
    leader = Leader(state[0], state[1], state[2], state[3], state[4], state[5], state[6])
    return Market(leader, state[7], state[8], state[9], state[10], state[11], state[12], state[13])


@inner
def notes_of(state: Int64s) -> Notes:
    """The notes whose columns are rows of `state`."""
    return Notes(state[14], state[15])


@inner
def exchange_of(state: Int64s) -> Exchange:
    """The exchange whose columns are rows of `state`."""
    return Exchange(market_of(state), state[16], state[17], state[18], state[19], state[20])


@inner
def rules_in(row: Int64s) -> Rules:
    """The rules whose fields are the first numbers of `row`."""
    return Rules(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        row[7],
        row[8],
        row[9],
        row[10],
        row[11],
        row[12],
        row[13],
        row[14],
        row[15],
    )


@inner
def begin(state: Int64s) -> None:
    """Turn the leader on, as if nothing had been before."""
    state[:] = 0
    market = market_of(state)
    market.leader.head[NEXT] = 1
    switch(market.leader, ON)


@inner
def step(state: Int64s, market: Market, rules: Rules, tape: Tape, flow: Flow | None, unit: int, at: int) -> int:
    """Work off the trade at position `at`; how many events it made. `unit` is what one step is in units of 1e-8.

    What `flow` is, is known when this is compiled, so nothing of it is left where it is None.
    """
    if flow is None:
        return at_once(market, rules, tape.prices[at])
    quantity = flow.quantities[at] // unit
    return executed(exchange_of(state), rules, flow.execution, flow.clock[at], tape.prices[at], quantity)


@entry
def _run(
    tape: Tape,
    flow: Flow | None,
    row: Int64s,
    state: Int64s,
    columns: Int64s,
    cuts: Int64s | None,
    at: int,
    count: int,
    cut: int,
) -> tuple[int, int, int]:
    """Go on at trade `at` with `count` orders and `cut` parts until the trades end or the room for either might.

    Returns the next trade's position and the number of orders and of parts.
    """
    if at == 0:
        begin(state)
    rules, market, notes = rules_in(row), market_of(state), notes_of(state)
    orders = Orders(columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], columns[6])
    parts = None if cuts is None else Parts(cuts[0], cuts[1], cuts[2])
    room = columns.shape[1] - EVENTS_PER_TRADER * rules.chunks
    low, high = no_event(market.leader)
    while max(count, cut) <= room:
        at = next_event(tape, at, low, high)
        if at == tape.prices.size:
            break
        events = step(state, market, rules, tape, flow, row[STEP], at)
        count, cut = _record(orders, parts, notes, market, events, at, count, cut)
        low, high = no_event(market.leader)
        at += 1
    return at, count, cut


@inner
def next_event(tape: Tape, at: int, low: int, high: int) -> int:
    """The position of the first trade from `at` on whose price is below `low` or above `high`; the end if none."""
    end = tape.prices.size
    block = -(-at >> SMALL)
    for i in range(at, min(block << SMALL, end)):
        if tape.prices[i] < low or tape.prices[i] > high:
            return i
    while block < tape.low.size:
        if block & ((1 << LARGE - SMALL) - 1) == 0:
            large = block >> LARGE - SMALL
            while large < tape.lowest.size and tape.lowest[large] >= low and tape.highest[large] <= high:
                large += 1
            block = large << LARGE - SMALL
            if large == tape.lowest.size:
                return end
        if tape.low[block] < low or tape.high[block] > high:
            for i in range(block << SMALL, min(block + 1 << SMALL, end)):
                if tape.prices[i] < low or tape.prices[i] > high:
                    return i
        block += 1
    return end


@inner
def _record(
    orders: Orders, parts: Parts | None, notes: Notes, market: Market, events: int, at: int, count: int, cut: int
) -> tuple[int, int]:
    """Write down what one market trade, at position `at`, made of the orders; the numbers of rows after it."""
    for event in range(events):
        trader = market.number[event]
        if market.kind[event] == PLACED:
            _record_placed(orders, market, event, at, count)
            if orders.status[count] == IS_NEW:
                make_note(notes, trader, count)
            count += 1
            continue
        row = read_note(notes, trader)
        if parts is not None and (market.kind[event] != FILLED or orders.status[row] == IS_PARTIAL):
            parts.row[cut], parts.at[cut], parts.quantity[cut] = row, at, market.quantity[event]
            cut += 1
        if market.kind[event] == FILLED:
            take_note(notes, trader)
            orders.status[row] = IS_FILLED
            orders.filled_at[row] = at
        else:
            orders.status[row] = IS_PARTIAL
    return count, cut


@inner
def _record_placed(orders: Orders, market: Market, event: int, at: int, row: int) -> None:
    stage = market.side[event]
    refused = stage > REFUSED
    orders.trader[row] = market.number[event]
    orders.side[row] = stage - REFUSED if refused else stage
    orders.price[row] = market.price[event]
    orders.quantity[row] = market.quantity[event]
    orders.status[row] = IS_REJECTED if refused else IS_NEW
    orders.placed_at[row] = at
    orders.filled_at[row] = -1


@inner
def make_note(notes: Notes, trader: int, number: int) -> None:
    """Remember a number for a trader that has none."""
    free = 0
    while notes.trader[free] != 0:
        free += 1
    notes.trader[free] = trader
    notes.number[free] = number


@inner
def read_note(notes: Notes, trader: int) -> int:
    """The number remembered for a trader."""
    place = 0
    while notes.trader[place] != trader:
        place += 1
    number: int = notes.number[place]
    return number


@inner
def take_note(notes: Notes, trader: int) -> int:
    """The number remembered for a trader, which is then forgotten."""
    place = 0
    while notes.trader[place] != trader:
        place += 1
    notes.trader[place] = 0
    number: int = notes.number[place]
    return number
