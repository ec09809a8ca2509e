"""The leader of one instrument, told as tables: an event, the orders it makes, the traders in their order after it.

Settings, unless a table says otherwise: 3 chunks of 100, BUY 1 % below, SELL 2 % above, rebuy 5 % below, no fee.
"""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.errors import Refused
from schemas.records import Applied, ExecutionType, Order, OrderStatus, TradingStatus
from schemas.units import plain
from streams.trading import leader
from streams.trading.leader import LeaderState
from streams.trading.matching import UNBOUNDED
from streams.trading.strategy import COUNT
from tests.samples import INSTRUMENT, NINE_TRADES, fill, instrument, nine_trade_setup, settings, setup, units

# Each table: EVENT | ORDERS SENT | TRADERS AFTER. Events, with n:B or n:S the order of trader n:
#   set NAME=VALUE …        new settings            trade PRICE          a market trade
#   seed NAME=VALUE …       what the exchange says  (everything unnamed as before)
#   fill n:B                the rest is executed    part n:B QUANTITY    executed so far
#   canceled|rejected|expired n:B
TABLES = {
    "a trader buys, sells, and another takes its place": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 99.5      |                                | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        trade 102       |                                | 1
        fill 1:S        | 1:S FILLED                     | 2
        trade 102       | 2:B NEW 100.98 x 0.9           | 2
    """,
    "a part changes executed quantity and status, and nothing else": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        part 1:B 0.4    | 1:B PARTIALLY_FILLED 0.4       | 1
        part 1:B 0.4    |                                | 1
        part 1:B 0.7    | 1:B PARTIALLY_FILLED 0.7       | 1
        part 1:B 0.5    |                                | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        part 1:S 0.1    | 1:S PARTIALLY_FILLED 0.1       | 1
    """,
    "a completed order acts once, whatever arrives late or twice": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        fill 1:B        |                                | 1
        part 1:B 0.4    |                                | 1
        canceled 1:B    |                                | 1
        expired 1:B     |                                | 1
        fill 1:S        | 1:S FILLED                     | 2
        fill 1:S        |                                | 2
        fill 1:B        |                                | 2
        rejected 1:S    |                                | 2
        trade 102       | 2:B NEW 100.98 x 0.9           | 2
    """,
    "a rebuy starts one trader at the front, once, and that one sees the next trade first": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94.05     |                                | 1
        trade 94.04     |                                | 2 1
        trade 94.04     | 2:B NEW 93.09 x 1              | 2 1
        trade 90        |                                | 2 1
        trade 88.43     |                                | 3 2 1
        trade 88        | 3:B NEW 87.12 x 1.1            | 3 2 1
    """,
    "no more traders than chunks": """
        set status=on chunks=1 |                         | 1
        trade 100       | 1:B NEW 99 x 3                 | 1
        trade 50        |                                | 1
        trade 10        |                                | 1
    """,
    "who replaces a finished trader takes its place": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
        trade 88        |                                | 3 2 1
        trade 88        | 3:B NEW 87.12 x 1.1            | 3 2 1
        fill 2:B        | 2:B FILLED, 2:S NEW 94.92 x 1  | 3 2 1
        fill 2:S        | 2:S FILLED                     | 3 4 1
        trade 90        | 4:B NEW 89.1 x 1.1             | 3 4 1
    """,
    "a fill is a price to the other traders, to its own it is not": """
        set status=on rebuy_interval=0.005 |             | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 98.50     |                                | 2 1
        trade 98.6      | 2:B NEW 97.61 x 1              | 2 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 2 1
        fill 1:S        | 1:S FILLED                     | 2 3
        trade 120       | 3:B NEW 118.8 x 0.8            | 2 3
        fill 2:B        | 2:B FILLED, 2:S NEW 99.56 x 1  | 4 2 3
        trade 110       | 4:B NEW 108.9 x 0.9            | 4 2 3
    """,
    "shutdown: what runs finishes, nothing starts": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set status=shutdown |                            | 1
        trade 90        |                                | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        fill 1:S        | 1:S FILLED                     |
        trade 100       |                                |
        set status=on   |                                | 2
        trade 100       | 2:B NEW 99 x 1                 | 2
    """,
    "shutdown: a trader without an order ends at once": """
        set status=on   |                                | 1
        set status=shutdown |                            |
        trade 100       |                                |
    """,
    "shutdown: a trader that can do nothing more ends, or it would never be over": """
        seed max_price=100 |                             |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
        fill 1:B        | 1:B FILLED, 1:S REJECTED PRICE_FILTER | 2 1
        set status=shutdown |                            | 2
        expired 2:B     | 2:B EXPIRED                    |
        trade 100       |                                |
    """,
    "shutdown: nor does it wait for a SELL that a filter forbids": """
        seed max_price=100 |                             |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set status=shutdown |                            | 1
        fill 1:B        | 1:B FILLED, 1:S REJECTED PRICE_FILTER |
        set status=on   |                                | 2
    """,
    "off: open orders are cancelled, no trader runs": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 2 1
        set status=off  | 2:B cancel, 1:S cancel         |
        canceled 1:S    | 1:S CANCELED                   |
        trade 94        |                                |
        canceled 2:B    | 2:B CANCELED                   |
        canceled 2:B    |                                |
    """,
    "off: a fill that was faster than the cancellation is told, and nothing follows from it": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set status=off  | 1:B cancel                     |
        part 1:B 0.3    | 1:B PARTIALLY_FILLED 0.3       |
        set status=on   |                                | 2
        fill 1:B        | 1:B FILLED                     | 2
        canceled 1:B    |                                | 2
        trade 100       | 2:B NEW 99 x 1                 | 2
    """,
    "off again changes nothing": """
        set status=off  |                                |
        trade 100       |                                |
        set status=off  |                                |
    """,
    "refused by LOT_SIZE, by name and without a loop": """
        seed min_quantity=2 |                            |
        set status=on   |                                | 1
        trade 100       | 1:B REJECTED LOT_SIZE          | 1
        trade 100       |                                | 1
        trade 10        |                                | 1
    """,
    "refused by PRICE_FILTER": """
        seed max_price=98 |                              |
        set status=on   |                                | 1
        trade 100       | 1:B REJECTED PRICE_FILTER      | 1
        trade 90        |                                | 1
        set status=off  |                                |
    """,
    "refused by MIN_NOTIONAL; settings that allow it give it a new try under a new id": """
        seed min_notional=200 |                          |
        set status=on   |                                | 1
        trade 100       | 1:B REJECTED MIN_NOTIONAL      | 1
        trade 100       |                                | 1
        seed min_notional=50 |                           | 2
        trade 100       | 2:B NEW 99 x 1                 | 2
        trade 100       |                                | 2
    """,
    "a refused SELL keeps its trader idle": """
        seed max_price=100 |                             |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S REJECTED PRICE_FILTER | 1
        trade 99        |                                | 1
        trade 120       |                                | 1
    """,
    "an order that the exchange refused halts its trader; turning on starts another": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        rejected 1:B    | 1:B REJECTED                   | 1
        trade 99        |                                | 1
        trade 50        |                                | 1
        set status=on   |                                | 2
        trade 50        | 2:B NEW 49.5 x 2               | 2
    """,
    "an order that expired, half filled, halts its trader": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        part 1:B 0.5    | 1:B PARTIALLY_FILLED 0.5       | 1
        expired 1:B     | 1:B EXPIRED                    | 1
        fill 1:B        |                                | 1
        trade 99        |                                | 1
    """,
    "an order that someone else canceled halts its trader": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        canceled 1:S    | 1:S CANCELED                   | 1
        trade 200       |                                | 1
    """,
    "chunks raised while running": """
        set status=on chunks=1 |                         | 1
        trade 100       | 1:B NEW 99 x 3                 | 1
        set chunks=3    |                                | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
        trade 88        |                                | 3 2 1
    """,
    "chunks lowered while running: who finishes is not replaced until they fit": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        trade 94        |                                | 2 1
        trade 94        | 2:B NEW 93.06 x 1              | 2 1
        trade 88        |                                | 3 2 1
        set chunks=1    |                                | 2 1
        fill 2:B        | 2:B FILLED, 2:S NEW 94.92 x 1  | 2 1
        fill 2:S        | 2:S FILLED                     | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        fill 1:S        | 1:S FILLED                     | 4
        trade 100       | 4:B NEW 99 x 3                 | 4
    """,
    "other settings hold from the next order on": """
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set profit_interval=0.05 |                       | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 103.95 x 1 | 1
        set buy_down_interval=0.02 budget=600 |          | 1
        fill 1:S        | 1:S FILLED                     | 2
        trade 100       | 2:B NEW 98 x 2                 | 2
    """,
}


class Told:
    """A leader that is told events as text, and says what it made of them."""

    def __init__(self, seeded: bool = True) -> None:
        self.state = leader.new_state(INSTRUMENT, 0)
        self.instrument, self.settings = setup(status=TradingStatus.OFF)
        self.offsets = {"trades": 0, "fills": 0, "settings": 0, "instruments": 0}
        self.quantities: dict[str, int] = {}
        if seeded:
            self.tell("seed")

    def tell(self, event: str) -> str:
        """Apply one event; the orders it sent, as text."""
        kind, *words = event.split()
        {"set": self._set, "seed": self._seed, "trade": self._trade}.get(kind, self._report)(kind, *words)
        sent = [record for record in self.state.outbox if isinstance(record, Order)]
        self.state.outbox = []
        self.quantities |= {order.client_order_id: order.quantity for order in sent}
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
        columns = (np.array([value], np.int64) for value in (offset, units(price), offset))
        leader.apply_trades(self.state, *columns)

    def _report(self, kind: str, short_id: str, executed: str = "") -> None:
        client_order_id = f"{INSTRUMENT}:{short_id}"
        whole = self.quantities[client_order_id]
        cumulative = {"fill": whole, "part": units(executed or "0")}.get(kind, 0)
        execution = ExecutionType.TRADE if cumulative else ExecutionType[kind.upper()]
        quantities = {"quantity": cumulative, "cumulative_quantity": cumulative, "order_quantity": whole}
        report = fill(client_order_id, execution_type=execution, **quantities)
        leader.apply_fill(self.state, self._next("fills"), report)


def shown(order: Order) -> str:
    """A snapshot in a few words."""
    head = f"{order.trader}:{order.side[0]}"
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


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_table(table: str) -> None:
    told = Told()
    for event, orders, traders in rows(table):
        assert (event, told.tell(event), told.traders) == (event, orders, traders)


UNSEEDED = {
    "settings that come before the instrument wait for it": """
        set status=on   |                                |
        trade 100       |                                |
        seed            |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
    """,
    "only the settings that are there when the instrument comes count": """
        set status=on   |                                |
        set status=off  |                                |
        seed            |                                |
        trade 100       |                                |
        set status=on   |                                | 1
    """,
    "a shutdown that comes before the instrument has nothing to end": """
        set status=shutdown |                            |
        seed            |                                |
        trade 100       |                                |
    """,
    "an instrument without settings is not traded": """
        seed            |                                |
        trade 100       |                                |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
    """,
    "another tick holds from the next order on": """
        seed            |                                |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        seed tick_size=1 |                               | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100 x 1    | 1
    """,
    "seeding again neither starts nor ends anything": """
        seed            |                                |
        set status=on   |                                | 1
        trade 100       | 1:B NEW 99 x 1                 | 1
        set status=shutdown |                            | 1
        seed            |                                | 1
        fill 1:B        | 1:B FILLED, 1:S NEW 100.98 x 1 | 1
        fill 1:S        | 1:S FILLED                     |
        seed            |                                |
        trade 100       |                                |
    """,
}


@pytest.mark.parametrize("table", UNSEEDED.values(), ids=UNSEEDED.keys())
def test_whatever_comes_first(table: str) -> None:
    told = Told(seeded=False)
    for event, orders, traders in rows(table):
        assert (event, told.tell(event), told.traders) == (event, orders, traders)


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
    leader.apply_trades(whole, offsets, prices, offsets)
    for part in np.split(np.arange(len(prices)), cuts):
        leader.apply_trades(cut, offsets[part], prices[part], offsets[part])
    assert cut == whole


def test_a_leader_survives_being_stored() -> None:
    told = Told()
    for event in ("set status=on", "trade 100", "trade 94", "trade 94", "part 1:B 0.4", "set status=off"):
        told.tell(event)
    again = msgspec.json.decode(msgspec.json.encode(told.state), type=LeaderState)
    assert again == told.state
