"""The leader of one instrument, told as tables: an event, the orders it makes, the traders in their order after it.

Settings, unless a table says otherwise: 3 chunks of 100, BUY 1 % below, SELL 2 % above, rebuy 5 % below, no fee.
"""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.errors import Refused
from schemas.journal_records import Applied
from schemas.order_ids import client_order_id
from schemas.records import ExecutionType, Order, OrderStatus, Side, TradingStatus
from schemas.units import ONE, plain
from streams.trading import leader
from streams.trading.leader import LeaderState
from streams.trading.matching import UNBOUNDED
from streams.trading.ruleset import OLDEST, TODAY
from streams.trading.strategy import COUNT
from tests.samples import INSTRUMENT, NINE_TRADES, fill, instrument, nine_trade_setup, settings, setup, units
from tests.unit.streams.trading.leader_tables import TABLES, UNSEEDED


class Told:
    """A leader that is told events as text, and says what it made of them."""

    def __init__(self, seeded: bool = True, incarnation: str = "") -> None:
        self.state = leader.new_state(INSTRUMENT, 0)
        if incarnation:
            leader.take_incarnation(self.state, incarnation)
        self.instrument, self.settings = setup(status=TradingStatus.OFF)
        self.offsets = {"trades": 0, "fills": 0, "settings": 0, "instruments": 0}
        self.quantities: dict[str, int] = {}
        self.prices: dict[str, int] = {}
        if seeded:
            self.tell("seed")

    def tell(self, event: str) -> str:
        """Apply one event; the orders it sent, as text."""
        kind, *words = event.split()
        {"set": self._set, "seed": self._seed, "trade": self._trade}.get(kind, self._report)(kind, *words)
        sent = [record for record in self.state.outbox if isinstance(record, Order)]
        self.state.outbox = []
        self.quantities |= {order.client_order_id: order.quantity for order in sent}
        self.prices |= {order.client_order_id: order.price for order in sent}
        return ", ".join(shown(order) for order in sent)

    @property
    def traders(self) -> str:
        return " ".join(str(number) for number in self.state.leader.number[: self.state.leader.head[COUNT]])

    def _next(self, topic: str) -> int:
        self.offsets[topic] += 1
        return self.offsets[topic]

    def _set(self, _: str, *words: str) -> None:
        changes: dict[str, Any] = {}
        for word in words:
            name, value = word.split("=")
            plain_text = {"status": TradingStatus, "chunks": int}
            changes[name] = plain_text.get(name, units)(value)
        self.settings = msgspec.structs.replace(self.settings, **changes)
        leader.apply_settings(self.state, self._next("settings"), self.settings)

    def _seed(self, _: str, *words: str) -> None:
        changes = dict(word.split("=") for word in words)
        changed = {name: units(value) for name, value in changes.items()}
        self.instrument = msgspec.structs.replace(self.instrument, **changed)
        leader.apply_instrument(self.state, self._next("instruments"), self.instrument)

    def _trade(self, _: str, price: str) -> None:
        offset = self._next("trades")
        columns = (np.array([value], np.int64) for value in (offset, units(price), offset, offset))
        leader.apply_trades(self.state, *columns)

    def _report(self, kind: str, short_id: str, executed: str = "") -> None:
        number, side = short_id.split(":")
        ids = [client_order_id(name, INSTRUMENT, int(number), side) for name in ("", self.state.incarnation)]
        (name,) = self.quantities.keys() & {*ids}
        whole = self.quantities[name]
        cumulative = {"fill": whole, "part": units(executed or "0")}.get(kind, 0)
        execution = ExecutionType.TRADE if cumulative else ExecutionType[kind.upper()]
        quantities = {"quantity": cumulative, "cumulative_quantity": cumulative, "order_quantity": whole}
        trade = self.offsets["trades"]
        due_to = {"trade_id": trade, "transaction_time": trade}
        report = fill(name, execution_type=execution, price=self.prices[name], **quantities, **due_to)
        leader.apply_fill(self.state, self._next("fills"), report)


def shown(order: Order) -> str:
    """A snapshot in a few words."""
    head = order.name.removeprefix(f"{INSTRUMENT}:")
    if order.cancel_requested and order.status is OrderStatus.NEW:
        return f"{head} cancel"
    details = {
        OrderStatus.NEW: f" {plain(order.price)} x {plain(order.quantity)}",
        OrderStatus.PARTIALLY_FILLED: f" {plain(order.executed_quantity)}",
        OrderStatus.REJECTED: f" {order.reason}" if order.reason else "",
    }
    return f"{head} {order.status}{details.get(order.status, '')}"


def rows(table: str) -> list[list[str]]:
    return [[" ".join(cell.split()) for cell in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.parametrize("incarnation", ["", "k3f7qa"])
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_table(table: str, incarnation: str) -> None:
    told = Told(incarnation=incarnation)
    for event, orders, traders in rows(table):
        assert (event, told.tell(event), told.traders) == (event, orders, traders)


@pytest.mark.parametrize("table", UNSEEDED.values(), ids=UNSEEDED.keys())
def test_whatever_comes_first(table: str) -> None:
    told = Told(seeded=False)
    for event, orders, traders in rows(table):
        assert (event, told.tell(event), told.traders) == (event, orders, traders)


def test_settings_that_change_one_field_leave_what_others_changed() -> None:
    told = Told()
    told.tell("set status=on chunks=2")
    held = told.settings
    stop = msgspec.structs.replace(held, status=TradingStatus.OFF).changing(held)
    leader.apply_settings(told.state, 90, stop)
    leader.apply_settings(told.state, 91, msgspec.structs.replace(held, chunks=3).changing(held))
    assert told.state.settings is not None
    assert (told.state.settings.status, told.state.settings.chunks) == (TradingStatus.OFF, 3)


def test_orders_of_before_end_under_their_old_ids_and_new_ones_have_an_incarnation() -> None:
    told = Told()
    for event in ("set status=on", "trade 100", "fill 1:B", "trade 90", "trade 90"):
        told.tell(event)
    old = [f"{INSTRUMENT}:{name}" for name in ("1:B", "1:S", "2:B")]
    assert list(told.quantities) == old
    leader.take_incarnation(told.state, "k3f7qa")
    for event in ("fill 1:S", "fill 2:B", "trade 91"):
        told.tell(event)
    new = [client_order_id("k3f7qa", INSTRUMENT, number, side) for number, side in ((2, "S"), (3, "B"))]
    assert list(told.quantities) == [*old, *new]
    assert {order.client_order_id for order in told.state.orders.values()} == {*new}


@pytest.mark.parametrize(
    "name",
    [
        client_order_id("another", INSTRUMENT, 1, "B"),
        client_order_id("k3f7qa", "binance:ETHUSDT", 1, "B"),
        client_order_id("k3f7qa", INSTRUMENT, 2, "B"),
        client_order_id("k3f7qa", INSTRUMENT, 0, "B"),
        "somebody's",
    ],
)
def test_a_report_on_the_order_of_another_incarnation_instrument_or_number_is_refused(name: str) -> None:
    told = Told(incarnation="k3f7qa")
    told.tell("set status=on")
    told.tell("trade 100")
    before = msgspec.json.encode(told.state)
    report = msgspec.structs.replace(fill(), client_order_id=name)
    with pytest.raises(Refused, match="is no order of this leader"):
        leader.apply_fill(told.state, 1, report)
    assert msgspec.json.encode(told.state) == before


def test_what_the_leader_says_it_does() -> None:
    told = Told()
    for event, status in (
        ("set status=on", TradingStatus.ON),
        ("trade 100", TradingStatus.ON),
        ("set status=shutdown", TradingStatus.SHUTDOWN),
        ("fill 1:B", TradingStatus.SHUTDOWN),
        ("fill 1:S", TradingStatus.OFF),
        ("set status=on", TradingStatus.ON),
        ("set status=off", TradingStatus.OFF),
    ):
        told.tell(event)
        assert (event, told.state.status) == (event, status)


def test_the_nine_trades() -> None:
    told = Told(seeded=False)
    known, decided = nine_trade_setup()
    leader.apply_settings(told.state, 1, decided)
    leader.apply_instrument(told.state, 1, known)
    sent = [told.tell(f"trade {price}") for price in NINE_TRADES[:5]]
    sent.append(told.tell("fill 1:B"))
    sent += [told.tell(f"trade {price}") for price in NINE_TRADES[5:8]]
    sent.append(told.tell("fill 1:S"))
    sent += [told.tell(f"trade {NINE_TRADES[8]}")]
    assert [line for line in sent if line] == [
        "1:B NEW 0.4307 x 46.4",
        "1:B FILLED, 1:S NEW 0.4319 x 46.4",
        "1:S FILLED",
        "2:B NEW 0.431 x 46.4",
    ]


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"client_order_id": f"{INSTRUMENT}:2:B"}, "client_order_id", f"{INSTRUMENT}:2:B"),
        ({"client_order_id": f"{INSTRUMENT}:0:B"}, "client_order_id", f"{INSTRUMENT}:0:B"),
        ({"client_order_id": f"{INSTRUMENT}:-1:B"}, "client_order_id", f"{INSTRUMENT}:-1:B"),
        ({"client_order_id": f"{INSTRUMENT}:1:X"}, "client_order_id", f"{INSTRUMENT}:1:X"),
        ({"client_order_id": f"{INSTRUMENT}:²:B"}, "client_order_id", f"{INSTRUMENT}:²:B"),
        ({"client_order_id": "other:ETHUSDT:1:B"}, "client_order_id", "other:ETHUSDT:1:B"),
        ({"client_order_id": ""}, "client_order_id", "''"),
        ({"cumulative_quantity": units("1.1")}, "cumulative_quantity", "110000000"),
        ({"cumulative_quantity": 0}, "cumulative_quantity", "0"),
        ({"cumulative_quantity": -1}, "cumulative_quantity", "-1"),
        ({"side": Side.SELL}, "side", "SELL of order binance:XRPUSDT:1:B, whose is BUY"),
        ({"order_quantity": units("1.1")}, "order_quantity", "110000000"),
        (
            {"execution_type": ExecutionType.CANCELED, "cumulative_quantity": units("2"), "order_quantity": units("2")},
            "order_quantity",
            "200000000",
        ),
    ],
)
def test_a_report_that_cannot_be_about_an_order_of_this_leader(change: dict[str, Any], field: str, value: str) -> None:
    told = Told()
    told.tell("set status=on")
    told.tell("trade 100")
    before = msgspec.json.encode(told.state)
    with pytest.raises(Refused, match=rf"(?s)^{field}: .*{value}"):
        leader.apply_fill(told.state, 5, msgspec.structs.replace(fill(), **change))
    assert msgspec.json.encode(told.state) == before


def test_what_makes_no_sense_leaves_the_leader_as_it_is() -> None:
    told = Told()
    told.tell("set status=on")
    before = msgspec.json.encode(told.state)
    with pytest.raises(Refused, match="chunks: 0"):
        leader.apply_settings(told.state, 9, msgspec.structs.replace(told.settings, chunks=0))
    with pytest.raises(ValueError, match="tick_size: 0"):
        leader.apply_instrument(told.state, 9, msgspec.structs.replace(told.instrument, tick_size=0))
    assert msgspec.json.encode(told.state) == before


def test_every_record_tells_its_version_and_the_positions_of_its_inputs() -> None:
    told = Told()
    for event in ("set", "set status=on", "set status=on", "trade 100", "trade 99", "trade 98.9", "trade 98.8"):
        told.tell(event)
    leader.apply_fill(told.state, 2, fill(f"{INSTRUMENT}:1:B"))
    journal, filled, placed = told.state.outbox
    assert isinstance(journal, Applied)
    assert (journal.input_topic, journal.input_offset, journal.trades_offset) == ("fills", 2, 4)
    for order in (filled, placed):
        assert isinstance(order, Order)
        assert (order.cause_topic, order.trades_offset, order.fills_offset) == ("fills", 4, 2)
        assert (order.settings_offset, order.instruments_offset) == (3, 1)
        assert order.updated_time == told.state.time
    assert [journal.version, filled.version, placed.version] == list(range(placed.version - 2, told.state.version + 1))


def test_orders_are_never_older_than_what_the_leader_knows() -> None:
    told = Told(seeded=False)
    for apply, known, time in (
        (leader.apply_settings, told.settings, 20),
        (leader.apply_instrument, told.instrument, 30),
        (leader.apply_settings, told.settings, 25),
    ):
        apply(told.state, time, msgspec.structs.replace(known, updated_time=time))
    assert told.state.time == 30


@pytest.mark.parametrize(
    ("events", "low"),
    [
        ([], "0"),
        (["set status=off"], "0"),
        (["set status=on"], None),  # the next price, whatever it is
        (["set status=on", "trade 100"], "94.05"),
        (["set status=on", "trade 100", "trade 94"], None),
        (["set status=on", "trade 100", "fill 1:B"], "94.05"),
        (["set status=on", "trade 100", "fill 1:B", "fill 1:S"], None),
        (["set status=on chunks=1", "trade 100", "trade 50"], "0"),
    ],
)
def test_the_prices_that_change_nothing(events: list[str], low: str | None) -> None:
    told = Told()
    for event in events:
        told.tell(event)
    assert leader.quiet(told.state) == ((UNBOUNDED, 0) if low is None else (units(low), UNBOUNDED))


@pytest.mark.parametrize("cuts", [[], [1], [3, 4], [2, 5, 6], list(range(1, 9))])
def test_batches_may_be_cut_anywhere(cuts: list[int]) -> None:
    prices = np.array([units(price) for price in ("100", "99", "94", "94", "94", "88", "88", "88", "80")], np.int64)
    offsets = np.array([3, 4, 7, 8, 9, 20, 21, 22, 30], np.int64)
    whole, cut = (leader.new_state(INSTRUMENT, 0) for _ in range(2))
    for state in (whole, cut):
        leader.apply_instrument(state, 1, instrument())
        leader.apply_settings(state, 1, settings())
    leader.apply_trades(whole, offsets, prices, offsets, offsets)
    for part in np.split(np.arange(len(prices)), cuts):
        leader.apply_trades(cut, offsets[part], prices[part], offsets[part], offsets[part])
    assert cut == whole


def test_a_leader_survives_being_stored() -> None:
    told = Told()
    for event in ("set status=on", "trade 100", "trade 94", "trade 94", "part 1:B 0.4", "set status=off"):
        told.tell(event)
    again = msgspec.json.decode(msgspec.json.encode(told.state), type=LeaderState)
    assert again == told.state


@pytest.mark.parametrize(
    ("events", "held"),
    [
        ((), {}),
        (("fill 1:B",), {1: ("1", "99")}),
        (("fill 1:B", "part 2:B 0.3"), {1: ("1", "99"), 2: ("0.3", "27.918")}),
        (("fill 1:B", "part 1:S 0.4"), {1: ("0.6", "59.4")}),
        (("fill 1:B", "fill 1:S"), {}),
    ],
)
def test_a_leader_of_before_goes_on_by_the_rules_of_today_as_its_replay_does(
    events: tuple[str, ...], held: dict[int, tuple[str, str]]
) -> None:
    live, replayed = Told(seeded=False), Told(seeded=False)
    for told in (live, replayed):
        told.state = leader.new_state(INSTRUMENT, 0, OLDEST)
        for event in ("seed", "set status=on fee=0.001", "trade 100", "trade 94", "trade 94", *events):
            told.tell(event)
    columns = live.state.leader
    columns.bought[:] = [0] * len(columns.bought)  # nothing of it is stored
    columns.quantity[columns.head[COUNT] :] = [7] * (len(columns.quantity) - columns.head[COUNT])
    for told in (live, replayed):
        leader.take_rules(told.state)
    assert live.state == replayed.state
    assert live.state.ruleset == TODAY
    lots = {number: (lot.quantity, lot.cost) for number, lot in live.state.account.lots.items()}
    assert lots == {number: (units(quantity), units(cost) * ONE) for number, (quantity, cost) in held.items()}


@pytest.mark.parametrize(("rules", "follows"), [(OLDEST, "2:B NEW 93.06 x 0.3"), (TODAY, "")])
def test_a_leader_of_before_knows_no_budget_beside_what_others_have_taken(rules: int, follows: str) -> None:
    told = Told(seeded=False)
    told.state = leader.new_state(INSTRUMENT, 0, rules)
    for event in ("seed", "set status=on budget=100 chunks=2", "trade 100", "set budget=60", "trade 94", "fill 1:B"):
        told.tell(event)
    assert told.tell("trade 94") == follows


def test_the_first_entry_of_a_journal_says_the_rules() -> None:
    told = Told(seeded=False)
    leader.take_incarnation(told.state, "k3f7qa")
    leader.apply_settings(told.state, 1, told.settings)
    entries = [entry for entry in told.state.outbox if isinstance(entry, Applied)]
    assert [entry.ruleset for entry in entries] == [TODAY, None]
