"""The next trade that matters is where a plain look at every trade finds it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.trading.crossing import first_crossing
from streams.trading.matching import UNBOUNDED


@pytest.mark.parametrize(
    ("start", "low", "high", "found"),
    [
        (0, 10, 20, 3),  # 21, after 20, 10 and 15
        (4, 10, 20, 5),  # 9
        (6, 10, 20, 7),  # none is left
        (7, 10, 20, 7),
        (0, 10, UNBOUNDED, 5),
        (0, 0, 20, 3),
        (0, 0, UNBOUNDED, 7),
        (2, UNBOUNDED, 0, 2),  # every price
        (7, UNBOUNDED, 0, 7),
    ],
)
def test_table(start: int, low: int, high: int, found: int) -> None:
    prices = np.array([20, 10, 15, 21, 12, 9, 13])
    assert first_crossing(prices, start, low, high) == found


@given(
    st.lists(st.integers(1, 9), max_size=12),
    st.integers(0, 12),
    st.sampled_from([0, 3, 5, UNBOUNDED]),
    st.sampled_from([0, 5, 7, UNBOUNDED]),
)
def test_as_a_loop_finds_it(prices: list[int], start: int, low: int, high: int) -> None:
    ahead = [i for i in range(start, len(prices)) if prices[i] < low or prices[i] > high]
    found = first_crossing(np.array(prices, np.int64), min(start, len(prices)), low, high)
    assert found == (ahead[0] if ahead else len(prices))
