"""Orders that take time to arrive, and fills limited by what was traded: one line for each trade and its effect."""

import numpy as np
import pytest

from schemas.units import plain
from streams.backtest.engine.data import Flow, clock_of
from streams.backtest.engine.reference import SimulatedOrder, run_reference
from streams.trading.rules import rules_of
from streams.trading.simulation import (
    FILLED,
    LATENCY_MAX_US,
    PARTIALLY_FILLED,
    PLACED,
    Execution,
    begin,
    new_simulation,
    on_market_trade,
)
from tests.samples import setup, units

OF = setup(
    tick_size="1", step_size="1", chunks=1, budget="1000", buy_down_interval="0", profit_interval="0.05", fee="0"
)
"""Buys ten pieces at 100, sells them at 105."""


def orders(execution: Execution, *trades: tuple[int, str, str]) -> list[SimulatedOrder]:
    """The orders on trades of a time in µs, a price and a quantity."""
    times, prices, quantities = zip(*trades, strict=True)
    flow = Flow(execution, clock_of(np.array(times)), np.array([units(quantity) for quantity in quantities]))
    return run_reference([units(price) for price in prices], rules_of(*OF), flow)


def shown(of: list[SimulatedOrder]) -> list[tuple[str, str, str, int, list[tuple[int, str]]]]:
    return [
        (o.side, plain(o.price), o.status, o.placed_at, [(at, plain(quantity)) for at, quantity in o.executions])
        for o in of
    ]


def test_an_order_is_filled_from_its_arrival_on() -> None:
    assert shown(
        orders(
            Execution(latency_us=100),
            (1_000, "100", "1"),  # the BUY at 100 is sent
            (1_099, "99", "1"),  # it would have been filled, but is not there yet
            (1_099, "101", "1"),
            (1_100, "99", "1"),  # it has arrived: filled; the SELL at 105 is sent
            (1_100, "110", "1"),
            (1_050, "110", "1"),  # the clock does not go back
            (1_199, "110", "1"),
            (1_200, "105", "1"),  # not above 105
            (1_201, "106", "1"),  # filled; the next trader
            (1_202, "104", "1"),  # its BUY is sent
        )
    ) == [
        ("BUY", "100", "FILLED", 0, [(3, "10")]),
        ("SELL", "105", "FILLED", 3, [(8, "10")]),
        ("BUY", "104", "NEW", 9, []),
    ]


def test_an_order_fills_up_by_what_was_traded() -> None:
    assert shown(
        orders(
            Execution(limited=True),
            (0, "100", "50"),  # the BUY at 100 is placed
            (1, "99", "4"),
            (2, "100", "50"),  # not below 100
            (3, "99", "0.9"),  # less than a step
            (4, "98", "3.9"),
            (5, "99", "50"),  # the other three: the SELL at 105 is placed
            (6, "106", "8"),
            (7, "104", "50"),
        )
    ) == [
        ("BUY", "100", "FILLED", 0, [(1, "4"), (4, "3"), (5, "3")]),
        ("SELL", "105", "PARTIALLY_FILLED", 5, [(6, "8")]),
    ]


def test_orders_share_a_trades_quantity_the_best_price_first() -> None:
    """The second trader was started by the fall to 97; of twelve pieces the first has ten."""
    of = setup(
        tick_size="1",
        step_size="1",
        chunks=2,
        budget="2000",
        buy_down_interval="0",
        profit_interval="0.05",
        rebuy_interval="0.02",
        fee="0",
    )
    prices, quantities = ("100", "97", "95", "90"), ("1", "0", "0", "12")
    flow = Flow(Execution(limited=True), np.arange(4), np.array([units(quantity) for quantity in quantities]))
    assert shown(run_reference([units(price) for price in prices], rules_of(*of), flow)) == [
        ("BUY", "100", "FILLED", 0, [(3, "10")]),
        ("BUY", "95", "PARTIALLY_FILLED", 2, [(3, "2")]),
        ("SELL", "105", "NEW", 3, []),
    ]


@pytest.mark.parametrize("latency", [-1, LATENCY_MAX_US + 1])
def test_a_latency_that_cannot_be(latency: int) -> None:
    with pytest.raises(ValueError, match=f"latency_us: {latency} is not between 0 and"):
        Execution(latency).check()


@pytest.mark.parametrize("seen", [1, 2, 3, 4])
def test_begun_again_a_simulation_knows_nothing_of_before(seen: int) -> None:
    """Neither traders, nor orders on their way (after one trade), nor what was executed of one (after two, four)."""
    execution = Execution(latency_us=10, limited=True)
    trades = [(0, "100", "50"), (10, "99", "4"), (20, "98", "50"), (30, "110", "3")][:seen]
    simulation = new_simulation(OF.settings.chunks)
    told = []
    for _ in range(2):
        for time, price, quantity in trades:
            count = on_market_trade(simulation, rules_of(*OF), execution, time, units(price), units(quantity))
            told.append([[column[event] for column in simulation.events] for event in range(count)])
        begin(simulation)
    assert told[:seen] == told[seen:]
    kinds = [events[0][0] for events in told[:seen]]
    assert kinds == [PLACED, PARTIALLY_FILLED, FILLED, PARTIALLY_FILLED][:seen]
