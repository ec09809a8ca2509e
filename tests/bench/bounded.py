"""What is stored of a leader, a book and a market after how much: `python -m tests.bench.bounded`, some minutes.

A leader and its book are played against each other in memory, by the steps of the agents, until so many orders were
placed; a market takes a month of trades. What is stored must not grow with either.
"""

import random
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from schemas.records import Fill, Order, OrderStatus
from schemas.units import ONE
from streams.agents.agent import Agent
from streams.agents.exchange import EXCHANGE
from streams.agents.market import MARKET, Watched
from streams.agents.trading import TRADING
from streams.delivery.changelog import Place
from streams.market.checkpoint import change_all
from streams.market.state import Trades, new_state
from streams.market.step import apply_trades
from streams.trading import book, leader
from streams.trading.book import Tape, Terms
from tests.bench.market_step import RULES, batches
from tests.samples import INSTRUMENT, instrument, settings

ORDERS = (1_000, 10_000, 100_000, 1_000_000)
DAYS = (1, 2, 7, 30)
TRADES_A_DAY = 86_400
START_TIME = 1_760_054_400_000_000
"""A day begins."""
SECOND = 1_000_000
TERMS = Terms(fee=ONE // 1_000, partial_fills=False)
SPREAD = 0.03
"""Prices are drawn so far around 1, log-normally: however low a BUY is, or high a SELL, one reaches it."""


class Sizes(NamedTuple):
    """Bytes that a changelog keeps of the leader and of the book."""

    leader: int
    book: int


def played() -> Iterator[tuple[int, Sizes]]:
    """Yield, for each number of `ORDERS`, what is stored of the two."""
    trader, exchange = leader.new_state(INSTRUMENT, 0), book.new_book(INSTRUMENT)
    leader.take_incarnation(trader, "abcdef")
    facts, chosen = instrument(), settings(rebuy_interval="0.005", buy_down_interval="0.01")
    for state, steps in ((trader, leader), (exchange, book)):
        steps.apply_instrument(state, 0, facts)
        steps.apply_settings(state, 0, chosen)
    offset, sent, reported, placed = 0, 0, 0, 0
    wanted, chance = list(ORDERS), random.Random(1)
    while wanted:
        offset += 1
        price = int(chance.lognormvariate(0, SPREAD) * ONE)
        row = [np.array([value], np.int64) for value in (offset, price, ONE, offset, START_TIME + offset * SECOND)]
        leader.apply_trades(trader, row[0], row[1], row[4], row[3])
        book.apply_trades(exchange, TERMS, Tape(*row))
        while trader.outbox or exchange.outbox:
            orders, trader.outbox = [each for each in trader.outbox if isinstance(each, Order)], []
            for order in orders:
                sent += 1
                placed += order.status is OrderStatus.NEW and not order.cancel_requested
                book.apply_order(exchange, sent, order)
            fills, exchange.outbox = [each for each in exchange.outbox if isinstance(each, Fill)], []
            for fill in fills:
                reported += 1
                leader.apply_fill(trader, reported, fill)
        if placed >= wanted[0]:
            yield wanted.pop(0), Sizes(_stored(TRADING, trader), _stored(EXCHANGE, exchange))


def _stored(agent: Agent[Any], state: Any) -> int:
    """Return the bytes of keys and values that are stored of a state."""
    codec = agent.state_codec()
    values = codec.encode_all(INSTRUMENT.encode(), {"trades": 1}, state, [], Place(1, 1))
    return sum(len(key) + len(value) for key, value in values)


def month() -> Iterator[tuple[int, int, int]]:
    """Yield, after so many days with a trade a second, how many values are kept of a market, and their bytes."""
    codec, state = MARKET.state_codec(), Watched(new_state(INSTRUMENT))
    chance = np.random.default_rng(1)
    kept: dict[bytes, bytes] = {}
    for day in range(DAYS[-1]):
        numbers = day * TRADES_A_DAY + np.arange(TRADES_A_DAY)
        price = 100 * ONE + chance.integers(-3, 4, TRADES_A_DAY).cumsum() * (ONE // 100)
        quantity, maker = chance.integers(1, 10**9, TRADES_A_DAY), chance.integers(0, 2, TRADES_A_DAY)
        times = START_TIME + numbers * SECOND
        given = Trades(numbers, np.array([price, quantity, numbers, times, maker]), np.arange(TRADES_A_DAY), {})
        for part in batches(given, 60):
            apply_trades(state.market, part, RULES)
            kept.update(codec.encode_all(INSTRUMENT.encode(), {"trades": 1}, state, [], Place(1, 1)))
        if day + 1 in DAYS:
            change_all(state.market)
            kept.update(codec.encode_all(INSTRUMENT.encode(), {"trades": 1}, state, [], Place(1, 1)))
            yield day + 1, len(kept), sum(len(key) + len(value) for key, value in kept.items())


def main() -> None:
    """Measure, and print a line each."""
    began = time.process_time()
    for count, sizes in played():
        print(f"{count:9,} orders: leader {sizes.leader:,} bytes, book {sizes.book:,} bytes", flush=True)
    print(f"({time.process_time() - began:.0f} s)")
    for days, values, size in month():
        print(f"{days:9} days of a market, a trade a second: {values:,} values, {size:,} bytes", flush=True)


if __name__ == "__main__":
    main()
