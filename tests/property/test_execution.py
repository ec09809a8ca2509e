"""Latency and limited fills: both engines give identical orders, and what is promised of each holds.

The money of a sweep, its drawdown among it, is that of the reference's orders to the last digit.
"""

from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Settings
from streams.backtest import reference
from streams.backtest.data import Flow, Prices, Quantities, Times, clock_of, flow_of, prepare
from streams.backtest.fast import run_fast, run_prepared
from streams.backtest.money import equity_of, result_of
from streams.backtest.reference import run_reference
from streams.backtest.sweep import sweep
from streams.trading.execution import AT_ONCE, Execution
from streams.trading.market import UNBOUNDED
from streams.trading.rules import rules_of
from tests.property.markets import any_settings, markets

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

PLENTY = 2**62
"""Of a trade's quantity."""


class Market(NamedTuple):
    """Trades as the engines take them."""

    prices: Prices
    quantities: Quantities
    times: Times


@st.composite
def busy_markets(draw: st.DrawFn, longest: int = 200) -> Market:
    """Random prices; times with pauses, bursts of one moment and steps back; quantities from none to plenty."""
    prices = np.array(draw(markets(longest)), np.int64)
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    pauses = draw(st.sampled_from([(0,), (0, 1), (1,), (0, 0, 0, 50), (-3, 0, 5, 1_000)]))
    unit = draw(st.sampled_from([1, 1_000, 10**7, 10**8]))
    sizes = draw(st.sampled_from([(1,), (0, 1, 7), (1, 30, 400), (5_000, 3), (PLENTY // unit,)]))
    times = chance.choice(np.array(pauses), len(prices)).cumsum()
    quantities = chance.choice(np.array(sizes), len(prices)) * unit + chance.integers(0, 2, len(prices)) * (unit // 3)
    return Market(prices, quantities, times)


EXECUTIONS = st.builds(Execution, st.sampled_from([0, 0, 1, 2, 5, 40, 900, 10**6]), st.booleans())


def flow(market: Market, execution: Execution) -> Flow:
    """Also for orders that are executed at once, which `flow_of` leaves to the zero-latency market."""
    return Flow(execution, clock_of(market.times), market.quantities)


@settings(max_examples=300)
@given(busy_markets(), any_settings(), EXECUTIONS)
def test_fast_and_reference_give_identical_orders(market: Market, any_settings: Settings, execution: Execution) -> None:
    rules, of = rules_of(any_settings), flow(market, execution)
    expected = run_reference(market.prices.tolist(), rules, of)
    assert run_fast(market.prices, rules, of).to_list() == expected
    assert run_prepared(prepare(market.prices, rules.tick), rules, room=1, flow=of).to_list() == expected


@settings(max_examples=20)
@given(busy_markets(longest=5_000), any_settings(), EXECUTIONS)
def test_long_markets(market: Market, any_settings: Settings, execution: Execution) -> None:
    rules, of = rules_of(any_settings), flow(market, execution)
    assert run_fast(market.prices, rules, of).to_list() == run_reference(market.prices.tolist(), rules, of)


@settings(max_examples=100)
@given(busy_markets(), any_settings(), EXECUTIONS)
def test_what_is_skipped_is_no_event(market: Market, any_settings: Settings, execution: Execution) -> None:
    rules, of = rules_of(any_settings), flow(market, execution)
    with patch.object(reference, "bounds", lambda leader: (UNBOUNDED, 0)):
        every = run_reference(market.prices.tolist(), rules, of)
    assert every == run_reference(market.prices.tolist(), rules, of)


@settings(max_examples=150)
@given(busy_markets(), any_settings(), st.booleans())
def test_without_latency_and_with_plenty_it_is_the_zero_latency_market(
    market: Market, any_settings: Settings, limited: bool
) -> None:
    rules = rules_of(any_settings)
    plenty = market._replace(quantities=np.full(len(market.prices), PLENTY)) if limited else market
    at_once = run_reference(market.prices.tolist(), rules)
    assert run_reference(market.prices.tolist(), rules, flow(plenty, Execution(0, limited))) == at_once
    assert flow_of(market, AT_ONCE) is None


@settings(max_examples=150)
@given(busy_markets(), any_settings(), EXECUTIONS)
def test_no_execution_is_early_too_large_or_off_price(
    market: Market, any_settings: Settings, execution: Execution
) -> None:
    """A book that keeps its own records: whatever was executed was possible."""
    rules, clock = rules_of(any_settings), clock_of(market.times).tolist()
    taken = [0] * len(market.prices)
    for order in run_reference(market.prices.tolist(), rules, flow(market, execution)):
        for at, quantity in order.executions:
            assert clock[at] >= clock[order.placed_at] + execution.latency_us
            assert 0 < quantity <= order.quantity
            taken[at] += quantity
        total = sum(quantity for _, quantity in order.executions)
        assert (order.status == "FILLED") == (total == order.quantity and order.status != "REJECTED")
        assert (order.status == "PARTIALLY_FILLED") == (0 < total < order.quantity)
        assert order.filled_at == (order.executions[-1][0] if order.status == "FILLED" else -1)
    if execution.limited:
        assert all(sum_ <= quantity for sum_, quantity in zip(taken, market.quantities.tolist(), strict=True))


@settings(max_examples=150)
@given(busy_markets(), any_settings(), EXECUTIONS)
def test_the_money_of_a_sweep_is_that_of_its_orders(
    market: Market, any_settings: Settings, execution: Execution
) -> None:
    prepared, of = prepare(market.prices, any_settings.tick_size), flow_of(market, execution)
    summary = sweep(prepared, [any_settings], flow=of, drawdown=True)
    orders = run_reference(market.prices.tolist(), rules_of(any_settings), of)
    result = result_of(orders, market.prices, market.times, any_settings)
    assert summary.max_drawdown is not None
    assert {name: getattr(result, name) for name in SUMS} == {name: getattr(summary, name)[0] for name in SUMS}
    course = equity_of(orders, market.prices, any_settings, 4)
    assert (course.net_profit[-1], max(course.drawdown)) == (result.net_profit, result.max_drawdown)


SUMS = ("orders", "rejected", "cycles", "position", "fees", "realised", "net_profit", "max_drawdown")
