"""The money of a backtest, against sums by hand, sums the slow way, and the sweep's own."""

import numpy as np
import pytest

from schemas.units import ONE
from streams.backtest.data import prepare
from streams.backtest.money import plain_money, result_of
from streams.backtest.reference import SimulatedOrder, run_reference
from streams.backtest.sweep import MONEY, sweep
from streams.trading.rules import rules_of
from tests.samples import NINE_TRADES, nine_trade_settings, settings, units

pytestmark = pytest.mark.timeout(900)


def test_nine_trades_by_hand() -> None:
    """46.4 pieces bought at 0.4307 and sold at 0.4319; the fee is a thousandth of each side."""
    prices = np.array([units(price) for price in NINE_TRADES], np.int64)
    result = result_of(run_reference(prices.tolist(), rules_of(nine_trade_settings())), prices, nine_trade_settings())
    assert (result.orders, result.rejected, result.filled, result.cycles, result.position) == (3, 0, 2, 1, 0)
    # 46.4 · 0.0012 = 0.05568; 46.4 · (0.4307 + 0.4319) / 1000 = 0.04002464
    assert plain_money(result.fees) == "0.04002464"
    assert plain_money(result.realised) == plain_money(result.net_profit) == "0.01565536"
    # 231.5 pieces for 100 at 0.4318301, one thousandth fee: 231.5 · (0.4321 - 0.4318301) - 0.09996866815
    assert plain_money(result.buy_and_hold) == "-0.03748681815"
    # bought at 0.4307 and valued at 0.43065 once it is filled: 46.4 · 0.00005 and the fee of 0.01998448
    assert plain_money(result.max_drawdown) == "0.02230448"


def test_an_open_position_is_worth_its_last_price() -> None:
    orders = [SimulatedOrder(1, "BUY", units("99"), units("2"), "FILLED", 0, 1)]
    prices = np.array([units(price) for price in ("100", "98", "97", "101", "95")], np.int64)
    result = result_of(orders, prices, settings(fee="0.01"))
    assert plain_money(result.position_value) == "190"
    assert plain_money(result.net_profit) == "-9.98"  # 190 - 198 - 1.98
    assert result.realised == 0
    assert plain_money(result.max_drawdown) == "12"  # from 101 to 95, two pieces
    assert plain_money(result.buy_and_hold) == "-18"  # 3 pieces for 300 at 100: 3 · 5, and 3 of fee


@pytest.mark.parametrize("seed", range(5))
def test_as_the_sweep_and_as_step_by_step(seed: int) -> None:
    chance = np.random.default_rng(seed)
    noise, steps = chance.integers(-300, 301, 2_000), chance.integers(-15, 16, 2_000)
    prices = (40_000 + noise + steps.cumsum().clip(-9_000, 9_000)) * 1_000
    of = settings(
        tick_size="0.00001", buy_down_interval="0.001", profit_interval="0", rebuy_interval="0.002", fee="0.001"
    )
    orders = run_reference(prices.tolist(), rules_of(of))
    result = result_of(orders, prices, of)
    summary = sweep(prepare(prices, of.tick_size), [of])
    assert result.cycles == summary.cycles[0] > 20
    assert (result.orders, result.rejected) == (summary.orders[0], summary.rejected[0])
    assert (result.position, result.fees, result.realised, result.net_profit) == (
        *(summary.position[0], summary.fees[0], summary.realised[0], summary.net_profit[0]),
    )
    assert result.max_drawdown == drawdown_step_by_step(orders, prices.tolist(), of.fee)


def drawdown_step_by_step(orders: list[SimulatedOrder], prices: list[int], fee: int) -> int:
    cash = position = peak = deepest = 0
    for at, price in enumerate(prices):
        for order in orders:
            if order.filled_at == at:
                notional, sign = order.price * order.quantity, 1 if order.side == "SELL" else -1
                cash += sign * notional * ONE - notional * fee
                position -= sign * order.quantity
        equity = cash + position * price * ONE
        peak = max(peak, equity)
        deepest = max(deepest, peak - equity)
    return deepest


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (MONEY, "1"), (-MONEY // 2, "-0.5"), (1, f"0.{'0' * 23}1"), (-3 * MONEY - MONEY // 4, "-3.25")],
)
def test_plain_money(amount: int, text: str) -> None:
    assert plain_money(amount) == text
