"""Ticks that are more than the profit, at the price at which they are."""

import pytest

from streams.trading.coarse import coarse
from tests.samples import setup, units


@pytest.mark.parametrize(
    ("tick", "price", "profit", "fee", "found"),
    [
        ("0.00000001", "0.000001", "0.001", "0.001", ("0.00000099", "0.00000099", "-0.00199801")),
        ("0.00000001", "0.000001", "0.02", "0.001", None),  # one tick is one percent
        ("0.01", "1", "0.01", "0", ("0.99", "0.99", "0")),
        ("0.01", "1.03", "0.01", "0", None),  # bought at 1.01: a profit of 0.0101 is more than a tick
        ("0.01", "1.02", "0.01", "0", None),  # bought at 1: as much as a tick
        ("0.01", "1", "-0.001", "0.01", None),  # before fees it gains two percent
        ("0.05", "1", "-0.001", "0.01", ("0.95", "0.95", "-0.01980199")),
        ("0.05", "1", "-0.03", "0.01", None),  # a loss was asked for
        ("2", "1", "0.001", "0", None),  # it buys nothing
    ],
)
def test_coarse(tick: str, price: str, profit: str, fee: str, found: tuple[str, ...] | None) -> None:
    told = coarse(setup(tick_size=tick, profit_interval=profit, fee=fee, buy_down_interval="0.01"), units(price))
    assert told == (None if found is None else tuple(map(units, found)))
