"""What a backtest earned, exactly: integers of 1 / `MONEY` (price · quantity · fee, each in units of 1e-8)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.records import Settings
from schemas.units import ONE, SCALE
from streams.backtest.data import Prices
from streams.backtest.reference import SimulatedOrder
from streams.backtest.sweep import MONEY

DECIMALS = 3 * SCALE
"""Of `MONEY`."""


class Result(NamedTuple):
    """What one run gave. Counts, `position` in units of 1e-8 of the base asset, money in 1 / `MONEY` of the quote's.

    `realised` is the profit of finished cycles after the fees of both sides; `net_profit` also has the open position at
    the last price and the fee that was paid for it. `buy_and_hold` is the net profit of buying for the whole budget at
    the first price. `max_drawdown` is the deepest fall of the net profit, valued at every trade's price, from the
    highest it had been, its 0 at the start included.
    """

    orders: int
    rejected: int
    filled: int
    cycles: int
    position: int
    position_value: int
    fees: int
    realised: int
    net_profit: int
    buy_and_hold: int
    max_drawdown: int


class _State(NamedTuple):
    """What one held after a trade's fills: net profit is `cash + position · price · ONE`."""

    since: int
    cash: int
    position: int


def result_of(orders: Sequence[SimulatedOrder], prices: Prices, settings: Settings) -> Result:
    """The result of a run of `settings` over market prices, int64 in units of 1e-8; there is at least one."""
    filled = [order for order in orders if order.status == "FILLED"]
    bought = {order.trader: order for order in filled if order.side == "BUY"}
    sold = [order for order in filled if order.side == "SELL"]
    states = _states(filled, settings.fee)
    last, held = int(prices[-1]), states[-1]
    value = held.position * last * ONE
    return Result(
        orders=len(orders),
        rejected=sum(order.status == "REJECTED" for order in orders),
        filled=len(filled),
        cycles=len(sold),
        position=held.position,
        position_value=value,
        fees=sum(order.price * order.quantity for order in filled) * settings.fee,
        realised=sum(_cash(bought[sell.trader], settings.fee) + _cash(sell, settings.fee) for sell in sold),
        net_profit=held.cash + value,
        buy_and_hold=_buy_and_hold(int(prices[0]), last, settings),
        max_drawdown=_max_drawdown(states, prices),
    )


def plain_money(amount: int) -> str:
    """An amount of 1 / `MONEY` as an exact plain decimal without trailing zeros."""
    whole, fraction = divmod(abs(amount), MONEY)
    digits = f"{fraction:0{DECIMALS}d}".rstrip("0")
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def _cash(order: SimulatedOrder, fee: int) -> int:
    """What a filled order added to the cash, its fee taken off."""
    notional = order.price * order.quantity
    cash: int = (notional if order.side == "SELL" else -notional) * ONE - notional * fee
    return cash


def _states(filled: Iterable[SimulatedOrder], fee: int) -> list[_State]:
    """What one held from the first trade on, and after every trade that filled an order."""
    at: dict[int, list[SimulatedOrder]] = defaultdict(list)
    for order in filled:
        at[order.filled_at].append(order)
    states = [_State(0, 0, 0)]
    for since in sorted(at):
        _, cash, position = states[-1]
        for order in at[since]:
            cash += _cash(order, fee)
            position += order.quantity if order.side == "BUY" else -order.quantity
        states.append(_State(since, cash, position))
    return states


def _buy_and_hold(first: int, last: int, settings: Settings) -> int:
    quantity = settings.budget * ONE // (first * settings.step_size) * settings.step_size
    profit: int = quantity * (last - first) * ONE - quantity * first * settings.fee
    return profit


def _max_drawdown(states: Sequence[_State], prices: Prices) -> int:
    """Between two fills the net profit follows the price, so each stretch needs its prices' extremes only."""
    ends = [state.since for state in states[1:]] + [len(prices)]
    peak = deepest = 0
    for (since, cash, position), end in zip(states, ends, strict=True):
        if since == end:
            continue
        stretch = prices[since:end]
        highest = np.maximum.accumulate(stretch)
        fall = int((highest - stretch).max())
        lowest = cash + position * int(stretch.min()) * ONE
        deepest = max(deepest, peak - lowest, position * fall * ONE)
        peak = max(peak, cash + position * int(highest[-1]) * ONE)
    return deepest
