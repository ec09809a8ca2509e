"""Latency and limited fills: both engines give identical orders, and what is promised of each holds.

The money of a sweep, its drawdown among it, is that of the reference's orders to the last digit.
"""

from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Setup
from streams.backtest.engine import reference
from streams.backtest.engine.data import Flow, Prices, Quantities, Times, clock_of, flow_of, prepare
from streams.backtest.engine.fast import run_fast, run_prepared
from streams.backtest.engine.reference import run_reference
from streams.backtest.engine.sweep import sweep
from streams.backtest.performance import equity_of, result_of
from streams.trading.matching import UNBOUNDED
from streams.trading.rules import buy_price, buy_quantity, rules_of
from streams.trading.simulation import AT_ONCE, Execution
from tests.property.markets import any_setup, markets

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

PLENTY = 2**62
"""Of a trade's quantity."""


class Market(NamedTuple):
    """Trades as the engines take them."""

    prices: Prices
    quantities: Quantities
    times: Times


EXECUTIONS = st.builds(Execution, st.sampled_from([0, 0, 1, 2, 5, 40, 900, 10**6]), st.booleans())


class Case(NamedTuple):
    """A market, who trades on it, and how."""

    market: Market
    setup: Setup
    execution: Execution


@st.composite
def cases(draw: st.DrawFn, longest: int = 200) -> Case:
    """Random prices; times with pauses, bursts of one moment and steps back; quantities beside those of the orders."""
    of = draw(any_setup())
    prices = np.array(draw(markets(longest)), np.int64)
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    pauses = draw(st.sampled_from([(0,), (0, 1), (1,), (0, 0, 0, 50), (-3, 0, 5, 1_000)]))
    shares = draw(st.sampled_from([(3,), (0, 1, 7), (1, 9, 40), (8, 16), (100,)]))
    rules = rules_of(*of)
    typical = max(buy_quantity(rules, buy_price(rules, int(prices[0]))), rules.step)
    quantities = typical * chance.choice(np.array(shares), len(prices)) // 8 + chance.integers(0, 2, len(prices))
    times = chance.choice(np.array(pauses), len(prices)).cumsum()
    return Case(Market(prices, quantities, times), of, draw(EXECUTIONS))


def flow(market: Market, execution: Execution) -> Flow:
    """Also for orders that are executed at once, which `flow_of` leaves to the zero-latency market."""
    return Flow(execution, clock_of(market.times), market.quantities)


@settings(max_examples=150)
@given(cases())
def test_fast_and_reference_give_identical_orders(case: Case) -> None:
    market, rules, of = case.market, rules_of(*case.setup), flow(case.market, case.execution)
    expected = run_reference(market.prices.tolist(), rules, of)
    assert run_fast(market.prices, rules, of).to_list() == expected
    assert run_prepared(prepare(market.prices, rules.tick), rules, room=1, flow=of).to_list() == expected


@settings(max_examples=10)
@given(cases(longest=5_000))
def test_long_markets(case: Case) -> None:
    market, rules, of = case.market, rules_of(*case.setup), flow(case.market, case.execution)
    assert run_fast(market.prices, rules, of).to_list() == run_reference(market.prices.tolist(), rules, of)


@settings(max_examples=50)
@given(cases())
def test_what_is_skipped_is_no_event(case: Case) -> None:
    market, rules, of = case.market, rules_of(*case.setup), flow(case.market, case.execution)
    with patch.object(reference, "quiet", lambda leader: (UNBOUNDED, 0)):
        every = run_reference(market.prices.tolist(), rules, of)
    assert every == run_reference(market.prices.tolist(), rules, of)


@settings(max_examples=60)
@given(cases())
def test_without_latency_and_with_plenty_it_is_the_zero_latency_market(case: Case) -> None:
    market, rules, limited = case.market, rules_of(*case.setup), case.execution.limited
    plenty = market._replace(quantities=np.full(len(market.prices), PLENTY)) if limited else market
    at_once = run_reference(market.prices.tolist(), rules)
    assert run_reference(market.prices.tolist(), rules, flow(plenty, Execution(0, limited))) == at_once
    assert flow_of(market, AT_ONCE) is None


@settings(max_examples=80)
@given(cases())
def test_no_execution_is_early_too_large_or_off_price(case: Case) -> None:
    """A book that keeps its own records: whatever was executed was possible."""
    market, any_setup, execution = case
    rules, clock = rules_of(*any_setup), clock_of(market.times).tolist()
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


@settings(max_examples=80)
@given(cases())
def test_the_money_of_a_sweep_is_that_of_its_orders(case: Case) -> None:
    market, any_setup, execution = case
    prepared, of = prepare(market.prices, any_setup.instrument.tick_size), flow_of(market, execution)
    summary = sweep(prepared, [any_setup], flow=of, drawdown=True)
    orders = run_reference(market.prices.tolist(), rules_of(*any_setup), of)
    result = result_of(orders, market.prices, market.times, any_setup)
    assert summary.max_drawdown is not None
    assert {name: getattr(result, name) for name in SUMS} == {name: getattr(summary, name)[0] for name in SUMS}
    course = equity_of(orders, market.prices, any_setup, 4)
    assert (course.net_profit[-1], max(course.drawdown)) == (result.net_profit, result.max_drawdown)


SUMS = ("orders", "rejected", "cycles", "position", "fees", "realised", "net_profit", "max_drawdown")
