"""What a backtest earned, exactly: integers of 1 / `MONEY` (price · quantity · fee, each in units of 1e-8)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from infra.mapped import PART, entries, let_go
from schemas.records import Setup
from schemas.units import ONE, SCALE
from streams.backtest.engine.data import Prices, Times, clock_of
from streams.backtest.engine.reference import SimulatedOrder
from streams.backtest.engine.sweep import MONEY

DECIMALS = 3 * SCALE
"""The decimals of an amount in 1 / `MONEY`."""


class Result(NamedTuple):
    """What one run gave. Counts, `position` in units of 1e-8 of the base asset, money in 1 / `MONEY` of the quote's.

    - `cycles` are traders whose SELL was completely filled; `wins` and `losses` those with a profit above and below 0
      after the fees of both sides.
    - `realised` is the profit of what was sold, over what its own trader paid for it, after the fees of both sides.
      `unrealised` is that of the open position at the last price, after the fee that was paid for it.
      `net_profit` is their sum.
    - `buy_and_hold` is the net profit of buying for the whole budget at the first price.
    - `max_drawdown` is the deepest fall of the net profit, valued at every trade's price, from the highest it had
      been, its 0 at the start included.
    - `time_in_market` is how long a position was held, of `span`, the time from the first trade to the last; both in
      microseconds of the trades' clock (`clock_of`).
    - `largest_exposure` and `average_exposure` are what was paid for the open position, without fees, as a fraction
      of the budget in units of 1e-8, rounded down: the most after any trade, and the mean over `span` (0 if that is).
    """

    orders: int
    rejected: int
    filled: int
    cycles: int
    wins: int
    losses: int
    position: int
    position_value: int
    fees: int
    realised: int
    unrealised: int
    net_profit: int
    buy_and_hold: int
    max_drawdown: int
    time_in_market: int
    span: int
    largest_exposure: int
    average_exposure: int

    @property
    def win_rate(self) -> int | None:
        """Return wins as a fraction of the cycles, in units of 1e-8, rounded down; None without a cycle."""
        return self.wins * ONE // self.cycles if self.cycles else None

    @property
    def profit_per_drawdown(self) -> int | None:
        """Return the net profit per largest drawdown, as the function of this name does."""
        return profit_per_drawdown(self.net_profit, self.max_drawdown)


class Equity(NamedTuple):
    """The course of a run, one entry a point: after the trade at position `at`, counted from 0.

    `net_profit`, `drawdown` (how far it is below the highest it had been, 0 at the start included) and `position_value`
    are exact Python integers of 1 / `MONEY`.
    """

    at: list[int]
    net_profit: list[int]
    drawdown: list[int]
    position_value: list[int]


class _State(NamedTuple):
    """What one held after a trade's executions: net profit is `cash + position · price · ONE`."""

    since: int
    cash: int
    position: int
    cost: int


class _Fall(NamedTuple):
    """The deepest fall of the net profit, and the positions of its two ends; `peak` -1 for the 0 at the start."""

    depth: int
    peak: int
    trough: int


def result_of(orders: Sequence[SimulatedOrder], prices: Prices, times: Times, setup: Setup) -> Result:
    """Return the result of a run of `settings` over at least one market price (int64, 1e-8) at `times` (int64, µs)."""
    fee, budget = setup.settings.fee, setup.settings.budget
    bought = {order.trader: order for order in orders if order.side == "BUY"}
    sold = [order for order in orders if order.side == "SELL"]
    cycles = [profit_of(bought[sell.trader], sell, fee) for sell in sold if sell.status == "FILLED"]
    states = _states(orders, bought, fee)
    last, held = int(prices[-1]), states[-1]
    value = held.position * last * ONE
    realised = sum(profit_of(bought[sell.trader], sell, fee) for sell in sold)
    in_market, span, largest, average = _exposure(states, clock_of(times))
    return Result(
        orders=len(orders),
        rejected=sum(order.status == "REJECTED" for order in orders),
        filled=sum(order.status == "FILLED" for order in orders),
        cycles=len(cycles),
        wins=sum(profit > 0 for profit in cycles),
        losses=sum(profit < 0 for profit in cycles),
        position=held.position,
        position_value=value,
        fees=sum(order.price * executed(order) for order in orders) * fee,
        realised=realised,
        unrealised=held.cash + value - realised,
        net_profit=held.cash + value,
        buy_and_hold=buy_and_hold(int(prices[0]), last, setup),
        max_drawdown=_deepest_fall(states, prices).depth,
        time_in_market=in_market,
        span=span,
        largest_exposure=largest // budget,
        average_exposure=average // budget,
    )


def equity_of(orders: Sequence[SimulatedOrder], prices: Prices, setup: Setup, points: int) -> Equity:
    """Return the course of a run over market prices: at most `points` of it, 4 or more, or every one of fewer trades.

    Among them are the first trade and the last, and both ends of the deepest fall, so that the last `net_profit` and
    the largest `drawdown` are those of `result_of`; the others are lowest and highest net profits of equal parts.
    Raises `ValueError` for fewer than 4 points.
    """
    if points < 4:
        raise ValueError(f"points: {points} is below 4")
    bought = {order.trader: order for order in orders if order.side == "BUY"}
    states = _states(orders, bought, setup.settings.fee)
    chosen = range(len(prices)) if len(prices) <= points else _chosen(states, prices, points)
    rows = _course(states, prices, chosen)
    return Equity(list(chosen), *([row[column] for row in rows] for column in range(3)))


def executed(order: SimulatedOrder) -> int:
    """Return the quantity that was executed of an order, in its units."""
    return sum(quantity for _, quantity in order.executions)


def profit_of(buy: SimulatedOrder, sell: SimulatedOrder, fee: int) -> int:
    """Return what was earned, in 1 / `MONEY`, by what `sell` has sold so far, the fees of both sides taken off."""
    profit: int = executed(sell) * ((sell.price - buy.price) * ONE - (sell.price + buy.price) * fee)
    return profit


def profit_per_drawdown(net_profit: int, max_drawdown: int) -> int | None:
    """Return the ratio of two amounts of 1 / `MONEY` in units of 1e-8, rounded down.

    Without any drawdown there is no loss: None for a profit, 0 for none.
    """
    if not max_drawdown:
        return None if net_profit else 0
    ratio: int = net_profit * ONE // max_drawdown
    return ratio


def plain_money(amount: int) -> str:
    """Return an amount of 1 / `MONEY` as an exact plain decimal without trailing zeros."""
    whole, fraction = divmod(abs(amount), MONEY)
    digits = f"{fraction:0{DECIMALS}d}".rstrip("0")
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def _states(orders: Iterable[SimulatedOrder], bought: dict[int, SimulatedOrder], fee: int) -> list[_State]:
    """Return what one held from the first trade on, and after every trade that executed an order."""
    at: dict[int, list[tuple[SimulatedOrder, int]]] = defaultdict(list)
    for order in orders:
        for position, quantity in order.executions:
            at[position].append((order, quantity))
    states = [_State(0, 0, 0, 0)]
    for since in sorted(at):
        _, cash, held, cost = states[-1]
        for order, quantity in at[since]:
            change = quantity if order.side == "BUY" else -quantity
            cash -= order.price * (change * ONE + quantity * fee)
            held += change
            cost += change * bought[order.trader].price
        states.append(_State(since, cash, held, cost))
    return states


def buy_and_hold(first: int, last: int, setup: Setup) -> int:
    """Return what buying for the budget at `first` gives at `last` (1e-8), in 1 / `MONEY`, after the buying fee."""
    step, fee = setup.instrument.step_size, setup.settings.fee
    quantity = setup.settings.budget * ONE // (first * step) * step
    profit: int = quantity * (last - first) * ONE - quantity * first * fee
    return profit


def _exposure(states: Sequence[_State], clock: Times) -> tuple[int, int, int, int]:
    """Return time in market and span in µs, and the largest and the mean cost (rounded down) in units of 1e-16."""
    moments = entries(clock, [*(state.since for state in states), len(clock) - 1]).tolist()
    lengths = [end - since for since, end in pairwise(moments)]
    span = moments[-1] - moments[0]
    in_market = sum(length for state, length in zip(states, lengths, strict=True) if state.position)
    weighted = sum(state.cost * length for state, length in zip(states, lengths, strict=True))
    return in_market, span, max(state.cost for state in states), weighted // span if span else 0


def _stretches(states: Sequence[_State], size: int) -> Iterable[tuple[_State, int]]:
    """Yield each state that some trade is valued in, and the position where it ends."""
    ends = [state.since for state in states[1:]] + [size]
    return ((state, end) for state, end in zip(states, ends, strict=True) if state.since < end)


def _blocks(states: Sequence[_State], size: int) -> Iterator[tuple[_State, int, int]]:
    """Yield the stretches in blocks that take little memory: the state, the first position and the end."""
    for state, end in _stretches(states, size):
        for since in range(state.since, end, PART):
            yield state, since, min(since + PART, end)


def _deepest_fall(states: Sequence[_State], prices: Prices) -> _Fall:
    """Return the deepest fall; between two executions net profit follows the price, so a stretch's extremes will do."""
    deepest, peak, peak_at = _Fall(0, -1, 0), 0, -1
    for (_, cash, position, _), since, end in _blocks(states, len(prices)):
        stretch = prices[since:end]
        highest = np.maximum.accumulate(stretch)
        falls = highest - stretch
        fall, low = int(falls.argmax()), int(stretch.argmin())
        from_before = peak - (cash + position * int(stretch[low]) * ONE)
        if from_before > deepest.depth:
            deepest = _Fall(from_before, peak_at, since + low)
        within = position * int(falls[fall]) * ONE
        if within > deepest.depth:
            deepest = _Fall(within, since + int(stretch[: fall + 1].argmax()), since + fall)
        top = int(stretch.argmax())
        net = cash + position * int(stretch[top]) * ONE
        if net > peak:
            peak, peak_at = net, since + top
        if since // PART != end // PART:
            let_go(prices)
    return deepest


def _chosen(states: Sequence[_State], prices: Prices, points: int) -> list[int]:
    """Return positions to show, in their order: floats choose, so equals to 15 digits may stand for each other."""
    fall = _deepest_fall(states, prices)
    chosen = {0, len(prices) - 1, max(fall.peak, 0), fall.trough}
    starts = np.array([state.since for state in states])
    cash = np.array([float(state.cash) for state in states])
    position = np.array([float(state.position * ONE) for state in states])
    edges = np.linspace(0, len(prices), max((points - len(chosen)) // 2, 0) + 1).astype(np.int64).tolist()
    for first, end in pairwise(edges):
        of = np.searchsorted(starts, np.arange(first, end), side="right") - 1
        net = cash[of] + position[of] * prices[first:end]
        chosen |= {first + int(net.argmin()), first + int(net.argmax())}
        let_go(prices)
    return sorted(chosen)


def _course(states: Sequence[_State], prices: Prices, chosen: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return net profit, drawdown and value of the position after each of the chosen trades, exact."""
    rows, peak, index = [], 0, 0
    for (since, cash, position, _), end in _stretches(states, len(prices)):
        seen = since
        while index < len(chosen) and chosen[index] < end:
            at = chosen[index]
            peak = max(peak, cash + position * int(prices[seen : at + 1].max()) * ONE)
            value = position * int(prices[at]) * ONE
            rows.append((cash + value, peak - cash - value, value))
            seen, index = at + 1, index + 1
            let_go(prices)
        if seen < end:
            peak = max(peak, cash + position * int(prices[seen:end].max()) * ONE)
    return rows
