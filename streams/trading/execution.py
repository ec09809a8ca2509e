"""Orders that take time to arrive, and fills limited by what was traded: what the zero-latency market leaves out.

Traders, order of events and matching are those of `streams.trading.simulation`, in which every order is at the exchange
at once and a price fills it whole. With neither latency nor limit this market gives the same. Written, like the
strategy, in the part of Python that compiles.
"""

from typing import NamedTuple

from streams.trading.matching import Column, best_match
from streams.trading.rules import Rules
from streams.trading.simulation import FILLED, PLACED, Market, log, log_placed, new_market
from streams.trading.strategy import COUNT, on_fill, on_trade

PARTIALLY_FILLED = 2
"""A third kind of event, beside `PLACED` and `FILLED`: an order was executed in part. Its quantity is that part."""

LATENCY_MAX_US = 86_400_000_000
"""A day."""


class Execution(NamedTuple):
    """How orders are executed.

    An order reaches the exchange `latency_us` microseconds after the trade that caused it: trades at or after that
    time, by the trades' own clock, can fill it. What it is told of its fills, a trader learns at once.

    With `limited`, all orders together execute no more than a trade's quantity, rounded down to a step: the best price
    first, the earlier of equals in the leader's order, buys, then sells. A fill is a price to the other orders, as in
    the zero-latency market, but brings no quantity of its own.
    """

    latency_us: int = 0
    limited: bool = False

    def check(self) -> None:
        """Raise `ValueError`, which names the field, for a latency that cannot be."""
        if not 0 <= self.latency_us <= LATENCY_MAX_US:
            raise ValueError(f"latency_us: {self.latency_us} is not between 0 and {LATENCY_MAX_US}, a day")


AT_ONCE = Execution()
"""The zero-latency market."""


class Exchange(NamedTuple):
    """A market, the orders on their way to it, and those that are executed in part.

    An order on its way has no `resting` in the leader's columns; a trader has one order at a time.
    """

    market: Market
    head: Column  # [what is left of the trade's quantity, orders on their way]
    sender: Column  # trader of each order on its way, in the order of arrival
    arrival: Column  # when it is at the exchange, µs
    owner: Column  # trader of each order executed in part; 0: a free place
    executed: Column  # how much of it


LEFT, ON_THEIR_WAY = range(2)


def new_exchange(chunks: int) -> Exchange:
    """An exchange whose leader is off, with room for so many traders, as Python lists."""
    return Exchange(new_market(chunks), [0, 0], *([0] * chunks for _ in range(4)))


def on_executed_trade(
    exchange: Exchange, rules: Rules, execution: Execution, now: int, price: int, quantity: int
) -> int:
    """Work off one market trade at time `now` (µs); how many events it made, in the market's columns.

    As `on_market_trade`, except that an order rests in the book from its arrival on, and that a fill may be partial:
    to its own trader that is nothing, to the others a price.
    """
    market = exchange.market
    market.size[0] = 0
    exchange.head[LEFT] = quantity // rules.step * rules.step
    _arrive(exchange, now)
    _send(exchange, execution, now, on_trade(market.leader, rules, price, market.placed))
    _fill(exchange, execution, price)
    event = 0
    while event < market.size[0]:
        if market.kind[event] != PLACED:
            number, at = market.number[event], market.price[event]
            complete = market.kind[event] == FILLED
            _send(exchange, execution, now, on_fill(market.leader, rules, number, complete, at, market.placed))
            _fill(exchange, execution, at)
        event += 1
    return market.size[0]


def _arrive(exchange: Exchange, now: int) -> None:
    """Let the orders whose time has come rest in the book."""
    leader = exchange.market.leader
    arrived = 0
    while arrived < exchange.head[ON_THEIR_WAY] and exchange.arrival[arrived] <= now:
        for i in range(leader.head[COUNT]):
            if leader.number[i] == exchange.sender[arrived]:
                leader.resting[i] = leader.stage[i]
        arrived += 1
    if arrived > 0:
        exchange.head[ON_THEIR_WAY] -= arrived
        for k in range(exchange.head[ON_THEIR_WAY]):
            exchange.sender[k] = exchange.sender[k + arrived]
            exchange.arrival[k] = exchange.arrival[k + arrived]


def _send(exchange: Exchange, execution: Execution, now: int, count: int) -> None:
    """Log the orders just placed, and send those that no filter forbids on their way."""
    market, leader = exchange.market, exchange.market.leader
    log_placed(market, count)
    if execution.latency_us == 0:
        return
    for k in range(count):
        for i in range(leader.head[COUNT]):
            if leader.number[i] == market.placed[k] and leader.resting[i] != 0:
                leader.resting[i] = 0
                exchange.sender[exchange.head[ON_THEIR_WAY]] = leader.number[i]
                exchange.arrival[exchange.head[ON_THEIR_WAY]] = now + execution.latency_us
                exchange.head[ON_THEIR_WAY] += 1


def _fill(exchange: Exchange, execution: Execution, price: int) -> None:
    market, leader = exchange.market, exchange.market.leader
    while not execution.limited or exchange.head[LEFT] > 0:
        i = best_match(leader.resting, leader.price, leader.head[COUNT], price)
        if i < 0:
            return
        place = _place_of(exchange, leader.number[i]) if execution.limited else -1
        wanted = leader.quantity[i] - (exchange.executed[place] if place >= 0 else 0)
        executed = wanted
        if execution.limited:
            executed = min(wanted, exchange.head[LEFT])
            exchange.head[LEFT] -= executed
        if executed == wanted:
            leader.resting[i] = 0
            if place >= 0:
                exchange.owner[place] = 0
            log(market, FILLED, i)
        else:
            if place < 0:
                place = _place_of(exchange, 0)
                exchange.owner[place] = leader.number[i]
                exchange.executed[place] = 0
            exchange.executed[place] += executed
            log(market, PARTIALLY_FILLED, i)
        market.quantity[market.size[0] - 1] = executed


def _place_of(exchange: Exchange, trader: int) -> int:
    """Where a trader's partly executed order is noted, -1 for nowhere; trader 0 is the first free place."""
    for place in range(len(exchange.owner)):
        if exchange.owner[place] == trader:
            return place
    return -1
