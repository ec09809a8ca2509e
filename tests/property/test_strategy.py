"""What holds for the strategy on any market under any settings, told by the reference engine's orders."""

from collections import Counter

from hypothesis import given, settings

from schemas.records import Setup
from schemas.units import ONE
from streams.backtest.engine.reference import SimulatedOrder, run_reference
from streams.trading.rules import rules_of
from tests.property.markets import any_setup, markets

END = 10**9


def run(prices: list[int], of: Setup) -> list[SimulatedOrder]:
    return run_reference(prices, rules_of(*of))


@settings(max_examples=200)
@given(markets(), any_setup())
def test_orders_keep_tick_step_and_filters(prices: list[int], of: Setup) -> None:
    for order in run(prices, of):
        assert order.price % of.instrument.tick_size == 0
        assert order.quantity % of.instrument.step_size == 0
        if order.status != "REJECTED":
            assert order.price >= max(of.instrument.min_price, 1)
            assert order.quantity >= max(of.instrument.min_quantity, 1)
            assert order.price <= (of.instrument.max_price or order.price)
            assert order.quantity <= (of.instrument.max_quantity or order.quantity)
            assert order.price * order.quantity >= of.instrument.min_notional * ONE
            assert not of.instrument.max_notional or order.price * order.quantity <= of.instrument.max_notional * ONE
            assert not of.instrument.max_position or order.quantity <= of.instrument.max_position


@settings(max_examples=200)
@given(markets(), any_setup())
def test_never_more_than_the_budget_nor_more_traders_than_chunks(prices: list[int], of: Setup) -> None:
    """A trader lives from its BUY to its filled SELL, and all that time its part of the budget is bound."""
    orders = run(prices, of)
    ends = {order.trader: order.filled_at for order in orders if order.side == "SELL" and order.status == "FILLED"}
    buys = [order for order in orders if order.side == "BUY"]
    for moment in {order.placed_at for order in buys}:
        running = [buy for buy in buys if buy.placed_at <= moment < ends.get(buy.trader, END)]
        assert len(running) <= of.settings.chunks
        assert sum(buy.price * buy.quantity for buy in running) <= of.settings.budget * ONE


@settings(max_examples=200)
@given(markets(), any_setup())
def test_every_order_acts_once(prices: list[int], of: Setup) -> None:
    """One BUY a trader, one SELL after its fill and not before, and both only at prices that reach them."""
    orders = run(prices, of)
    buys = {order.trader: order for order in orders if order.side == "BUY"}
    assert max(Counter((order.trader, order.side) for order in orders).values(), default=1) == 1
    for order in orders:
        assert order.status in {"NEW", "FILLED", "REJECTED"}
        assert (order.filled_at >= order.placed_at) == (order.status == "FILLED")
        if order.side == "SELL":
            buy = buys[order.trader]
            assert (buy.status, buy.filled_at, buy.quantity) == ("FILLED", order.placed_at, order.quantity)
    sales = {order.trader for order in orders if order.side == "SELL"}
    assert sales == {trader for trader, buy in buys.items() if buy.status == "FILLED"}


@settings(max_examples=200)
@given(markets(), any_setup())
def test_the_past_does_not_depend_on_the_future(prices: list[int], of: Setup) -> None:
    """Orders placed in the first half are the same, whatever follows."""
    half = len(prices) // 2
    early = [(o.trader, o.side, o.price, o.quantity, o.placed_at) for o in run(prices, of) if o.placed_at < half]
    assert early == [(o.trader, o.side, o.price, o.quantity, o.placed_at) for o in run(prices[:half], of)]
