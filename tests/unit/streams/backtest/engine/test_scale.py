"""Integers small enough for 64 bits round as the large ones do, and what does not fit is refused by name."""

from fractions import Fraction
from random import Random

import pytest

from schemas.units import ONE
from streams.backtest.engine.scale import LARGEST, TooLarge, same_floors, scale
from streams.trading import filters
from streams.trading import rules as trading
from streams.trading.matching import BUYING, SELLING
from streams.trading.rules import NO_LIMIT, rules_of
from tests.samples import setup, units

XRP = {"tick_size": "0.00001", "step_size": "0.1", "fee": "0.001", "budget": "1000"}


def test_a_small_fraction_rounds_every_number_the_same_way() -> None:
    chance = Random(4)
    for _ in range(300):
        limit = chance.randint(1, 60)
        num, den = chance.randint(-10_000, 10_000), chance.randint(1, 5_000)
        small = Fraction(*same_floors(num, den, limit))
        assert small <= Fraction(num, den)
        assert [n * small // 1 for n in range(limit + 1)] == [n * num // den for n in range(limit + 1)]


def test_a_small_fraction_of_a_long_one_is_found_at_once() -> None:
    num, den = same_floors(100_100_000**2 * 100_123_457, ONE**3, 6_125_000)
    assert den <= 6_125_000
    assert 0 <= Fraction(100_100_000**2 * 100_123_457, ONE**3) - Fraction(num, den) < Fraction(1, 6_125_000)


def test_scaled_rules_decide_as_the_exact_ones() -> None:
    chance = Random(5)
    for _ in range(200):
        exact = rules_of(
            *setup(
                **XRP,
                buy_down_interval=chance.randint(-ONE // 50, ONE // 20),
                profit_interval=chance.randint(-ONE // 50, ONE // 20),
                rebuy_interval=chance.randint(-ONE // 50, ONE // 20),
                min_notional=chance.randint(0, 400 * ONE),
                max_notional=chance.choice([0, chance.randint(1, 400 * ONE)]),
                bid_multiplier_up=chance.choice([0, chance.randint(9 * ONE // 10, 11 * ONE // 10)]),
                bid_multiplier_down=chance.choice([0, chance.randint(9 * ONE // 10, 11 * ONE // 10)]),
                ask_multiplier_up=chance.choice([0, chance.randint(9 * ONE // 10, 11 * ONE // 10)]),
                ask_multiplier_down=chance.choice([0, chance.randint(9 * ONE // 10, 11 * ONE // 10)]),
                max_position=chance.choice([0, chance.randint(1, 400 * ONE)]),
            )
        )
        unit = chance.choice([1_000, 500, 10, 1])
        small, units = scale(exact, unit, 45_000_000 // unit)
        price = chance.randint(1, 45_000_000 // unit)
        limit, exact_limit = trading.buy_price(small, price), trading.buy_price(exact, price * unit)
        assert limit * units.price == exact_limit
        assert trading.sell_price(small, limit) * unit == trading.sell_price(exact, exact_limit)
        quantity, exact_quantity = trading.buy_quantity(small, limit), trading.buy_quantity(exact, exact_limit)
        assert quantity * units.quantity == exact_quantity
        held = chance.randint(0, 3_000)
        for side in (BUYING, SELLING):
            refused = filters.refusal(exact, side, price * unit, exact_limit, exact_quantity, held * exact.step)
            assert filters.refusal(small, side, price, limit, quantity, held) == refused
        # The level may be between two prices: what counts is which prices are below.
        below = (price * unit - 1) // unit
        for seen in (below, limit - 1, limit, limit + 1):
            assert (seen < trading.rebuy_level(small, limit)) == (seen * unit < trading.rebuy_level(exact, exact_limit))


def test_realistic_instruments_fit() -> None:
    for tick, step, highest in (("0.01", "0.00001", "200000"), ("0.00000001", "1", "0.0001"), ("0.1", "0.001", "5000")):
        of = setup(tick_size=tick, step_size=step, budget="1000000", profit_interval="0.00123457", fee="0.00075")
        unit = of.instrument.tick_size
        scale(rules_of(*of), unit, units(highest) // unit)


def test_what_does_not_fit_names_the_numbers() -> None:
    of = setup(tick_size="0.00000001", step_size="0.00000001", budget="1000000")
    with pytest.raises(TooLarge, match=r"largest notional: \d+ exceeds 64 bits .*highest price 7 units of 1, tick 1"):
        scale(rules_of(*of), 1, 7)
    with pytest.raises(TooLarge, match="price · buy-down fraction"):
        scale(rules_of(*setup(**XRP, buy_down_interval="0.00000001")), 1_000, LARGEST // 1_000)
    with pytest.raises(TooLarge, match=r"step_size: 10000000000000000000 exceeds 64 bits"):
        scale(rules_of(*setup(**XRP | {"step_size": "100000000000"})), 1_000, 7)


@pytest.mark.parametrize(
    "field",
    [
        *("min_price", "max_price", "min_quantity", "max_quantity", "min_notional", "max_notional", "max_position"),
    ],
)
@pytest.mark.parametrize("value", [-(10**40), -(2**63) - 1, -1, 1, 2**63, 10**40])
def test_a_filter_of_any_size_forbids_the_same(field: str, value: int) -> None:
    exact = rules_of(*setup(**XRP))._replace(**{field: value})
    small, units = scale(exact, 1_000, 45_000)
    assert all(0 <= number < 2**63 or number == NO_LIMIT for number in (*small, *units))
    for price, quantity in ((1, 1), (45_000, 1), (1, 10**9)):
        for held in (0, 7):
            sizes = quantity * units.quantity, held * units.quantity
            refused = filters.refusal(exact, BUYING, price * units.price, price * units.price, *sizes)
            assert filters.refusal(small, BUYING, price, price, quantity, held) == refused


def test_a_tick_between_the_prices_units() -> None:
    with pytest.raises(ValueError, match=r"tick_size: 1000 .* not a multiple of the prices' unit, 300"):
        scale(rules_of(*setup(**XRP)), 300, 100)
