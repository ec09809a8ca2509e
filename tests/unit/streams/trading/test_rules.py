"""The strategy's arithmetic: numbers worked out by hand from the rules."""

from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX, to_decimal
from streams.trading import rules
from streams.trading.rules import rules_of
from tests.samples import nine_trade_setup, setup, units

XRP = {"tick_size": "0.00001", "step_size": "0.1", "chunks": 5, "budget": "1000", "fee": "0.001"}
XRP |= {"buy_down_interval": "0.0001", "profit_interval": "-0.0012", "rebuy_interval": "0.001"}


@pytest.mark.parametrize(
    ("changes", "market", "buy", "quantity", "rebuy", "sell"),
    [
        # 100 · 0.99 = 99; 300/3/99 = 1.0101; 99 · 0.95 = 94.05; 99 · 1.02 = 100.98
        ({}, "100", "99", "1", "94.05", "100.98"),
        # 101.01 · 0.99 = 99.9999, on tick 99.99; 100/99.99 = 1.0001; 94.9905; 101.9898
        ({}, "101.01", "99.99", "1", "94.9905", "101.98"),
        # The nine trades. 0.4318301 · 0.9975 = 0.43075052…; 20/0.4307 = 46.436…; · 0.99 = 0.426393
        # 0.4307 · 1.001 · 1.001 · 1.001 = 0.43199339…
        (None, "0.43183010", "0.4307", "46.4", "0.426393", "0.4319"),
        # 0.43210 · 0.9975 = 0.43101975; 20/0.431 = 46.403…; 0.42669; 0.43229429…
        (None, "0.43210", "0.431", "46.4", "0.42669", "0.4322"),
        # The first trade of XRPUSDT on 2019-06-02. 0.42856 · 0.9999 = 0.428517144; 200/0.42851 = 466.733…
        # 0.42851 · 0.999 = 0.42808149; 0.42851 · 1.001 · 0.9988 · 1.001 = 0.42885239…
        (XRP, "0.42856", "0.42851", "466.7", "0.42808149", "0.42885"),
        # A tick above the price: there is no price to buy at, so there is no quantity.
        ({"tick_size": "1000"}, "100", "0", "0", "0", "0"),
        # A step above what the budget buys.
        ({"step_size": "2"}, "100", "99", "0", "94.05", "100.98"),
        # Nothing is rounded on the way: 99.999999995 on a tick of 1e-8.
        ({"tick_size": "0.00000001", "buy_down_interval": "0.00000001"}, "100", "99.999999", "1", None, None),
    ],
)
def test_by_hand(
    changes: dict[str, Any] | None, market: str, buy: str, quantity: str, rebuy: str | None, sell: str | None
) -> None:
    numbers = rules_of(*nine_trade_setup() if changes is None else setup(**changes))
    limit = rules.buy_price(numbers, units(market))
    assert limit == units(buy)
    assert rules.buy_quantity(numbers, limit) == units(quantity)
    if rebuy is not None and sell is not None:
        assert rules.rebuy_level(numbers, limit) == units(rebuy)
        assert rules.sell_price(numbers, limit) == units(sell)


INTERVAL = st.integers(-ONE // 2, ONE // 2)


@given(
    price=st.integers(1, 10**14),
    tick=st.integers(1, 10**10),
    step=st.integers(1, 10**12),
    budget=st.integers(1, 10**16),
    chunks=st.integers(1, 1_000),
    intervals=st.tuples(INTERVAL, INTERVAL, INTERVAL),
    fee=st.integers(0, ONE // 10),
)
def test_the_integers_are_the_decimals_of_the_rules(
    price: int, tick: int, step: int, budget: int, chunks: int, intervals: tuple[int, int, int], fee: int
) -> None:
    numbers = {"tick_size": tick, "step_size": step, "budget": budget, "fee": fee}
    down, profit, rebuy = intervals
    ways = {"buy_down_interval": down, "profit_interval": profit, "rebuy_interval": rebuy}
    made = rules_of(*setup(chunks=chunks, **numbers, **ways))
    p, t, s, one = to_decimal(price), to_decimal(tick), to_decimal(step), Decimal(1)
    limit = rules.buy_price(made, price)
    assert to_decimal(limit) == floor(p - p * to_decimal(down), t)
    if limit:
        lot = to_decimal(budget) / chunks / to_decimal(limit)
        bought = to_decimal(rules.buy_quantity(made, limit))
        assert bought <= lot < bought + s or abs(lot - bought - s) < Decimal("1e-15")
        assert bought % s == 0
    sell = to_decimal(limit) * (one + to_decimal(fee)) * (one + to_decimal(profit)) * (one + to_decimal(fee))
    assert to_decimal(rules.sell_price(made, limit)) == floor(sell, t)
    below = to_decimal(limit) - to_decimal(limit) * to_decimal(rebuy)
    level = rules.rebuy_level(made, limit)
    assert to_decimal(level - 1) < below <= to_decimal(level)


def floor(x: Decimal, step: Decimal) -> Decimal:
    return (x / step).to_integral_value(ROUND_FLOOR) * step


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("tick_size", 0, "0"),
        ("tick_size", -1, "-0.00000001"),
        ("tick_size", PRICE_MAX + 1, "10000000000"),
        ("step_size", 0, "0"),
        ("chunks", 0, "0"),
        ("chunks", 1_001, "1001"),
        ("budget", 0, "0"),
        ("budget", AMOUNT_MAX + 1, "100000000000000000000"),
        ("buy_down_interval", ONE, "1"),
        ("profit_interval", -ONE, "-1"),
        ("rebuy_interval", 2 * ONE, "2"),
        ("fee", -1, "-0.00000001"),
        ("fee", ONE, "1"),
    ],
)
def test_settings_that_make_no_sense_are_named(field: str, value: int, shown: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: {shown} "):
        rules_of(*setup(**{field: value}))
