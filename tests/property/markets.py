"""Random markets and settings, as small and as nasty as Hypothesis can make them."""

import random
from typing import Any

from hypothesis import strategies as st

from schemas.records import MULTIPLIERS, Setup
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX
from tests.samples import setup

TICK = 1_000


@st.composite
def markets(draw: st.DrawFn, longest: int = 200) -> list[int]:
    """Prices in units of 1e-8: stretches of rest, noise of a tick, trends and bursts, with gaps between them.

    In one market of two, prices are off tick.
    """
    moves = draw(st.lists(st.tuples(st.sampled_from(MOVES), GAPS, st.integers(1, longest)), min_size=1, max_size=14))
    chance = random.Random(draw(st.integers(0, 2**32)))
    fine = draw(st.sampled_from([1, 1, 10, 250, TICK]))
    price, prices = draw(st.integers(60, 2_000)), []
    for move, gap, count in moves:
        price += gap
        for _ in range(count):
            price = max(price + chance.choice(move), 1)
            prices.append(max(price * TICK + chance.randrange(-TICK, TICK) // fine * fine * (fine != TICK), 1))
    return prices


MOVES = ((0,), (0, 1, -1), (0, 0, 0, 1), (-1,), (1,), (-3, 1), (3, -1), (-20, 20), (-60, 0, 50))
GAPS = st.one_of(st.just(0), st.integers(-5, 5), st.integers(-400, 400))
INTERVALS = st.one_of(
    st.just(0), st.integers(0, ONE // 1_000), st.integers(0, ONE // 20), st.integers(-ONE // 100, ONE - 1)
)


@st.composite
def any_setup(draw: st.DrawFn) -> Setup:
    """Setups that make sense and those that do not: negative profit, zero intervals, filters that refuse."""
    plain: dict[str, Any] = {
        "tick_size": draw(st.sampled_from([TICK, TICK, 10 * TICK, 7 * TICK])),
        "step_size": draw(st.sampled_from([ONE, ONE // 10, 1_000])),
        "chunks": draw(st.integers(1, 8)),
        "budget": draw(st.sampled_from([1, 50_000, ONE // 100, ONE, 1_000 * ONE])),
        "buy_down_interval": draw(INTERVALS),
        "profit_interval": draw(st.one_of(INTERVALS, st.integers(-ONE // 20, ONE // 20))),
        "rebuy_interval": draw(INTERVALS),
        "fee": draw(st.sampled_from([0, 100_000, 75_000, 12_345_678])),
        "min_price": draw(st.sampled_from([0, 0, 300 * TICK + 1])),
        "max_price": draw(st.sampled_from([0, 0, 900 * TICK + 1])),
        "min_quantity": draw(st.sampled_from([0, 0, 5 * ONE + 1])),
        "max_quantity": draw(st.sampled_from([0, 0, 100_000 * ONE + 1])),
        "min_notional": draw(st.sampled_from([0, 0, ONE // 200])),
        "max_notional": draw(st.sampled_from([0, 0, 500 * ONE])),
        "max_position": draw(st.sampled_from([0, 0, 50 * ONE, 5_000 * ONE + 1])),
        **{name: draw(st.sampled_from([0, 0, 98 * ONE // 100, 102 * ONE // 100])) for name in MULTIPLIERS},
    }
    return setup(**plain)


@st.composite
def setup_of_any_size(draw: st.DrawFn) -> Setup:
    """Settings that are valid, with numbers of any number of digits and those next to what 62, 63 or 64 bits hold."""
    plain: dict[str, Any] = {
        "tick_size": draw(up_to(PRICE_MAX)),
        "step_size": draw(up_to(AMOUNT_MAX)),
        "budget": draw(up_to(AMOUNT_MAX)),
        "chunks": draw(st.sampled_from([1, 3, 1_000])),
        "min_notional": draw(st.one_of(st.just(0), up_to(AMOUNT_MAX))),
        "max_quantity": draw(st.one_of(st.just(0), up_to(AMOUNT_MAX))),
        "max_notional": draw(st.one_of(st.just(0), up_to(AMOUNT_MAX))),
        "max_position": draw(st.one_of(st.just(0), up_to(AMOUNT_MAX))),
        **{name: draw(st.one_of(st.just(0), up_to(PRICE_MAX))) for name in MULTIPLIERS},
        "fee": draw(st.integers(0, ONE - 1)),
        **{f"{name}_interval": draw(st.integers(1 - ONE, ONE - 1)) for name in ("buy_down", "profit", "rebuy")},
    }
    return setup(**plain)


def prices_of_any_size() -> st.SearchStrategy[list[int]]:
    """A few prices, each of any number of digits."""
    return st.lists(up_to(PRICE_MAX), min_size=1, max_size=20)


def up_to(largest: int) -> st.SearchStrategy[int]:
    """Integers from 1 to `largest`: of any number of digits as likely, and the ends of 62, 63 and 64 bits."""
    digits = st.integers(1, len(str(largest))).flatmap(lambda n: st.integers(10 ** (n - 1), min(10**n - 1, largest)))
    return st.one_of(digits, st.sampled_from([end for end in EDGES if end <= largest]))


EDGES = [1, *(2**bits + by for bits in (62, 63, 64) for by in (-1, 0))]
