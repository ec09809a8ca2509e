"""The fast engine: the strategy, compiled, called at those market trades only that can be an event for it.

Whatever the strategy does, it does because a price left the range that `market.bounds` gives. The next such price is
found by the extremes of 4,096 trades, then of 64, then one by one; at it the same step runs as in the live worker.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.backtest.compiled import entry, inner, twin
from streams.backtest.data import LARGE, SMALL, Prepared, Prices, Tape, prepare
from streams.backtest.reference import SimulatedOrder
from streams.backtest.scale import Units, scale
from streams.trading.market import EVENTS_PER_TRADER, FILLED, Market, bounds, on_market_trade
from streams.trading.rules import Rules
from streams.trading.strategy import NEXT, ON, REFUSED, Leader, set_mode

Int64s = npt.NDArray[np.int64]

SIDES = ("", "BUY", "SELL")
"""Names of an order's side in the columns: the trader's stage BUYING or SELLING."""
STATUSES = ("NEW", "FILLED", "REJECTED")
"""Names of an order's status in the columns."""
IS_NEW, IS_FILLED, IS_REJECTED = range(3)

COLUMNS = len(Leader._fields) + len(Market._fields) - 1 + 2
"""Of a run's state: the leader's, the market's, the notes'."""

step = twin(on_market_trade)
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


@dataclass(frozen=True)
class FastRun:
    """What a run gave: its orders in the compiled engine's units, and these units."""

    orders: Orders
    units: Units

    def __len__(self) -> int:
        return len(self.orders.trader)

    def to_list(self) -> list[SimulatedOrder]:
        """The orders as the reference engine gives them, in units of 1e-8."""
        return [
            SimulatedOrder(
                trader, SIDES[side], price * self.units.price, quantity * self.units.quantity, STATUSES[status], *at
            )
            for trader, side, price, quantity, status, *at in zip(*(c.tolist() for c in self.orders), strict=True)
        ]


def run_fast(prices: Prices, rules: Rules) -> FastRun:
    """Every order that the rules give on market prices, int64 in units of 1e-8: those of `run_reference`.

    Raises `TooLarge` where the numbers need more than 64 bits, `ValueError` for what is no price.
    """
    return run_prepared(prepare(prices, rules.tick), rules)


def run_prepared(prepared: Prepared, rules: Rules, room: int = 1_024) -> FastRun:
    """`run_fast` over prices prepared before; room for so many orders at first, for more as they come."""
    scaled, units = scale(rules, prepared.unit, prepared.highest)
    row, state = np.array(scaled, np.int64), new_state(scaled.chunks)
    columns = np.empty((len(Orders._fields), max(room, EVENTS_PER_TRADER * scaled.chunks)), np.int64)
    at = count = 0
    while True:
        at, count = _run(prepared.tape, row, state, columns, at, count)
        if at == len(prepared):
            return FastRun(Orders(*columns[:, :count]), units)
        columns = np.concatenate((columns, np.empty_like(columns)), axis=1)


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
def rules_in(row: Int64s) -> Rules:
    """The rules whose fields are the numbers of `row`."""
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


@entry
def _run(tape: Tape, row: Int64s, state: Int64s, columns: Int64s, at: int, count: int) -> tuple[int, int]:
    """Go on at trade `at` with `count` orders until the trades end or the room for orders might.

    Returns the next trade's position and the number of orders.
    """
    if at == 0:
        begin(state)
    rules, market, notes = rules_in(row), market_of(state), notes_of(state)
    orders = Orders(columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], columns[6])
    room = columns.shape[1] - EVENTS_PER_TRADER * rules.chunks
    low, high = no_event(market.leader)
    while count <= room:
        at = next_event(tape, at, low, high)
        if at == tape.prices.size:
            break
        events = step(market, rules, tape.prices[at])
        count = _record(orders, notes, market, events, at, count)
        low, high = no_event(market.leader)
        at += 1
    return at, count


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
def _record(orders: Orders, notes: Notes, market: Market, events: int, at: int, count: int) -> int:
    """Write down what one market trade, at position `at`, made of the orders; their number after it."""
    for event in range(events):
        trader, stage = market.number[event], market.side[event]
        if market.kind[event] == FILLED:
            row = take_note(notes, trader)
            orders.status[row] = IS_FILLED
            orders.filled_at[row] = at
            continue
        refused = stage > REFUSED
        orders.trader[count] = trader
        orders.side[count] = stage - REFUSED if refused else stage
        orders.price[count] = market.price[event]
        orders.quantity[count] = market.quantity[event]
        orders.status[count] = IS_REJECTED if refused else IS_NEW
        orders.placed_at[count] = at
        orders.filled_at[count] = -1
        if not refused:
            make_note(notes, trader, count)
        count += 1
    return count


@inner
def make_note(notes: Notes, trader: int, number: int) -> None:
    """Remember a number for a trader that has none."""
    free = 0
    while notes.trader[free] != 0:
        free += 1
    notes.trader[free] = trader
    notes.number[free] = number


@inner
def take_note(notes: Notes, trader: int) -> int:
    """The number remembered for a trader, which is then forgotten."""
    place = 0
    while notes.trader[place] != trader:
        place += 1
    notes.trader[place] = 0
    number: int = notes.number[place]
    return number
