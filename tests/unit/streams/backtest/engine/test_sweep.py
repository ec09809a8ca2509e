"""A sweep: every setting as if it were alone, whoever works it out."""

from random import Random

import numpy as np
import pytest

from schemas.records import Setup
from schemas.units import ONE, plain
from streams.backtest.engine.data import Prepared, prepare
from streams.backtest.engine.fast import run_prepared
from streams.backtest.engine.scale import Units
from streams.backtest.engine.sweep import CARRY, MONEY, Tally, _money, sweep
from streams.trading.rules import rules_of
from tests.samples import NINE_TRADES, nine_trade_setup, setup, units

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)


def market(trades: int = 20_000) -> Prepared:
    steps = np.random.default_rng(2).integers(-30, 31, trades)
    return prepare((40_000 + steps.cumsum().clip(-9_000, 9_000)) * 1_000, 1_000)


def draws(number: int) -> list[Setup]:
    chance = Random(3)
    return [
        setup(
            tick_size="0.00001",
            chunks=chance.randint(1, 8),
            buy_down_interval=chance.randint(0, ONE // 100),
            profit_interval=chance.randint(-ONE // 500, ONE // 100),
            rebuy_interval=chance.randint(0, ONE // 100),
            fee="0.001",
        )
        for _ in range(number)
    ]


def test_the_money_of_nine_trades_by_hand() -> None:
    """Bought at 0.4307 and sold at 0.4319, 46.4 pieces, a thousandth of each side is the fee."""
    prepared = prepare(np.array([units(price) for price in NINE_TRADES]), units("0.0001"))
    summary = sweep(prepared, [nine_trade_setup()])
    assert (summary.orders[0], summary.rejected[0], summary.buys[0], summary.cycles[0]) == (3, 0, 1, 1)
    quantity = run_prepared(prepared, rules_of(*nine_trade_setup())).to_list()[0].quantity
    assert plain(quantity) == "46.4"
    profit = 464 * 4319 - 464 * 4307  # in 1e-5
    fees = 464 * 4319 + 464 * 4307  # in 1e-8
    assert summary.net_profit[0] == summary.realised[0] == profit * MONEY // 10**5 - fees * MONEY // 10**8
    assert summary.position[0] == 0


def test_the_same_answer_whatever_the_number_of_workers() -> None:
    prepared, of = market(), draws(100)
    one, two, five = (sweep(prepared, of, workers, drawdown=True) for workers in (1, 2, 5))
    for columns in zip(one, two, five, strict=True):
        assert columns[0].tolist() == columns[1].tolist() == columns[2].tolist()
    alone = [sweep(prepared, [each]) for each in of[:20]]
    assert [each.net_profit[0] for each in alone] == one.net_profit[:20].tolist()
    assert one.orders.tolist() == [len(run_prepared(prepared, rules_of(*each))) for each in of]
    assert one.cycles.sum() > 1_000


def test_progress_ends_with_all() -> None:
    done: list[int] = []
    sweep(market(100), draws(50), progress=done.append)
    assert done == sorted(done)
    assert done[-1] == 50


def test_sums_beyond_64_bits() -> None:
    """Two limbs are one number."""
    tally = Tally(orders=2, buys=1, cycles=1, bought=CARRY - 1, bought_carries=3, sold=5, sold_carries=4)
    *_, fees, realised, net = _money(tally, Units(1, 1), 0, 7)
    assert (fees, realised, net) == (0, (5 - (CARRY - 1) + CARRY) * ONE, (5 - (CARRY - 1) + CARRY) * ONE)


def test_no_settings_and_no_trades() -> None:
    with pytest.raises(ValueError, match="settings: none given"):
        sweep(market(10), [])
    assert sweep(prepare(np.array([], np.int64), 1_000), draws(1)).net_profit.tolist() == [0]
