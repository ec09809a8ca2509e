"""Trades that come twice or late make no difference to a leader and the mock exchange's book."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Fill, Order, Setup
from schemas.units import ONE
from streams.recordings.repeats import first_of_each
from streams.trading import book, leader
from streams.trading.book import Tape, Terms
from tests.samples import INSTRUMENT, setup, units

TICK = units("0.01")
LOT = units("0.1")


@dataclass(frozen=True)
class Traded:
    """A market trade, as the exchange numbers it."""

    number: int
    time: int
    price: int
    quantity: int


@dataclass
class Pipeline:
    """A leader and a book; whatever a trade makes is worked off before the next one is seen."""

    of: Setup
    partial_fills: bool
    orders: list[Any] = field(default_factory=list)
    fills: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.terms = Terms(fee=0, partial_fills=self.partial_fills)
        self.leader, self.book = leader.new_state(INSTRUMENT, 0), book.new_book(INSTRUMENT)
        leader.apply_instrument(self.leader, 0, self.of.instrument)
        leader.apply_settings(self.leader, 0, self.of.settings)
        book.apply_instrument(self.book, 0, self.of.instrument)
        self.leader.outbox.clear()

    def take(self, offset: int, traded: Traded) -> None:
        """Both are shown the trade, then each what it made the other do."""
        values = offset, traded.price, traded.quantity, traded.number, traded.time
        tape = Tape(*(np.array([value], np.int64) for value in values))
        leader.apply_trades(self.leader, tape.offsets, tape.prices, tape.times, tape.ids)
        self._place()
        book.apply_trades(self.book, self.terms, tape)
        while self.book.outbox:
            report = self.book.outbox.pop(0)
            if isinstance(report, Fill):
                self.fills.append(report)
                leader.apply_fill(self.leader, len(self.fills), report)
                self._place()

    def _place(self) -> None:
        sent, self.leader.outbox = self.leader.outbox, []
        for order in sent:
            if isinstance(order, Order):
                book.apply_order(self.book, len(self.orders), order)
                told = order.client_order_id, order.status, order.price, order.quantity, order.executed_quantity
                self.orders.append((*told, order.created_time, order.updated_time))


@st.composite
def tapes(draw: st.DrawFn) -> tuple[list[Traded], list[Traded]]:
    """Market trades, and the same with copies put in anywhere after each. Ids begin anew now and then.

    Times rise, with new ids too, and no two are the same: the book knows the time of what caused an order, not its id.
    """
    chance, length = Random(draw(st.integers(0, 2**32))), draw(st.integers(5, 120))
    copies, anew = draw(st.sampled_from([0.1, 0.5, 1.0])), draw(st.sampled_from([0, 0, 0.05]))
    tape: list[Traded] = []
    given: list[Traded] = []
    number, time, price, first = 100, 1_000, 100 * ONE, 0
    for _ in range(length):
        number, time = number + chance.randint(1, 3), time + chance.randint(1, 50)
        if chance.random() < anew:
            number, first = chance.randint(0, 50), len(tape)
        price = max(50 * TICK, price + chance.choice((-1, 1)) * chance.randint(0, 150) * TICK)
        tape.append(Traded(number, time, price, chance.randint(1, 30) * LOT))
        given.append(tape[-1])
        while chance.random() < copies / (1 + copies):
            late = chance.choice((1, 1, 5, len(tape)))
            given.append(chance.choice(tape[max(first, len(tape) - late) :]))
    return tape, given


@settings(max_examples=300, deadline=None)
@given(tapes=tapes(), chunks=st.integers(1, 4), partial_fills=st.booleans(), down=st.sampled_from(["0.002", "-0.001"]))
def test_orders_and_fills_are_those_of_the_trades_without_the_copies(
    tapes: tuple[list[Traded], list[Traded]], chunks: int, partial_fills: bool, down: str
) -> None:
    intervals = {"buy_down_interval": down, "profit_interval": "0.001", "rebuy_interval": "0.005"}
    of = setup(chunks=chunks, **intervals)
    plain, repeated = Pipeline(of, partial_fills), Pipeline(of, partial_fills)
    for pipeline, tape in zip((plain, repeated), tapes, strict=True):
        for offset, traded in enumerate(tape):
            pipeline.take(offset, traded)
    assert repeated.orders == plain.orders
    assert repeated.fills == plain.fills


@given(tapes=tapes())
def test_a_recording_has_each_trade_once(tapes: tuple[list[Traded], list[Traded]]) -> None:
    plain, repeated = tapes
    ids, times = (np.array([getattr(each, name) for each in repeated], np.int64) for name in ("number", "time"))
    first = first_of_each(ids, times)
    assert [each for each, new in zip(repeated, first, strict=True) if new] == plain
