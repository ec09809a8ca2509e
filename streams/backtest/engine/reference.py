"""The reference engine: the live strategy, in plain Python, one market trade after the other."""

from collections.abc import Iterable
from dataclasses import dataclass

from streams.backtest.engine.data import Flow, check_timed
from streams.trading.matching import BUYING
from streams.trading.rules import Rules
from streams.trading.simulation import (
    AT_ONCE,
    PARTIALLY_FILLED,
    PLACED,
    Events,
    new_simulation,
    on_market_trade,
    quiet,
)
from streams.trading.strategy import REFUSED


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
        """Return the position of the trade and the executed quantity of each execution, in their order."""
        return self.parts or (((self.filled_at, self.quantity),) if self.filled_at >= 0 else ())


def run_reference(prices: Iterable[int], rules: Rules, flow: Flow | None = None) -> list[SimulatedOrder]:
    """Return every order that the rules give on these market prices, in the order they were placed.

    Orders are executed at once if `flow` is None; otherwise as it says, which has an entry for each of the prices.
    """
    check_timed([rules], flow)
    simulation = new_simulation(rules.chunks)
    orders: list[SimulatedOrder] = []
    open_orders: dict[int, SimulatedOrder] = {}
    low, high = quiet(simulation.leader)
    for position, price in enumerate(prices):
        if low <= price <= high:
            continue
        if flow is None:
            count = on_market_trade(simulation, rules, AT_ONCE, 0, price, 0)
        else:
            now, quantity = int(flow.clock[position]), int(flow.quantities[position])
            count = on_market_trade(simulation, rules, flow.execution, now, price, quantity)
        for event in range(count):
            if simulation.events.kind[event] == PLACED:
                order = _placed(simulation.events, event, position)
                orders.append(order)
                if order.status == "NEW":
                    open_orders[order.trader] = order
            else:
                _execute(open_orders, simulation.events, event, position)
        low, high = quiet(simulation.leader)
    return orders


def _placed(events: Events, event: int, position: int) -> SimulatedOrder:
    stage = events.stage[event]
    side = "BUY" if stage in (BUYING, BUYING + REFUSED) else "SELL"
    status = "REJECTED" if stage > REFUSED else "NEW"
    return SimulatedOrder(events.trader[event], side, events.price[event], events.quantity[event], status, position)


def _execute(open_orders: dict[int, SimulatedOrder], events: Events, event: int, position: int) -> None:
    order = open_orders[events.trader[event]]
    if events.kind[event] == PARTIALLY_FILLED or order.parts:
        order.parts += ((position, events.quantity[event]),)
    if events.kind[event] == PARTIALLY_FILLED:
        order.status = "PARTIALLY_FILLED"
    else:
        order.status, order.filled_at = "FILLED", position
        del open_orders[order.trader]
