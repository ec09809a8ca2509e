"""Two engines, one truth: on any market, under any settings, the fast engine gives the reference's orders.

And the reference gives, on the trades it looks at, what it would give by looking at every trade.
"""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import event, example, given, settings

from schemas.records import Setup
from streams.backtest.engine import reference
from streams.backtest.engine.data import prepare
from streams.backtest.engine.fast import run_fast, run_prepared
from streams.backtest.engine.reference import SimulatedOrder, run_reference
from streams.backtest.engine.scale import TooLarge
from streams.backtest.engine.sweep import sweep
from streams.trading.matching import UNBOUNDED
from streams.trading.rules import Rules, rules_of
from tests import samples
from tests.property.markets import any_setup, markets, prices_of_any_size, setup_of_any_size

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)


def run_every_trade(prices: list[int], rules: Rules) -> list[SimulatedOrder]:
    """The reference, told that any price may be an event."""
    with patch.object(reference, "quiet", lambda leader: (UNBOUNDED, 0)):
        return run_reference(prices, rules)


@settings(max_examples=400)
@given(markets(), any_setup())
@example([samples.units(price) for price in samples.NINE_TRADES], samples.nine_trade_setup())
def test_fast_and_reference_give_identical_orders(prices: list[int], any_setup: Setup) -> None:
    rules = rules_of(*any_setup)
    assert run_fast(np.array(prices), rules).to_list() == run_reference(prices, rules)


@settings(max_examples=25)
@given(markets(longest=9_000), any_setup())
def test_long_markets(prices: list[int], any_setup: Setup) -> None:
    """Long enough for whole blocks of 4,096 trades to be skipped."""
    rules = rules_of(*any_setup)
    assert run_fast(np.array(prices), rules).to_list() == run_reference(prices, rules)


@settings(max_examples=100)
@given(markets(), any_setup())
def test_what_is_skipped_is_no_event(prices: list[int], any_setup: Setup) -> None:
    rules = rules_of(*any_setup)
    assert run_every_trade(prices, rules) == run_reference(prices, rules)


@settings(max_examples=50)
@given(markets(), any_setup())
def test_room_for_orders_grows(prices: list[int], any_setup: Setup) -> None:
    rules = rules_of(*any_setup)
    prepared = prepare(np.array(prices), rules.tick)
    assert run_prepared(prepared, rules, room=1).to_list() == run_prepared(prepared, rules).to_list()


@settings(max_examples=100)
@given(markets(), any_setup())
def test_a_sweep_adds_up_to_the_reference(prices: list[int], any_setup: Setup) -> None:
    orders = run_reference(prices, rules_of(*any_setup))
    summary = sweep(prepare(np.array(prices), any_setup.instrument.tick_size), [any_setup])
    filled = [order for order in orders if order.status == "FILLED"]
    bought = [order for order in filled if order.side == "BUY"]
    sold = {order.trader: order for order in filled if order.side == "SELL"}
    profit, net = 0, 0
    for order in bought:
        sale = sold.get(order.trader)
        paid = order.price * order.quantity
        received = sale.price * sale.quantity if sale else prices[-1] * order.quantity
        fees = (paid + (received if sale else 0)) * any_setup.settings.fee
        net += (received - paid) * samples.units("1") - fees
        profit += (received - paid) * samples.units("1") - fees if sale else 0
    assert summary.orders[0] == len(orders)
    assert summary.rejected[0] == sum(order.status == "REJECTED" for order in orders)
    assert (summary.buys[0], summary.cycles[0]) == (len(bought), len(sold))
    assert summary.position[0] == sum(o.quantity for o in bought) - sum(o.quantity for o in sold.values())
    assert (summary.realised[0], summary.net_profit[0]) == (profit, net)


@settings(max_examples=400)
@given(prices_of_any_size(), setup_of_any_size())
def test_numbers_of_any_size_are_right_or_refused(prices: list[int], any_setup: Setup) -> None:
    rules = rules_of(*any_setup)
    try:
        fast = run_fast(np.array(prices), rules).to_list()
        summary = sweep(prepare(np.array(prices), rules.tick), [any_setup])
    except TooLarge:
        event("refused")
        return
    event("taken")
    orders = run_reference(prices, rules)
    assert fast == orders
    assert summary.orders[0] == len(orders)
