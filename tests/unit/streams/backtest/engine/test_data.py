"""Prices as the compiled engine reads them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import mapped
from schemas.units import PRICE_MAX
from streams.backtest.engine.data import clock_of, prepare
from streams.backtest.engine.fast import run_fast
from streams.backtest.engine.reference import run_reference
from streams.trading.rules import rules_of
from tests.samples import setup

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)


def test_prices_on_tick_are_counted_in_ticks() -> None:
    prices = np.array([3_000, 5_000, 4_000])
    prepared = prepare(prices, 1_000)
    assert (prepared.unit, prepared.highest) == (1_000, 5)
    assert (prepared.tape.low.tolist(), prepared.tape.high.tolist()) == ([3], [5])
    assert prepared.tape.low.dtype == np.int32
    assert prepared.tape.prices is prices  # no copy


def test_prices_off_tick_are_counted_in_what_divides_all() -> None:
    prepared = prepare(np.array([3_000, 5_250, 4_000]), 1_000)
    assert (prepared.unit, prepared.tape.low.tolist(), prepared.tape.high.tolist()) == (250, [12], [21])


@pytest.mark.parametrize(
    ("prices", "tick", "unit"),
    [
        ([2**59 + 1, 2**59 + 2, 2**59 + 5], 1, 1),
        ([2**59 + 1, 2**30], 2**30, 1),
        ([2**53, 2**53 + 2**40], 2**40, 2**40),
        ([(2**31 - 1) * 3, 3], 3, 3),
        ([2**31 * 3, 3], 3, 3),
        ([PRICE_MAX - PRICE_MAX % 7, 7], 7, 7),
        ([PRICE_MAX - PRICE_MAX % 7 - 1, 7], 7, 1),
        ([1], 3, 1),
        ([100, 250], 100, 50),
        ([2, 3], PRICE_MAX, 1),
        ([PRICE_MAX], PRICE_MAX, PRICE_MAX),
    ],
)
def test_units_at_the_limits_of_32_bits_and_of_prices(prices: list[int], tick: int, unit: int) -> None:
    prepared = prepare(np.array(prices), tick)
    assert (prepared.unit, prepared.highest) == (unit, max(prices) // unit)
    assert prepared.tape.low.tolist() == [min(prices) // unit]
    assert prepared.tape.high.tolist() == [max(prices) // unit]


@given(st.integers(1, 10**9), st.lists(st.integers(1, 10**8), min_size=1), st.integers(0, 10**9))
def test_any_tick_divides_its_multiples_and_nothing_else(tick: int, counts: list[int], off: int) -> None:
    prices = [tick * count for count in counts]
    assert prepare(np.array(prices), tick).unit == tick
    assert prepare(np.array([*prices, tick + off]), tick).unit == math.gcd(tick, off)


@pytest.mark.parametrize(
    ("times", "clock"),
    [
        ([], []),
        ([5], [5]),
        ([5, 5, 6, 9, 9], [5, 5, 6, 9, 9]),
        ([5, 6, 4, 7, 8], [5, 6, 6, 7, 8]),
        ([5, 6, 7, 8, 1], [5, 6, 7, 8, 8]),
    ],
)
def test_a_clock_never_goes_back_and_is_no_copy_where_times_do_not(
    times: list[int], clock: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "PART", 2)
    trades = np.array(times, np.int64)
    found = clock_of(trades)
    assert found.tolist() == clock
    assert (found is trades) == (times == clock)


def test_extremes_of_blocks() -> None:
    prices = np.random.default_rng(1).integers(1, 10**6, 4_096 * 2 + 64 * 3 + 5)
    tape = prepare(prices, 1).tape
    small = [prices[i : i + 64] for i in range(0, len(prices), 64)]
    large = [prices[i : i + 4_096] for i in range(0, len(prices), 4_096)]
    assert (tape.low.tolist(), tape.high.tolist()) == ([b.min() for b in small], [b.max() for b in small])
    assert (tape.lowest.tolist(), tape.highest.tolist()) == ([b.min() for b in large], [b.max() for b in large])


def test_what_is_no_price_is_named() -> None:
    with pytest.raises(ValueError, match=r"prices: trade 1 has 0 \(1e-8\), which is no price"):
        prepare(np.array([5, 0, -3]), 1)
    with pytest.raises(ValueError, match="prices: trade 0 has 1000000000000000000"):
        prepare(np.array([10**18]), 1)


@pytest.mark.parametrize("prices", [[], [40_000_000]])
def test_no_trade_and_one(prices: list[int]) -> None:
    rules = rules_of(*setup())
    assert run_fast(np.array(prices, np.int64), rules).to_list() == run_reference(prices, rules)
