"""The next event is where a plain look at every trade finds it, however far away."""

import numpy as np
import pytest

from streams.backtest.engine.data import prepare
from streams.backtest.engine.fast import next_event

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

LENGTH = 4_096 * 3 + 64 * 2 + 9
LOW, HIGH = 100, 200
CALM = np.random.default_rng(1).integers(LOW, HIGH + 1, LENGTH)
EDGES = [0, 1, 63, 64, 4_095, 4_096, 4_097, 4_160, 8_191, 8_192, 12_287, 12_288, 12_416, LENGTH - 1]


@pytest.mark.parametrize("price", [LOW - 1, HIGH + 1])
def test_one_event_anywhere_seen_from_anywhere(price: int) -> None:
    chance = np.random.default_rng(2)
    for event in [*EDGES, *chance.integers(0, LENGTH, 30).tolist()]:
        prices = CALM.copy()
        prices[event] = price
        tape = prepare(prices, 1).tape
        for start in [*EDGES, event, *chance.integers(0, LENGTH, 10).tolist()]:
            assert next_event(tape, start, LOW, HIGH) == (event if start <= event else LENGTH)


def test_the_bounds_themselves_are_no_event_and_no_end_is_passed() -> None:
    tape = prepare(CALM, 1).tape
    assert next_event(tape, 0, int(CALM.min()), int(CALM.max())) == LENGTH
    assert next_event(tape, LENGTH, 2**62, 0) == LENGTH


def test_where_every_price_is_one() -> None:
    tape = prepare(CALM, 1).tape
    assert [next_event(tape, start, 2**62, 0) for start in EDGES] == EDGES
