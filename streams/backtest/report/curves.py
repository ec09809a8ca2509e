"""What the charts of a run show: series of a bounded number of points, and a mark for every execution."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from infra.mapped import entries, let_go
from schemas.records import Setup
from schemas.units import ONE
from streams.backtest.engine.data import Prices, Times, clock_of
from streams.backtest.engine.reference import SimulatedOrder
from streams.backtest.engine.sweep import MONEY
from streams.backtest.performance import buy_and_hold, equity_of

DIGITS = 8
"""The decimals of what a chart shows."""


class Series(NamedTuple):
    """Points of a chart, one entry each: `t` in ms since the first trade, rising; `v` in plain numbers."""

    t: list[int]
    v: list[float]


class Curves(NamedTuple):
    """Market price, net profit, its fall from the highest before (0 or below), and what buying and holding gave."""

    price: Series
    profit: Series
    fall: Series
    hold: Series


class Marks(NamedTuple):
    """The executions of one side, at the price of their order: those shown, and how many there were."""

    series: Series
    of: int


def price_points(prices: Prices, points: int) -> list[int]:
    """Return positions of at most `points` prices, 4 or more: first, last, and each equal part's lowest and highest.

    Of fewer prices it returns every one.
    """
    if len(prices) <= points:
        return list(range(len(prices)))
    edges = np.linspace(0, len(prices), (points - 2) // 2 + 1).astype(np.int64).tolist()
    chosen = {0, len(prices) - 1}
    for first, end in pairwise(edges):
        part = prices[first:end]
        chosen |= {first + int(part.argmin()), first + int(part.argmax())}
        let_go(prices)
    return sorted(chosen)


def curves_of(orders: Sequence[SimulatedOrder], prices: Prices, times: Times, setup: Setup, points: int) -> Curves:
    """Return the curves of a run over market trades, at most `points` each; money to 1e-8.

    The last net profit, the deepest fall and the extremes of the price are among them.
    """
    clock = clock_of(times)
    at = price_points(prices, points)
    first, seen = int(prices[0]), entries(prices, at).tolist()
    equity = equity_of(orders, prices, setup, points)
    moments, others = since_first(clock, at), since_first(clock, equity.at)
    return Curves(
        price=Series(moments, [price / ONE for price in seen]),
        profit=Series(others, [_money(amount) for amount in equity.net_profit]),
        fall=Series(others, [_money(-amount) for amount in equity.drawdown]),
        hold=Series(moments, [_money(buy_and_hold(first, price, setup)) for price in seen]),
    )


def marks_of(orders: Iterable[SimulatedOrder], side: str, times: Times, most: int) -> Marks:
    """Return a mark for each execution of a side in the order of time; of more than `most`, as many evenly chosen."""
    done = sorted((at, order.price) for order in orders if order.side == side for at, _ in order.executions)
    shown = done if len(done) <= most else [done[i * len(done) // most] for i in range(most)]
    moments = since_first(clock_of(times), [at for at, _ in shown])
    return Marks(Series(moments, [price / ONE for _, price in shown]), len(done))


def since_first(clock: Times, at: Sequence[int]) -> list[int]:
    """Return whole milliseconds from the first of the clock's times (µs) to those at some positions."""
    start = int(clock[0]) // 1_000
    moments: list[int] = (entries(clock, at) // 1_000 - start).tolist()
    return moments


def _money(amount: int) -> float:
    return round(float(amount / MONEY), DIGITS) + 0.0  # no -0.0
