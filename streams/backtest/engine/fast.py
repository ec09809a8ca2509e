"""The fast engine: the strategy, compiled, called at those market trades only that can be an event for it.

Whatever the strategy does, it does because a price left the range that `quiet` gives. The next such price is
found by the extremes of 4,096 trades, then of 64, then one by one; at it the same step runs as in the live worker.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from infra.compiling import inner
from infra.mapped import PART, let_go
from schemas.units import PRICE_MAX
from streams.backtest.engine.compiled import compiled, entry
from streams.backtest.engine.data import (
    LARGE,
    SMALL,
    Flow,
    Int64s,
    Prepared,
    Prices,
    Tape,
    check_timed,
    int64s,
    prepare,
)
from streams.backtest.engine.reference import SimulatedOrder
from streams.backtest.engine.scale import Units, scale
from streams.trading.rules import Rules
from streams.trading.side_table import SideTable, drop, get, new_side_table, put
from streams.trading.simulation import (
    AT_ONCE,
    EVENTS_PER_TRADER,
    FILLED,
    PLACED,
    Events,
    Simulation,
    new_simulation,
    on_market_trade,
    quiet,
)
from streams.trading.strategy import REFUSED

SIDES = ("", "BUY", "SELL")
"""Names of an order's side in the columns: the trader's stage BUYING or SELLING."""
STATUSES = ("NEW", "FILLED", "REJECTED", "PARTIALLY_FILLED")
"""Names of an order's status in the columns."""
IS_NEW, IS_FILLED, IS_REJECTED, IS_PARTIAL = range(4)

work_off = compiled(on_market_trade)
no_event = compiled(quiet)
note = compiled(put)
noted = compiled(get)
forget = compiled(drop)


class Orders(NamedTuple):
    """Orders in columns, in the order they were placed; positions count trades from 0, -1 for none."""

    trader: Int64s
    side: Int64s
    price: Int64s
    quantity: Int64s
    status: Int64s
    placed_at: Int64s
    filled_at: Int64s


class Parts(NamedTuple):
    """Executions of orders that were not filled by one: the order's row, the trade's position, and the quantity."""

    row: Int64s
    at: Int64s
    quantity: Int64s


class Progress(NamedTuple):
    """How far a run has come: the next trade's position, and how many orders and parts it has made."""

    at: int
    orders: int
    parts: int


@dataclass(frozen=True)
class FastRun:
    """What a run gave: its orders in the compiled engine's units, and these units."""

    orders: Orders
    parts: Parts
    units: Units

    def __len__(self) -> int:
        return len(self.orders.trader)

    def to_list(self) -> list[SimulatedOrder]:
        """Return the orders as the reference engine gives them, in units of 1e-8."""
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
    """Return every order that the rules give on market prices, int64 in units of 1e-8: those of `run_reference`.

    Raises `TooLarge` where the numbers need more than 64 bits, `ValueError` for what is no price.
    """
    return run_prepared(prepare(prices, rules.tick), rules, flow=flow)


def run_prepared(prepared: Prepared, rules: Rules, room: int = 1_024, flow: Flow | None = None) -> FastRun:
    """Do what `run_fast` does over prices prepared before, with room for `room` orders at first, more as they come."""
    check_timed([rules], flow)
    scaled, units = scale(rules, prepared.unit, prepared.highest)
    simulation = new_simulation(scaled.chunks, int64s)
    rows = new_side_table(scaled.chunks, int64s)
    room = max(room, EVENTS_PER_TRADER * scaled.chunks)
    orders = Orders(*(np.empty(room, np.int64) for _ in Orders._fields))
    parts = Parts(*(np.empty(room, np.int64) for _ in Parts._fields))
    done, until = Progress(0, 0, 0), PART
    while done.at < len(prepared):
        run = _run(prepared.tape, flow, scaled, units.quantity, simulation, rows, orders, parts, done, until)
        done = Progress(*run)
        if done.at >= until:
            until = done.at + PART
            _let_go(prepared.tape, flow)
        elif done.at < len(prepared):
            orders = Orders(*(_roomier(column) for column in orders))
            parts = Parts(*(_roomier(column) for column in parts))
    made = Orders(*(column[: done.orders] for column in orders))
    return FastRun(made, Parts(*(column[: done.parts] for column in parts)), units)


def _let_go(tape: Tape, flow: Flow | None) -> None:
    let_go(tape.prices)
    if flow is not None:
        let_go(flow.clock)
        let_go(flow.quantities)


def _roomier(column: Int64s) -> Int64s:
    return np.concatenate((column, np.empty_like(column)))


@inner
def step(simulation: Simulation, rules: Rules, tape: Tape, flow: Flow | None, unit: int, at: int) -> int:
    """Work off the trade at position `at`; return how many events it made. `unit` is one step in units of 1e-8.

    What `flow` is, is known when this is compiled, so nothing of it is left where it is None.
    """
    price = tape.prices[at] // tape.unit
    if flow is None:
        return work_off(simulation, rules, AT_ONCE, 0, price, 0)
    quantity = flow.quantities[at] // unit
    return work_off(simulation, rules, flow.execution, flow.clock[at], price, quantity)


@entry
def _run(
    tape: Tape,
    flow: Flow | None,
    rules: Rules,
    unit: int,
    simulation: Simulation,
    rows: SideTable,
    orders: Orders,
    parts: Parts,
    done: Progress,
    until: int,
) -> tuple[int, int, int]:
    """Go on where a run has come to, until trade `until` is reached or the room for orders or parts might end.

    Returns how far it is: before `until`, where the room might end.
    `rows` has the row of each trader's open order.
    """
    at, count, cut = done.at, done.orders, done.parts
    room = orders.trader.size - EVENTS_PER_TRADER * rules.chunks
    low, high = no_event(simulation.leader)
    while at < until and max(count, cut) <= room:
        at = next_event(tape, at, low, high)
        if at == tape.prices.size:
            break
        events = step(simulation, rules, tape, flow, unit, at)
        count, cut = _record(orders, parts, rows, simulation.events, events, at, count, cut)
        low, high = no_event(simulation.leader)
        at += 1
    return at, count, cut


@inner
def next_event(tape: Tape, at: int, low: int, high: int) -> int:
    """Return the position of the first trade from `at` on with a price below `low` or above `high`; the end if none.

    These are in the tape's unit.
    """
    end = tape.prices.size
    above = PRICE_MAX // tape.unit + 1
    lowest, highest = min(low, above) * tape.unit, min(high, above) * tape.unit
    block = -(-at >> SMALL)
    for i in range(at, min(block << SMALL, end)):
        if tape.prices[i] < lowest or tape.prices[i] > highest:
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
                if tape.prices[i] < lowest or tape.prices[i] > highest:
                    return i
        block += 1
    return end


@inner
def _record(
    orders: Orders, parts: Parts, rows: SideTable, events: Events, size: int, at: int, count: int, cut: int
) -> tuple[int, int]:
    """Write down what the `size` events of the trade at position `at` made of the orders.

    Before them there are `count` orders and `cut` parts; returns how many there are after them.
    """
    for event in range(size):
        trader = events.trader[event]
        if events.kind[event] == PLACED:
            _record_placed(orders, events, event, at, count)
            if orders.status[count] == IS_NEW:
                note(rows, trader, count)
            count += 1
            continue
        row = noted(rows, trader)
        if events.kind[event] != FILLED or orders.status[row] == IS_PARTIAL:
            parts.row[cut], parts.at[cut], parts.quantity[cut] = row, at, events.quantity[event]
            cut += 1
        if events.kind[event] == FILLED:
            forget(rows, trader)
            orders.status[row] = IS_FILLED
            orders.filled_at[row] = at
        else:
            orders.status[row] = IS_PARTIAL
    return count, cut


@inner
def _record_placed(orders: Orders, events: Events, event: int, at: int, row: int) -> None:
    stage = events.stage[event]
    refused = stage > REFUSED
    orders.trader[row] = events.trader[event]
    orders.side[row] = stage - REFUSED if refused else stage
    orders.price[row] = events.price[event]
    orders.quantity[row] = events.quantity[event]
    orders.status[row] = IS_REJECTED if refused else IS_NEW
    orders.placed_at[row] = at
    orders.filled_at[row] = -1
