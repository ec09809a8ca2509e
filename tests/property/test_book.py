"""The mock exchange and the backtest fill alike what a market trade reaches, and never more than was traded."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Fill
from schemas.units import ONE
from streams.trading import book, matching
from streams.trading.book import Tape, Terms
from streams.trading.matching import BUYING, SELLING
from streams.trading.rules import rules_of
from streams.trading.simulation import PLACED, Execution, new_simulation, on_market_trade
from streams.trading.strategy import COUNT, MODE, NEXT, ON
from tests.samples import INSTRUMENT, instrument, order, settings

STEP = ONE // 2
RESTING = st.tuples(st.sampled_from((BUYING, SELLING)), st.integers(90, 110), st.integers(1, 6))


@given(
    resting=st.lists(RESTING, min_size=1, max_size=8),
    price=st.integers(85, 115),
    quantity=st.integers(0, 20),
    limited=st.booleans(),
)
def test_the_book_and_the_backtest_fill_alike(
    resting: list[tuple[int, int, int]], price: int, quantity: int, limited: bool
) -> None:
    traded = quantity * ONE // 3 + 1  # no whole number of steps
    filled = fills_of_the_book(resting, price * ONE, traded, limited)
    assert filled == fills_of_the_backtest(resting, price * ONE, traded, limited)
    if limited:
        assert sum(executed for _, executed in filled) <= matching.tradable(traded, STEP)
        assert len(filled) <= len(resting) + 1


def fills_of_the_book(
    resting: list[tuple[int, int, int]], price: int, quantity: int, limited: bool
) -> list[tuple[int, int]]:
    """The trader and the executed quantity of each fill."""
    state = book.new_book(INSTRUMENT)
    book.apply_instrument(state, 0, instrument(step_size=STEP))
    for number, (side, limit, steps) in enumerate(resting, 1):
        name = f"{INSTRUMENT}:{number}:{'B' if side == BUYING else 'S'}"
        placed = order(name, version=number, price=limit * ONE, quantity=steps * STEP, trades_offset=0)
        book.apply_order(state, number, placed)
    tape = Tape(*(np.array([value], np.int64) for value in (0, price, quantity, 1, 1)))
    book.apply_trades(state, Terms(fee=0, partial_fills=limited), tape)
    reports = [report for report in state.outbox if isinstance(report, Fill)]
    return [(int(report.client_order_id.split(":")[2]), report.quantity) for report in reports]


def fills_of_the_backtest(
    resting: list[tuple[int, int, int]], price: int, quantity: int, limited: bool
) -> list[tuple[int, int]]:
    """As `fills_of_the_book`. What the traders place after a fill is out of reach: a thousandfold price, no rebuy."""
    chunks = len(resting)
    far = settings(chunks=chunks, profit_interval=ONE - 1, rebuy_interval=0)
    simulation = new_simulation(chunks)
    leader = simulation.leader
    leader.head[MODE], leader.head[COUNT], leader.head[NEXT] = ON, chunks, chunks + 1
    for i, (side, limit, steps) in enumerate(resting):
        leader.number[i] = i + 1
        leader.stage[i] = leader.resting[i] = side
        leader.price[i], leader.quantity[i] = limit * ONE, steps * STEP
    rules = rules_of(instrument(step_size=STEP), far)
    count = on_market_trade(simulation, rules, Execution(limited=limited), 0, price, quantity)
    events = simulation.events
    return [(events.trader[event], events.quantity[event]) for event in range(count) if events.kind[event] != PLACED]
