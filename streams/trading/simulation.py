"""The zero-latency market: traders and book as one, each trade worked off before the next is seen.

This is the order of events that gives a backtest one answer. The book is the traders' own columns: a trader has
one order at a time. Written, like the strategy, in the part of Python that compiles.
"""

from typing import NamedTuple

from streams.trading.matching import Column, best_match, unfilling_range
from streams.trading.rules import Rules
from streams.trading.strategy import COUNT, Leader, idle_range, new_leader, on_fill, on_trade

# Kinds of events. A trader's order is placed once, refused or not, and filled at most once.
PLACED, FILLED = range(2)

EVENTS_PER_TRADER = 8
"""Room for the events of one trade: a trader places two orders and has them filled, and so may its successor."""


class Market(NamedTuple):
    """A leader, and what happens to its orders while one market trade is worked off."""

    leader: Leader
    placed: Column  # who placed an order in the step at hand
    size: Column  # [events so far]
    kind: Column
    number: Column
    side: Column  # the trader's stage: BUYING, SELLING or one of the refused
    price: Column
    quantity: Column


def new_market(chunks: int) -> Market:
    """A market whose leader is off, with room for so many traders, as Python lists."""
    room = EVENTS_PER_TRADER * chunks
    return Market(new_leader(chunks), [0] * chunks, [0], *([0] * room for _ in range(5)))


def on_market_trade(market: Market, rules: Rules, price: int) -> int:
    """Work off one market trade; how many events it made, in the market's columns.

    1. The trade is shown to every trader, then to the book. 2. What the book fills is shown, one fill after
    the other, to every trader and then to the book as a price, before the next trade.
    """
    market.size[0] = 0
    log_placed(market, on_trade(market.leader, rules, price, market.placed))
    _fill(market, price)
    event = 0
    while event < market.size[0]:
        if market.kind[event] == FILLED:
            at = market.price[event]
            log_placed(market, on_fill(market.leader, rules, market.number[event], True, at, market.placed))
            _fill(market, at)
        event += 1
    return market.size[0]


def bounds(leader: Leader) -> tuple[int, int]:
    """The market prices that are no event: low <= price <= high. Where low > high every price is one.

    Between two trades a trader whose stage is BUYING or SELLING has an open order, in the book or on its way there.
    """
    idle_low, idle_high = idle_range(leader)
    low, high = unfilling_range(leader.stage, leader.price, leader.head[COUNT])
    return max(low, idle_low), min(high, idle_high)


def log_placed(market: Market, count: int) -> None:
    """Write down that the first `count` traders of `market.placed` placed an order."""
    leader = market.leader
    for k in range(count):
        for i in range(leader.head[COUNT]):
            if leader.number[i] == market.placed[k]:
                log(market, PLACED, i)


def log(market: Market, kind: int, i: int) -> None:
    """Write down what happened to the order of the trader at place `i`."""
    at = market.size[0]
    market.kind[at] = kind
    market.number[at] = market.leader.number[i]
    market.side[at] = market.leader.stage[i]
    market.price[at] = market.leader.price[i]
    market.quantity[at] = market.leader.quantity[i]
    market.size[0] = at + 1


def _fill(market: Market, price: int) -> None:
    leader = market.leader
    while True:
        i = best_match(leader.resting, leader.price, leader.head[COUNT], price)
        if i < 0:
            return
        leader.resting[i] = 0
        log(market, FILLED, i)
