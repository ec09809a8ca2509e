"""What a sweep looks for the most of: a defined order, and a value for each setting."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from schemas.units import ONE
from streams.backtest.engine.data import Prices, Quantities, Times
from streams.backtest.engine.scale import TooLarge
from streams.backtest.engine.sweep import Summary
from streams.backtest.performance import Result
from streams.backtest.trial import (
    CYCLES,
    DRAWDOWN,
    FAST,
    NET,
    REFERENCE,
    _ranked,
    _values,
    best_of,
    try_settings,
)
from streams.trading.simulation import Execution
from tests.samples import setup
from tests.unit.streams.backtest.engine.test_sweep import draws

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Trades:
    prices: Prices
    quantities: Quantities
    times: Times


def trades(seed: int, size: int = 3_000) -> Trades:
    chance = np.random.default_rng(seed)
    prices = (40_000 + chance.integers(-30, 31, size).cumsum().clip(-9_000, 9_000)) * 1_000
    return Trades(prices, chance.integers(0, 40 * ONE, size), np.arange(size) * 1_000)


def key(objective: str, result: Result) -> tuple[float, int]:
    net, fall = result.net_profit, result.max_drawdown
    if objective == NET:
        return net, result.cycles
    if objective == CYCLES:
        return result.cycles, net
    return (net / fall if fall else float("inf") if net else 0.0), net


@pytest.mark.parametrize("objective", [NET, CYCLES, DRAWDOWN])
@pytest.mark.parametrize("execution", [Execution(), Execution(2_500, limited=True)])
def test_the_best_first_and_each_as_if_alone(objective: str, execution: Execution) -> None:
    done: list[int] = []
    market, tried = trades(1), draws(40)
    best = best_of({"all": market}, tried, objective, 40, execution, progress=done.append)
    alone = [try_settings(market, each, execution=execution).result for each in tried]
    keys = [key(objective, result) for result in alone]
    assert [found.setting for found in best.found] == sorted(range(40), key=lambda at: (-keys[at][0], -keys[at][1], at))
    assert [found.results["all"] for found in best.found] == [alone[found.setting] for found in best.found]
    assert len({first for first, _ in keys}) > 3
    assert done[-1] == 40
    for value, result in zip(best.values, alone, strict=True):
        if objective != DRAWDOWN:
            assert value == key(objective, result)[0]
        elif result.max_drawdown:
            assert value == result.net_profit * ONE // result.max_drawdown
        else:
            assert value == (None if result.net_profit else 0)


@pytest.mark.parametrize("execution", [Execution(), Execution(2_500, limited=True)])
@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"step_size": "92233720368.54775808"}, "step_size: 9223372036854775808 exceeds"),  # 2**63
        ({"step_size": "100000000000"}, "step_size: 10000000000000000000 exceeds"),
        ({"step_size": "46116860184.27387903"}, None),  # 2**62 - 1
        ({"budget": "99999999999999999999.99999999"}, "largest notional: 6666666666"),
        ({"budget": "99999999999999999999.99999999", "step_size": "99999999999999999999.99999999"}, "step_size: "),
        ({"tick_size": "9999999999.99999999"}, "buy-down fraction · tick: "),
        ({"tick_size": "9000000000"}, None),
        ({"chunks": 1_000}, None),
        ({"min_notional": 10**40, "min_price": -(10**40), "max_price": 10**40}, None),
    ],
    ids=str,
)
def test_what_does_not_fit_64_bits_is_worked_out_all_the_same(
    changes: dict[str, Any], refused: str | None, execution: Execution
) -> None:
    market, tried = trades(1, 200), setup(**{"tick_size": "0.00001", **changes})
    fast, exact = (try_settings(market, tried, engine, execution) for engine in (FAST, REFERENCE))
    assert (fast.orders, fast.result) == (exact.orders, exact.result)
    assert fast.engine == (FAST if refused is None else REFERENCE)
    assert (fast.refused or "").startswith(refused or "")
    if refused is None:
        assert best_of({"all": market}, [tried], NET, 1, execution).found[0].results["all"] == exact.result
    else:
        with pytest.raises(TooLarge, match=refused):
            best_of({"all": market}, [tried], NET, 1, execution)


def test_a_profit_without_a_drawdown_is_above_all() -> None:
    """By profit per drawdown; equals by profit, then in the order tried; what did nothing is above what lost."""
    net = [-1, 0, 3, 2, 6, 5, 6, 9]
    falls = [1, 0, 2, 0, 4, 0, 4, 1_000]
    counts = np.zeros(len(net), np.int64)
    exact, deepest = np.array(net, object), np.array(falls, object)
    summary = Summary(counts, counts, counts, counts, exact, exact, exact, exact, exact, deepest)
    assert _ranked(summary, DRAWDOWN) == [5, 3, 4, 6, 2, 7, 1, 0]
    assert _values(summary, DRAWDOWN) == [
        -ONE,
        0,
        3 * ONE // 2,
        None,
        3 * ONE // 2,
        None,
        3 * ONE // 2,
        9 * ONE // 1_000,
    ]
