"""The table of cycles: what each trader bought, and what it got for it."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.records import Settings
from schemas.units import plain
from streams.backtest.engine.data import Times, clock_of
from streams.backtest.engine.reference import SimulatedOrder
from streams.backtest.performance import executed, plain_money, profit_of
from streams.backtest.report.curves import since_first


class Cycle(NamedTuple):
    """One line: times in ms since the first trade, None where there is none yet; the rest as it is shown.

    `quantity` is what was bought, `fees` were paid for everything executed, `profit` is that of what was sold.
    """

    trader: int
    quantity: str
    bought: int
    buy_price: str
    sold: int | None
    sell_price: str | None
    fees: str
    profit: str | None


class Cycles(NamedTuple):
    """The first cycles in the order in which they bought, and how many there were."""

    rows: list[Cycle]
    of: int


def cycles_of(orders: Sequence[SimulatedOrder], times: Times, settings: Settings, most: int) -> Cycles:
    """Return the cycles of a run, finished or not, that have bought; at most `most`."""
    clock = clock_of(times)
    sells = {order.trader: order for order in orders if order.side == "SELL" and order.executions}
    buys = [order for order in orders if order.side == "BUY" and order.executions]
    buys.sort(key=lambda order: (order.executions[-1][0], order.trader))
    rows = [_cycle(buy, sells.get(buy.trader), clock, settings) for buy in buys[:most]]
    return Cycles(rows, len(buys))


def _cycle(buy: SimulatedOrder, sell: SimulatedOrder | None, clock: Times, settings: Settings) -> Cycle:
    fees = sum(order.price * executed(order) for order in (buy, sell) if order is not None) * settings.fee
    (bought,) = since_first(clock, [buy.executions[-1][0]])
    sold = since_first(clock, [sell.filled_at])[0] if sell is not None and sell.status == "FILLED" else None
    return Cycle(
        trader=buy.trader,
        quantity=plain(executed(buy)),
        bought=bought,
        buy_price=plain(buy.price),
        sold=sold,
        sell_price=None if sell is None else plain(sell.price),
        fees=plain_money(fees),
        profit=None if sell is None else plain_money(profit_of(buy, sell, settings.fee)),
    )
