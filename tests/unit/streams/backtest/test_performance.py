"""The money of a backtest, against sums by hand, sums the slow way, and the sweep's own."""

import numpy as np
import pytest

from schemas.units import ONE, plain
from streams.backtest import performance
from streams.backtest.engine.data import Prices, Times, prepare
from streams.backtest.engine.reference import SimulatedOrder, run_reference
from streams.backtest.engine.sweep import MONEY, sweep
from streams.backtest.performance import equity_of, plain_money, result_of
from streams.trading.rules import rules_of
from tests.samples import NINE_TRADES, nine_trade_setup, setup, units

pytestmark = pytest.mark.timeout(900)


def seconds(prices: Prices) -> Times:
    """A trade every second."""
    return np.arange(len(prices)) * 1_000_000


def test_nine_trades_by_hand() -> None:
    """46.4 pieces bought at 0.4307 and sold at 0.4319; the fee is a thousandth of each side."""
    prices = np.array([units(price) for price in NINE_TRADES], np.int64)
    of = nine_trade_setup()
    result = result_of(run_reference(prices.tolist(), rules_of(*of)), prices, seconds(prices), of)
    assert (result.orders, result.rejected, result.filled, result.cycles, result.position) == (3, 0, 2, 1, 0)
    # 46.4 · 0.0012 = 0.05568; 46.4 · (0.4307 + 0.4319) / 1000 = 0.04002464
    assert plain_money(result.fees) == "0.04002464"
    assert plain_money(result.realised) == plain_money(result.net_profit) == "0.01565536"
    # 231.5 pieces for 100 at 0.4318301, one thousandth fee: 231.5 · (0.4321 - 0.4318301) - 0.09996866815
    assert plain_money(result.buy_and_hold) == "-0.03748681815"
    # bought at 0.4307 and valued at 0.43065 once it is filled: 46.4 · 0.00005 and the fee of 0.01998448
    assert plain_money(result.max_drawdown) == "0.02230448"
    assert (result.wins, result.losses, result.unrealised) == (1, 0, 0)
    # bought by the fifth trade and sold by the eighth; 46.4 · 0.4307 = 19.98448 of 100, 3 s of 8
    assert (result.time_in_market, result.span) == (3_000_000, 8_000_000)
    assert (plain(result.largest_exposure), plain(result.average_exposure)) == ("0.1998448", "0.0749418")
    assert result.win_rate == ONE


def test_an_open_position_is_worth_its_last_price() -> None:
    orders = [SimulatedOrder(1, "BUY", units("99"), units("2"), "FILLED", 0, 1)]
    prices = np.array([units(price) for price in ("100", "98", "97", "101", "95")], np.int64)
    result = result_of(orders, prices, seconds(prices), setup(fee="0.01"))
    assert plain_money(result.position_value) == "190"
    assert plain_money(result.net_profit) == "-9.98"  # 190 - 198 - 1.98
    assert (result.realised, result.unrealised, result.win_rate) == (0, result.net_profit, None)
    assert plain_money(result.max_drawdown) == "12"  # from 101 to 95, two pieces
    assert plain_money(result.buy_and_hold) == "-18"  # 3 pieces for 300 at 100: 3 · 5, and 3 of fee


@pytest.mark.parametrize("seed", range(5))
def test_as_the_sweep_and_as_step_by_step(seed: int) -> None:
    chance = np.random.default_rng(seed)
    noise, steps = chance.integers(-300, 301, 2_000), chance.integers(-15, 16, 2_000)
    prices = (40_000 + noise + steps.cumsum().clip(-9_000, 9_000)) * 1_000
    of = setup(tick_size="0.00001", buy_down_interval="0.001", profit_interval="0", rebuy_interval="0.002", fee="0.001")
    orders = run_reference(prices.tolist(), rules_of(*of))
    result = result_of(orders, prices, seconds(prices), of)
    summary = sweep(prepare(prices, of.instrument.tick_size), [of])
    assert result.cycles == summary.cycles[0] > 20
    assert (result.orders, result.rejected) == (summary.orders[0], summary.rejected[0])
    assert (result.position, result.fees, result.realised, result.net_profit) == (
        *(summary.position[0], summary.fees[0], summary.realised[0], summary.net_profit[0]),
    )
    assert result.net_profit == result.realised + result.unrealised
    assert result.wins + result.losses <= result.cycles


@pytest.mark.parametrize("block", [performance.PART, 1, 7])
@pytest.mark.parametrize("seed", range(5))
def test_the_course_as_step_by_step(seed: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is left out, the ends of the deepest fall are not, and the last point is the result's."""
    monkeypatch.setattr(performance, "PART", block)
    chance = np.random.default_rng(seed)
    prices = (40_000 + chance.integers(-90, 91, 400)) * 1_000
    of = setup(
        tick_size="0.00001", buy_down_interval="0", profit_interval="-0.001", rebuy_interval="0.0001", fee="0.001"
    )
    orders = run_reference(prices.tolist(), rules_of(*of))
    result = result_of(orders, prices, seconds(prices), of)
    every = step_by_step(orders, prices.tolist(), of.settings.fee)
    for points in (4, 5, 17, 399, 400, 1_000):
        course = equity_of(orders, prices, of, points)
        assert [every[at] for at in course.at] == list(zip(*course[1:], strict=True))
        assert course.at == sorted(set(course.at))
        assert (course.at[0], course.at[-1], len(course.at) <= points) == (0, len(prices) - 1, True)
        assert (course.net_profit[-1], max(course.drawdown)) == (result.net_profit, result.max_drawdown)
        assert max(course.net_profit) == max(net for net, _, _ in every) or points < 17
    assert len(course.at) == 400
    assert result.max_drawdown == max(drawdown for _, drawdown, _ in every) > 0
    with pytest.raises(ValueError, match="points: 3 is below 4"):
        equity_of(orders, prices, of, 3)


def step_by_step(orders: list[SimulatedOrder], prices: list[int], fee: int) -> list[tuple[int, int, int]]:
    """Net profit, drawdown and value of the position after each trade."""
    cash = position = peak = 0
    rows = []
    for at, price in enumerate(prices):
        for order in orders:
            if order.filled_at == at:
                notional, sign = order.price * order.quantity, 1 if order.side == "SELL" else -1
                cash += sign * notional * ONE - notional * fee
                position -= sign * order.quantity
        equity = cash + position * price * ONE
        peak = max(peak, equity)
        rows.append((equity, peak - equity, position * price * ONE))
    return rows


def test_an_order_that_is_filled_in_parts() -> None:
    """Ten pieces bought at 100 by two trades, four of them sold at 110; a hundredth of each side is the fee."""
    orders = [
        SimulatedOrder(1, "BUY", units("100"), units("10"), "FILLED", 0, 2, ((1, units("6")), (2, units("4")))),
        SimulatedOrder(1, "SELL", units("110"), units("10"), "PARTIALLY_FILLED", 2, -1, ((4, units("4")),)),
    ]
    prices = np.array([units(price) for price in ("101", "99", "90", "100", "120", "105")], np.int64)
    of = setup(budget="2000", fee="0.01")
    result = result_of(orders, prices, np.array([0, 10, 20, 15, 40, 80]), of)
    assert (result.filled, result.cycles, plain(result.position)) == (1, 0, "6")
    assert plain_money(result.realised) == "31.6"  # 4 · 10 - 4 · 2.1
    assert plain_money(result.unrealised) == "24"  # 6 · 5 - 6 · 1
    assert plain_money(result.net_profit) == "55.6"
    assert plain_money(result.fees) == "14.4"
    assert plain_money(result.max_drawdown) == "110"  # 10 pieces at 90 instead of 100, and the fee of 10
    assert (result.time_in_market, result.span) == (70, 80)
    assert plain(result.largest_exposure) == "0.5"
    assert plain(result.average_exposure) == "0.3125"  # (600 · 10 + 1000 · 20 + 600 · 40) / 80 / 2000


def test_fees_smaller_than_the_smallest_notional() -> None:
    """Bought for 15 and sold for 15 is below the 0 at the start, by fees of 0.03 where the engine's unit is 1."""
    of = setup(
        tick_size="1", step_size="1", chunks=1, budget="15", buy_down_interval="0", profit_interval="0", fee="0.001"
    )
    prices = np.array([units(price) for price in ("5", "4", "5", "6", "6", "4")], np.int64)
    orders = run_reference(prices.tolist(), rules_of(*of))
    summary = sweep(prepare(prices, of.instrument.tick_size), [of], drawdown=True)
    assert summary.max_drawdown is not None
    # then two pieces for 12, worth 8: 4 and the fees of 0.03 and 0.012
    assert plain_money(summary.max_drawdown[0]) == "4.042"
    assert plain_money(result_of(orders, prices, seconds(prices), of).max_drawdown) == "4.042"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (MONEY, "1"), (-MONEY // 2, "-0.5"), (1, f"0.{'0' * 23}1"), (-3 * MONEY - MONEY // 4, "-3.25")],
)
def test_plain_money(amount: int, text: str) -> None:
    assert plain_money(amount) == text
