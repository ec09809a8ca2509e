"""The simulated market: traders and book as one, each trade worked off before the next is seen.

This is the order of events that gives a backtest one answer. The book is the traders' own columns: a trader has one
order at a time. Written, like the strategy, in the part of Python that also compiles.
"""

from typing import NamedTuple

from streams.trading.matching import Column, NewColumn, best_match, tradable, unfilling_range, zeros
from streams.trading.rules import Rules
from streams.trading.side_table import SideTable, clear, drop, get, new_side_table, put
from streams.trading.strategy import COUNT, HEAD, NEXT, ON, Leader, idle_range, new_leader, on_fill, on_trade, set_mode

PLACED, FILLED, PARTIALLY_FILLED = range(3)
"""Kinds of events: an order is placed once, refused or not, then filled in any number of parts, and completely once."""

EVENTS_PER_TRADER = 8
"""Room for the events of one trade: a trader places two orders and has them filled, and so may its successor."""

LATENCY_MAX_US = 86_400_000_000
"""A day."""


class Execution(NamedTuple):
    """How orders are executed.

    An order reaches the exchange `latency_us` microseconds after the trade that caused it: trades at or after that
    time, by the trades' own clock, can fill it. What it is told of its fills, a trader learns at once.

    With `limited`, all orders together execute no more than a trade's quantity, rounded down to a step: the best price
    first, the earlier of equals in the leader's order, buys, then sells. A fill is a price to the other orders, but
    brings no quantity of its own. Otherwise a price fills whatever it reaches.
    """

    latency_us: int = 0
    limited: bool = False

    def check(self) -> None:
        """Raise `ValueError`, which names the field, for a latency that cannot be."""
        if not 0 <= self.latency_us <= LATENCY_MAX_US:
            raise ValueError(f"latency_us: {self.latency_us} is not between 0 and {LATENCY_MAX_US}, a day")


AT_ONCE = Execution()
"""Every order is at the exchange at once, and a price that reaches it fills it whole."""


class Events(NamedTuple):
    """What happened to orders while one market trade was worked off; the units are those of the rules."""

    kind: Column
    trader: Column
    stage: Column  # of the trader: BUYING, SELLING or one of the refused
    price: Column  # of the order
    quantity: Column  # of the order if it was placed, else what was executed of it


class Simulation(NamedTuple):
    """A leader, its orders in the market and on their way to it, and what the trade at hand made of them.

    An order on its way has no `resting` in the leader's columns.
    """

    leader: Leader
    events: Events
    counts: Column  # [events so far, what is left of the trade's quantity, orders on their way]
    placed: Column  # numbers of the traders that placed an order in the step at hand
    sender: Column  # number of the trader of each order on its way, in the order of arrival
    arrival: Column  # when it is at the exchange, µs
    executed: SideTable  # quantity executed of each order that is filled in part


EVENTS, LEFT, ON_THEIR_WAY = range(3)


def new_simulation(chunks: int, column: NewColumn = zeros) -> Simulation:
    """Return a simulation that has just begun, with room for `chunks` traders, its columns as `column` makes them."""
    simulation = Simulation(
        leader=new_leader(chunks, column),
        events=Events(*(column(EVENTS_PER_TRADER * chunks) for _ in Events._fields)),
        counts=column(3),
        placed=column(chunks),
        sender=column(chunks),
        arrival=column(chunks),
        executed=new_side_table(chunks, column),
    )
    begin(simulation)
    return simulation


def begin(simulation: Simulation) -> None:
    """Forget all that was, and turn the leader on."""
    head = simulation.leader.head
    for field in range(HEAD):
        head[field] = 0
    head[NEXT] = 1
    simulation.counts[ON_THEIR_WAY] = 0
    clear(simulation.executed)
    set_mode(simulation.leader, ON)


def on_market_trade(
    simulation: Simulation, rules: Rules, execution: Execution, now: int, price: int, quantity: int
) -> int:
    """Work off one market trade at time `now` (µs); return how many events it made, in the simulation's columns.

    1. Orders whose time has come arrive. 2. The trade is shown to every trader, then to the book. 3. What the book
    fills is shown, one fill after the other, to every trader and then to the book as a price, before the next trade.
    A partial fill is nothing to its own trader, to the others a price. Without latency `now` is looked at by
    timed rules only, without limit `quantity` is not.
    """
    events, counts = simulation.events, simulation.counts
    counts[EVENTS] = 0
    if execution.limited:
        counts[LEFT] = tradable(quantity, rules.step)
    _arrive(simulation, now)
    _send(simulation, execution, now, on_trade(simulation.leader, rules, now, price, simulation.placed))
    _fill(simulation, execution, price)
    event = 0
    while event < counts[EVENTS]:
        if events.kind[event] != PLACED:
            trader, limit = events.trader[event], events.price[event]
            complete = events.kind[event] == FILLED
            _send(
                simulation,
                execution,
                now,
                on_fill(simulation.leader, rules, now, trader, complete, limit, simulation.placed),
            )
            _fill(simulation, execution, limit)
        event += 1
    return counts[EVENTS]


def quiet(leader: Leader) -> tuple[int, int]:
    """Return the market prices that are no event: low <= price <= high; where low > high every price is one.

    Between two trades a trader whose stage is BUYING or SELLING has an open order, in the book or on its way there.
    """
    idle_low, idle_high = idle_range(leader)
    low, high = unfilling_range(leader.stage, leader.price, leader.head[COUNT])
    return max(low, idle_low), min(high, idle_high)


def _arrive(simulation: Simulation, now: int) -> None:
    """Let the orders whose time has come rest in the book."""
    leader, waiting = simulation.leader, simulation.counts[ON_THEIR_WAY]
    arrived = 0
    while arrived < waiting and simulation.arrival[arrived] <= now:
        i = _index_of(leader, simulation.sender[arrived])
        leader.resting[i] = leader.stage[i]
        arrived += 1
    if arrived > 0:
        simulation.counts[ON_THEIR_WAY] = waiting - arrived
        for k in range(arrived, waiting):
            simulation.sender[k - arrived] = simulation.sender[k]
            simulation.arrival[k - arrived] = simulation.arrival[k]


def _send(simulation: Simulation, execution: Execution, now: int, count: int) -> None:
    """Record the orders that the first `count` of `placed` placed; with latency, send the allowed on their way."""
    leader, counts = simulation.leader, simulation.counts
    for k in range(count):
        i = _index_of(leader, simulation.placed[k])
        _record(simulation, PLACED, i, leader.quantity[i])
        if execution.latency_us > 0 and leader.resting[i] != 0:
            leader.resting[i] = 0
            simulation.sender[counts[ON_THEIR_WAY]] = leader.number[i]
            simulation.arrival[counts[ON_THEIR_WAY]] = now + execution.latency_us
            counts[ON_THEIR_WAY] += 1


def _fill(simulation: Simulation, execution: Execution, price: int) -> None:
    """Fill the orders that a price reaches, as far as the trade's quantity goes if it limits them."""
    leader = simulation.leader
    while not execution.limited or simulation.counts[LEFT] > 0:
        i = best_match(leader.resting, leader.price, leader.head[COUNT], price)
        if i < 0:
            return
        if execution.limited:
            _execute(simulation, i)
        else:
            leader.resting[i] = 0
            _record(simulation, FILLED, i, leader.quantity[i])


def _execute(simulation: Simulation, i: int) -> None:
    """Execute as much of the order of the trader at index `i` as is left of the trade's quantity."""
    leader, counts = simulation.leader, simulation.counts
    trader = leader.number[i]
    before = get(simulation.executed, trader)
    quantity = min(leader.quantity[i] - before, counts[LEFT])
    counts[LEFT] -= quantity
    if before + quantity == leader.quantity[i]:
        leader.resting[i] = 0
        drop(simulation.executed, trader)
        _record(simulation, FILLED, i, quantity)
    else:
        put(simulation.executed, trader, before + quantity)
        _record(simulation, PARTIALLY_FILLED, i, quantity)


def _record(simulation: Simulation, kind: int, i: int, quantity: int) -> None:
    """Record what happened to the order of the trader at index `i`."""
    events, leader, event = simulation.events, simulation.leader, simulation.counts[EVENTS]
    events.kind[event] = kind
    events.trader[event] = leader.number[i]
    events.stage[event] = leader.stage[i]
    events.price[event] = leader.price[i]
    events.quantity[event] = quantity
    simulation.counts[EVENTS] = event + 1


def _index_of(leader: Leader, trader: int) -> int:
    """Return the index of a running trader."""
    i = 0
    while leader.number[i] != trader:
        i += 1
    return i
