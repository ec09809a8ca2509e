"""The mock exchange's book, told as tables: an order or a market trade, and the reports it makes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Refused
from schemas.journal_records import Applied
from schemas.records import ExecutionType, Fill, OrderStatus, TradingStatus
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX, plain
from streams.trading import book
from streams.trading.book import STOPPED, BookState, Tape, Terms
from streams.trading.repeats import Stamp
from tests.samples import INSTRUMENT, instrument, order, settings, units

# Each table: EVENT | REPORTS | ORDERS LEFT. Events:
#   order n:B PRICE QUANTITY [CAUSE]    a new order, the event that caused it being number CAUSE from 1, or the first
#   cancel n:B                          trade PRICE [QUANTITY]            step SIZE
TABLES = {
    "a BUY is filled below its limit, strictly": """
        order 1:B 99 1      |            | 1:B
        trade 99.01         |            | 1:B
        trade 99            |            | 1:B
        trade 98.99999999   | 1:B 1 at 99 |
        trade 98            |            |
    """,
    "a SELL is filled above its limit, strictly": """
        order 1:S 99 1      |            | 1:S
        trade 98.99         |            | 1:S
        trade 99            |            | 1:S
        trade 99.00000001   | 1:S 1 at 99 |
    """,
    "best price first, the earlier of equals": """
        order 1:B 97 1      |            | 1:B
        order 2:B 99 1      |            | 1:B 2:B
        order 3:B 97 1      |            | 1:B 2:B 3:B
        order 4:B 90 1      |            | 1:B 2:B 3:B 4:B
        trade 95            | 2:B 1 at 99, 1:B 1 at 97, 3:B 1 at 97 | 4:B
    """,
    "sells too, the lowest first": """
        order 1:S 103 1     |            | 1:S
        order 2:S 101 1     |            | 1:S 2:S
        order 3:S 103 1     |            | 1:S 2:S 3:S
        order 4:S 109 1     |            | 1:S 2:S 3:S 4:S
        trade 105           | 2:S 1 at 101, 1:S 1 at 103, 3:S 1 at 103 | 4:S
    """,
    "a fill is itself a price: a BUY at 99 fills the SELL at 98": """
        order 1:B 99 1      |            | 1:B
        order 2:S 98 1      |            | 1:B 2:S
        order 3:S 99 1      |            | 1:B 2:S 3:S
        trade 97            | 1:B 1 at 99, 2:S 1 at 98 | 3:S
    """,
    "no trade from before an order's cause fills it, the cause itself does": """
        order 1:B 99 1 3    |            | 1:B
        trade 90            |            | 1:B
        trade 98            | 1:B 1 at 99 |
    """,
    "an order that a trade may not fill is passed over for the next": """
        order 1:B 99 1 9    |            | 1:B
        order 2:B 98 1      |            | 1:B 2:B
        trade 90            | 2:B 1 at 98 | 1:B
    """,
    "an order to be canceled leaves the book, once": """
        order 1:B 99 1      |            | 1:B
        order 2:B 98 1      |            | 1:B 2:B
        cancel 1:B          | 1:B CANCELED | 2:B
        cancel 1:B          |            | 2:B
        trade 90            | 2:B 1 at 98 |
        cancel 2:B          |            |
    """,
}
PARTIAL_TABLES = {
    "no more than was traded": """
        order 1:B 99 1          |                | 1:B
        trade 98 0.4            | 1:B 0.4 at 99  | 1:B
        trade 98 0.4            | 1:B 0.4 at 99  | 1:B
        trade 99.5 0.4          |                | 1:B
        trade 98 0.4            | 1:B 0.2 at 99  |
    """,
    "a fill is a price to the others and brings no quantity of its own": """
        order 1:B 99 1          |                | 1:B
        order 2:S 98 1          |                | 1:B 2:S
        trade 97 0.4            | 1:B 0.4 at 99  | 1:B 2:S
        trade 97 1              | 1:B 0.6 at 99, 2:S 0.4 at 98 | 2:S
    """,
    "a trade's quantity counts in whole steps": """
        step 0.5                |                |
        order 1:B 99 2          |                | 1:B
        trade 98 0.9            | 1:B 0.5 at 99  | 1:B
        trade 98 0.4            |                | 1:B
    """,
    "what one order leaves of a trade goes to the next": """
        order 1:B 98 1          |                | 1:B
        order 2:B 99 1          |                | 1:B 2:B
        trade 97 1.5            | 2:B 1 at 99, 1:B 0.5 at 98 | 1:B
        cancel 1:B              | 1:B CANCELED   |
    """,
}


class Told:
    """A book that is told events as text, and says what it reported."""

    def __init__(self, partial_fills: bool = False) -> None:
        self.terms = Terms(fee=units("0.001"), partial_fills=partial_fills)
        self.state = book.new_book(INSTRUMENT)
        self.count = 0

    def tell(self, event: str) -> str:
        self.count += 1
        kind, *words = event.split()
        if kind == "trade":
            price, quantity = words[0], words[1] if len(words) > 1 else "1000"
            self.trade(price, quantity)
        elif kind == "step":
            book.apply_instrument(self.state, self.count, instrument(step_size=units(words[0])))
        else:
            self.order(kind, *words)
        sent, self.state.outbox = self.state.outbox, []
        return ", ".join(shown(report) for report in sent if isinstance(report, Fill))

    def trade(self, price: str, quantity: str) -> None:
        columns = (self.count, units(price), units(quantity), self.count, self.count)
        book.apply_trades(self.state, self.terms, Tape(*(np.array([value], np.int64) for value in columns)))

    def order(self, kind: str, short_id: str, price: str = "1", quantity: str = "1", cause: str = "1") -> None:
        snapshot = order(
            f"{INSTRUMENT}:{short_id}",
            version=self.count,
            price=price,
            quantity=quantity,
            trades_offset=int(cause),
            cancel_requested=kind == "cancel",
        )
        book.apply_order(self.state, self.count, snapshot)

    @property
    def left(self) -> str:
        return " ".join(short(resting.client_order_id) for resting in self.state.orders)


def reports(state: BookState) -> list[Fill]:
    return [record for record in state.outbox if isinstance(record, Fill)]


def short(client_order_id: str) -> str:
    return client_order_id.removeprefix(f"{INSTRUMENT}:")


def shown(report: Fill) -> str:
    if report.execution_type is not ExecutionType.TRADE:
        return f"{short(report.client_order_id)} {report.execution_type}"
    return f"{short(report.client_order_id)} {plain(report.quantity)} at {plain(report.price)}"


CASES = [(table, False) for table in TABLES.values()] + [(table, True) for table in PARTIAL_TABLES.values()]


@pytest.mark.parametrize(("table", "partial_fills"), CASES, ids=[*TABLES, *PARTIAL_TABLES])
def test_table(table: str, partial_fills: bool) -> None:
    told = Told(partial_fills)
    for line in table.strip().splitlines():
        event, reports, left = (" ".join(cell.split()) for cell in line.split("|"))
        assert (event, told.tell(event), told.left) == (event, reports, left)


def test_a_report_tells_the_order_the_market_trade_and_the_commission() -> None:
    told = Told(partial_fills=True)
    told.tell("order 1:B 99 1")
    told.trade("98", "0.4")
    told.count += 1
    told.trade("98", "5")
    first, second = reports(told.state)
    assert (first.fill_id, second.fill_id) == (f"{INSTRUMENT}:1:B:1", f"{INSTRUMENT}:1:B:2")
    assert (first.trade_id, second.trade_id) == (1, 2)
    assert (first.cumulative_quantity, second.cumulative_quantity) == (units("0.4"), units("1"))
    assert (first.order_quantity, second.order_quantity) == (units("1"), units("1"))
    # 99 · 0.4 · 0.001 and 99 · 0.6 · 0.001, in the quote asset
    assert (first.commission, second.commission) == (units("0.0396"), units("0.0594"))


def test_an_order_of_any_size_is_filled_whole() -> None:
    told = Told()
    told.tell(f"order 1:B 99 {AMOUNT_MAX // ONE}")
    assert told.tell("trade 98") == f"1:B {AMOUNT_MAX // ONE} at 99"


def test_commission_is_what_a_report_can_say_at_most() -> None:
    state = book.new_book(INSTRUMENT)
    book.apply_order(state, 1, order(price=PRICE_MAX, quantity=AMOUNT_MAX))
    tape = Tape(*(np.array([value], np.int64) for value in (1, ONE, ONE, 1, 1)))
    book.apply_trades(state, Terms(fee=ONE, partial_fills=False), tape)
    (report,) = reports(state)
    report.check()
    assert report.commission == AMOUNT_MAX


def test_commission_is_cut_to_eight_decimals() -> None:
    told = Told()
    told.tell("order 1:B 0.00000007 0.3")
    told.trade("0.00000001", "1")
    (report,) = reports(told.state)
    assert report.commission == 0


@pytest.mark.parametrize(("time", "filled"), [(6, 0), (7, 1), (8, 1)])
def test_a_market_trade_from_before_what_caused_an_order_fills_it_never(time: int, filled: int) -> None:
    """However late it comes: its offset is above that of the cause."""
    state = book.new_book(INSTRUMENT)
    book.apply_order(state, 1, order(trades_offset=3, created_time=7))
    tape = Tape(*(np.array([value], np.int64) for value in (9, units("98"), ONE, 5, time)))
    book.apply_trades(state, Terms(fee=0, partial_fills=False), tape)
    assert len(reports(state)) == filled


def test_a_trade_that_filled_nothing_fills_nothing_when_it_comes_again() -> None:
    state = book.new_book(INSTRUMENT)
    book.apply_order(state, 1, order(trades_offset=3))
    for offset in (2, 9):
        tape = Tape(*(np.array([value], np.int64) for value in (offset, units("98"), ONE, 5, 8)))
        book.apply_trades(state, Terms(fee=0, partial_fills=False), tape)
    assert reports(state) == []


@pytest.mark.parametrize("version", [1, 0, -1])
def test_a_snapshot_that_is_not_newer_is_a_repeat(version: int) -> None:
    told = Told()
    told.tell("order 1:B 99 1")
    told.tell("trade 98")
    book.apply_order(told.state, 3, order(version=version))
    assert told.state.orders == []
    assert told.state.outbox == []


@pytest.mark.parametrize("status", [status for status in OrderStatus if status is not OrderStatus.NEW])
def test_only_a_new_order_rests(status: OrderStatus) -> None:
    state = book.new_book(INSTRUMENT)
    book.apply_order(state, 1, order(status=status))
    assert state.orders == []
    assert state.version == 2
    assert state.changed, "which versions came is stored"


def stop(state: BookState, offset: int, status: TradingStatus = TradingStatus.OFF) -> list[tuple[str, str | None]]:
    """Let the book take settings; what it reports: the order and why."""
    state.outbox = []
    book.apply_settings(state, offset, settings(status=status, updated_time=offset))
    return [(short(report.client_order_id), report.reason) for report in reports(state)]


def test_a_stop_cancels_every_order_whatever_its_leader_does() -> None:
    state = book.new_book(INSTRUMENT)
    for number, side in ((1, "B"), (2, "S")):
        book.apply_order(state, number, order(f"{INSTRUMENT}:{number}:{side}", version=number, settings_offset=4))
    assert stop(state, 5, TradingStatus.SHUTDOWN) == []
    assert len(state.orders) == 2
    assert stop(state, 6) == [("1:B", STOPPED), ("2:S", STOPPED)]
    assert state.orders == []
    assert [record.input_topic for record in state.outbox if isinstance(record, Applied)] == ["settings"]
    state.outbox = []
    book.apply_order(state, 3, order(version=3, cancel_requested=True, settings_offset=6))
    assert reports(state) == []


@pytest.mark.parametrize(("knew", "rests"), [(5, False), (6, True), (9, True)])
def test_an_order_rests_only_where_its_leader_knew_of_the_stop(knew: int, rests: bool) -> None:
    state = book.new_book(INSTRUMENT)
    assert stop(state, 6) == []
    book.apply_order(state, 1, order(version=1, settings_offset=knew))
    assert [report.execution_type for report in reports(state)] == ([] if rests else [ExecutionType.CANCELED])
    assert bool(state.orders) == rests


def test_a_stop_of_before_does_not_end_what_was_placed_after_it() -> None:
    """As where a group of agents reads the settings from their beginning for the first time."""
    state = book.new_book(INSTRUMENT)
    book.apply_order(state, 1, order(version=1, settings_offset=8))
    assert stop(state, 6) == []
    assert len(state.orders) == 1


def test_what_a_record_of_settings_does_not_change_stops_nothing() -> None:
    state = book.new_book(INSTRUMENT)
    stop(state, 3, TradingStatus.ON)
    book.apply_order(state, 1, order(version=1, settings_offset=3))
    old = settings(status=TradingStatus.OFF, chunks=7, changed="chunks", revision=1)
    book.apply_settings(state, 4, old)
    assert (len(state.orders), state.settings and state.settings.chunks) == (1, 7)


def test_settings_in_a_topic_that_was_made_anew_stop_what_was_placed_before() -> None:
    state = book.new_book(INSTRUMENT)
    book.apply_order(state, 1, order(version=1, settings_offset=50))
    book.begin_anew(state, "settings", "another")
    assert stop(state, 0) == [("1:B", STOPPED)]


def test_settings_that_make_no_sense_leave_the_book_as_it_is() -> None:
    state = book.new_book(INSTRUMENT)
    with pytest.raises(Refused, match="chunks"):
        book.apply_settings(state, 1, settings(chunks=0))
    assert (state.settings, state.outbox, state.stopped) == (None, [], -1)


def test_an_order_that_came_into_a_new_topic_before_anybody_knew_is_taken_and_none_twice() -> None:
    state = book.new_book(INSTRUMENT)
    known = order(f"{INSTRUMENT}:9:S", version=9, epoch=4)
    book.apply_order(state, 1, known)
    book.begin_anew(state, "orders", "another")
    early = order(f"{INSTRUMENT}:2:B", version=6, epoch=2)
    assert not book.is_superseded(state, early)
    book.apply_order(state, 0, early)
    book.apply_order(state, 1, known)
    assert [resting.client_order_id for resting in state.orders] == [known.client_order_id, early.client_order_id]


LIMITS = st.lists(st.tuples(st.sampled_from("BS"), st.integers(90, 110), st.integers(1, 5)), max_size=8)
MARKET = st.lists(st.tuples(st.integers(88, 112), st.integers(1, 6)), max_size=30)


@given(limits=LIMITS, market=MARKET, cut=st.integers(0, 30), partial_fills=st.booleans())
def test_batches_may_be_cut_anywhere_and_nothing_is_filled_beyond_its_quantity(
    limits: list[tuple[str, int, int]], market: list[tuple[int, int]], cut: int, partial_fills: bool
) -> None:
    whole, parts = (filled(limits, market, at, partial_fills) for at in (len(market), cut))
    assert parts == whole
    executed: dict[str, int] = {}
    for report in reports(whole):
        executed[report.client_order_id] = executed.get(report.client_order_id, 0) + report.quantity
        assert report.cumulative_quantity == executed[report.client_order_id] <= report.order_quantity
    left = {resting.client_order_id: resting.executed_quantity for resting in whole.orders}
    quantities = {f"{INSTRUMENT}:{n}:{side}": quantity for n, (side, _, quantity) in enumerate(limits, 1)}
    for client_order_id, quantity in quantities.items():
        assert executed.get(client_order_id, 0) == left.get(client_order_id, quantity)


def filled(
    limits: list[tuple[str, int, int]], market: list[tuple[int, int]], cut: int, partial_fills: bool
) -> BookState:
    """A book after these orders and then these market trades, in two batches."""
    state = book.new_book(INSTRUMENT)
    for n, (side, price, quantity) in enumerate(limits, 1):
        snapshot = order(
            f"{INSTRUMENT}:{n}:{side}", version=n, price=price, quantity=quantity, trades_offset=-1, created_time=0
        )
        book.apply_order(state, n, snapshot)
    prices, quantities = np.array(market, np.int64).reshape(-1, 2).T
    ids = np.arange(len(market))
    terms = Terms(fee=0, partial_fills=partial_fills)
    for part in (slice(0, cut), slice(cut, None)):
        columns = (ids, prices, quantities, ids, ids)
        book.apply_trades(state, terms, Tape(*(column[part] for column in columns)))
    return state


EARLY = st.lists(
    st.tuples(st.sampled_from("BS"), st.integers(95, 105), st.integers(-1, 25), st.integers(0, 25)), max_size=5
)
"""Side, limit, the offset of the cause, and its time."""
TRADES = st.lists(st.tuples(st.integers(93, 107), st.integers(0, 30), st.integers(0, 30)), max_size=30)
"""Price, id and time: some come twice or late."""


@given(orders=EARLY, market=TRADES, newest=st.integers(-1, 20))
def test_a_batch_gives_what_its_trades_give_one_by_one_whatever_comes_before_the_cause_of_an_order(
    orders: list[tuple[str, int, int, int]], market: list[tuple[int, int, int]], newest: int
) -> None:
    states = []
    for size in (1, max(len(market), 1)):
        state = book.new_book(INSTRUMENT)
        state.newest = Stamp(newest, newest)
        for n, (side, price, cause, since) in enumerate(orders, 1):
            placed = {"price": price, "trades_offset": cause, "created_time": since}
            book.apply_order(state, n, order(f"{INSTRUMENT}:{n}:{side}", version=n, **placed))
        prices, ids, times = np.array(market, np.int64).reshape(-1, 3).T
        offsets = np.arange(len(market))
        for first in range(0, len(market), size):
            columns = (offsets, prices, prices, ids, times)
            tape = Tape(*(column[first : first + size] for column in columns))
            book.apply_trades(state, Terms(fee=0, partial_fills=False), tape)
        states.append(state)
    assert states[0] == states[1]
