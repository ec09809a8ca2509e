"""The reference engine: the live strategy, in plain Python, one market trade after the other."""

from collections.abc import Iterable
from dataclasses import dataclass

from streams.trading.market import FILLED, bounds, new_market, on_market_trade
from streams.trading.rules import Rules
from streams.trading.strategy import BUYING, ON, REFUSED, set_mode


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


def run_reference(prices: Iterable[int], rules: Rules) -> list[SimulatedOrder]:
    """Every order that the rules give on these market prices, in the order they were placed."""
    market = new_market(rules.chunks)
    set_mode(market.leader, ON)
    orders: list[SimulatedOrder] = []
    open_orders: dict[int, SimulatedOrder] = {}
    low, high = bounds(market.leader)
    for position, price in enumerate(prices):
        if low <= price <= high:
            continue
        for event in range(on_market_trade(market, rules, price)):
            number = market.number[event]
            if market.kind[event] == FILLED:
                filled = open_orders.pop(number)
                filled.status, filled.filled_at = "FILLED", position
                continue
            stage = market.side[event]
            refused = stage > REFUSED
            side = "BUY" if stage == BUYING or stage == BUYING + REFUSED else "SELL"
            order = SimulatedOrder(
                number,
                side,
                market.price[event],
                market.quantity[event],
                "REJECTED" if refused else "NEW",
                position,
            )
            orders.append(order)
            if not refused:
                open_orders[number] = order
        low, high = bounds(market.leader)
    return orders
