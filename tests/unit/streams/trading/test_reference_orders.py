"""Both engines give the recorded orders on the recorded days, and the nine trades' orders."""

import csv
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from producers.recorded.files import read_trades
from schemas.units import plain, to_units
from streams.backtest.engine.data import Prices
from streams.backtest.engine.fast import run_fast
from streams.backtest.engine.reference import SimulatedOrder, run_reference
from streams.trading.rules import Rules, rules_of
from tests.samples import NINE_TRADE_ORDERS, NINE_TRADES, nine_trade_setup, setup, units

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

SHARED = Path(__file__).parents[5] / "shared"
DAYS = {
    "XRPUSDT-2019-06-02": {"tick_size": "0.00001", "step_size": "0.1"},
    "ETHUSDT-2019-06-07": {"tick_size": "0.01", "step_size": "0.00001"},
}
PARAMETERS = {
    "A": (5, "1000", "0.0001", "-0.0012", "0.001"),
    "B": (3, "500", "0.0020", "0.0030", "0.0040"),
}

Engine = Callable[[Prices, Rules], list[SimulatedOrder]]
ENGINES: dict[str, Engine] = {
    "reference": lambda prices, rules: run_reference(prices.tolist(), rules),
    "fast": lambda prices, rules: run_fast(prices, rules).to_list(),
}


@cache
def prices_of(day: str) -> Prices:
    path = SHARED / "trades" / f"{day}.csv.gz"
    if not path.exists():
        pytest.skip(f"THE REFERENCE ORDERS ARE NOT CHECKED: the recorded trades {path} are not here")
    return np.array([trade.price for trade in read_trades(path)], np.int64)


def recorded_orders(name: str) -> Counter[tuple[str, int, int, str]]:
    path = SHARED / "reference-orders" / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"THE REFERENCE ORDERS ARE NOT CHECKED: {path} is not here")
    with path.open() as lines:
        rows = list(csv.DictReader(lines))
    return Counter(
        (r["side"], to_units(r["price"], "price"), to_units(r["quantity"], "quantity"), r["status"]) for r in rows
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("parameters", PARAMETERS)
@pytest.mark.parametrize("day", DAYS)
def test_recorded_days(day: str, parameters: str, engine: str) -> None:
    chunks, budget, buy_down, profit, rebuy = PARAMETERS[parameters]
    rules = rules_of(
        *setup(
            **DAYS[day],
            chunks=chunks,
            budget=budget,
            buy_down_interval=buy_down,
            profit_interval=profit,
            rebuy_interval=rebuy,
            fee="0.001",
        )
    )
    orders = ENGINES[engine](prices_of(day), rules)
    given = Counter((order.side, order.price, order.quantity, order.status) for order in orders)
    assert given == recorded_orders(f"{day}-{parameters}")


@pytest.mark.parametrize("engine", ENGINES)
def test_nine_trades(engine: str) -> None:
    prices = np.array([units(price) for price in NINE_TRADES], np.int64)
    orders = ENGINES[engine](prices, rules_of(*nine_trade_setup()))
    assert [(order.side, plain(order.price), order.status) for order in orders] == NINE_TRADE_ORDERS
