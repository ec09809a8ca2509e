"""The reference engine: the live strategy, in plain Python, one market trade after the other."""

from collections.abc import Iterable
from dataclasses import dataclass

from streams.backtest.engine.data import Flow
from streams.trading.execution import PARTIALLY_FILLED, new_exchange, on_executed_trade
from streams.trading.matching import BUYING
from streams.trading.rules import Rules
from streams.trading.simulation import PLACED, Market, bounds, on_market_trade
from streams.trading.strategy import ON, REFUSED, set_mode


@dataclass(slots=True)
class SimulatedOrder:
    """An order of a backtest. Units as in the rules; `placed_at` and `filled_at` count trades from 0, -1 for none.

    `status` is NEW, PARTIALLY_FILLED, FILLED or REJECTED.
    """

    trader: int
    side: str
    price: int
    quantity: int
    status: str
    placed_at: int
    filled_at: int = -1
    parts: tuple[tuple[int, int], ...] = ()
    """Position and quantity of every execution of an order that was not filled by one; none of one that was."""

    @property
    def executions(self) -> tuple[tuple[int, int], ...]:
        """Position of the trade and executed quantity of each execution, in their order."""
        return self.parts or (((self.filled_at, self.quantity),) if self.filled_at >= 0 else ())


def run_reference(prices: Iterable[int], rules: Rules, flow: Flow | None = None) -> list[SimulatedOrder]:
    """Every order that the rules give on these market prices, in the order they were placed.

    Executed at once if `flow` is None; otherwise as it says, which has an entry for each of the prices.
    """
    exchange = new_exchange(rules.chunks)
    market = exchange.market
    set_mode(market.leader, ON)
    orders: list[SimulatedOrder] = []
    open_orders: dict[int, SimulatedOrder] = {}
    low, high = bounds(market.leader)
    for position, price in enumerate(prices):
        if low <= price <= high:
            continue
        if flow is None:
            events = on_market_trade(market, rules, price)
        else:
            now, quantity = int(flow.clock[position]), int(flow.quantities[position])
            events = on_executed_trade(exchange, rules, flow.execution, now, price, quantity)
        for event in range(events):
            if market.kind[event] == PLACED:
                order = _placed(market, event, position)
                orders.append(order)
                if order.status == "NEW":
                    open_orders[order.trader] = order
            else:
                _execute(open_orders, market, event, position)
        low, high = bounds(market.leader)
    return orders


def _placed(market: Market, event: int, position: int) -> SimulatedOrder:
    stage = market.side[event]
    side = "BUY" if stage in (BUYING, BUYING + REFUSED) else "SELL"
    status = "REJECTED" if stage > REFUSED else "NEW"
    return SimulatedOrder(market.number[event], side, market.price[event], market.quantity[event], status, position)


def _execute(open_orders: dict[int, SimulatedOrder], market: Market, event: int, position: int) -> None:
    order = open_orders[market.number[event]]
    if market.kind[event] == PARTIALLY_FILLED or order.parts:
        order.parts += ((position, market.quantity[event]),)
    if market.kind[event] == PARTIALLY_FILLED:
        order.status = "PARTIALLY_FILLED"
    else:
        order.status, order.filled_at = "FILLED", position
        del open_orders[order.trader]
