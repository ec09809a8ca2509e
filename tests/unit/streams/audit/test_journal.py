"""The audit's referee: the recorded inputs give the recorded orders, and anything that was tampered with is found."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.codec import Codec, schema_text
from schemas.journal_records import Applied
from schemas.records import Fill, Order, OrderStatus, Trade, TradingStatus
from streams.audit.audit import Audit
from streams.audit.differences import counting
from streams.audit.journal import Recorded, Trades, compare, made_anew, refold
from streams.audit.stretches import subjects
from streams.trading import leader
from tests import first_layout
from tests.property.test_leader import World, lived
from tests.samples import INSTRUMENT, order


def recorded_by(world: World) -> Recorded:
    """What the topics hold after all that happened."""
    prices = np.array(world.prices, np.int64)
    offsets = np.arange(len(prices))
    return Recorded(
        instrument=INSTRUMENT,
        partition=0,
        trades=Trades(offsets, prices, offsets, offsets),
        orders=list(world.orders),
        journal=list(world.journal),
        fills=dict(enumerate(world.fills)),
    )


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """A life of a leader with many orders of all kinds, reports out of order, and repeats."""
    world = lived((2, 1_000), World(chunks=4, partial_fills=True))
    world.set(msgspec.structs.replace(world.settings[-1], status=TradingStatus.OFF))
    world.all_is_read()
    found = recorded_by(world)
    statuses = {order.status for order in found.orders}
    assert statuses >= {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED, OrderStatus.CANCELED}
    assert len(found.journal) > 50
    assert len(found.orders) > len({order.version for order in found.orders}), "repeats belong to it"
    return found


def test_the_recorded_inputs_give_the_recorded_orders(recorded: Recorded) -> None:
    assert compare(recorded) == []
    made = {record.version for record in [*recorded.orders, *recorded.journal]}
    assert [record.version for record in refold(recorded) if isinstance(record, Order | Applied)] == sorted(made)


def test_what_was_compared_is_counted(recorded: Recorded) -> None:
    (subject,) = subjects(recorded)
    result = Audit()
    result.count(subject, None)
    assert result.passed
    taken = [entry.input_topic for entry in subject.journal]
    assert (result.instruments, result.journal, result.settings) == (1, len(taken), taken.count("settings"))
    assert (result.fills, result.seeds) == (len(recorded.fills), taken.count("instruments"))
    assert result.seeds != result.settings
    assert result.snapshots == len({order.version for order in recorded.orders})
    assert result.repeats == len(recorded.orders) + len(recorded.journal) - result.snapshots - len(taken)


@pytest.mark.parametrize(
    ("topics", "said"),
    [
        (("trades",), "trades"),
        (("settings", "fills", "instruments"), "fills"),
        (("orders",), "orders"),
        (("applied",), "applied"),
        (("settings", "instruments"), None),
    ],
)
def test_offsets_in_a_topic_that_is_no_more_are_not_looked_up_in_the_one_of_today(
    recorded: Recorded, topics: tuple[str, ...], said: str | None
) -> None:
    state = leader.new_state(INSTRUMENT, 0)
    state.version = max(record.version for record in [*recorded.orders, *recorded.journal])
    for topic in topics:
        leader.begin_anew(state, topic, "another")
    entries = [entry for entry in state.outbox if isinstance(entry, Applied)]
    assert made_anew(replace(recorded, journal=[*recorded.journal, *entries])) == said


@pytest.mark.parametrize("seed", range(20))
def test_repeats_and_the_order_of_the_journal_do_not_matter(recorded: Recorded, seed: int) -> None:
    chance = Random(seed)
    journal = [*recorded.journal, *chance.choices(recorded.journal, k=10)]
    chance.shuffle(journal)
    orders = [*recorded.orders, *chance.choices(recorded.orders, k=10)]
    assert compare(replace(recorded, journal=journal, orders=orders)) == []


def first(orders: list[Order], status: OrderStatus) -> Order:
    return next(order for order in orders if order.status is status)


def changed_order(found: OrderStatus, /, **changes: Any) -> Callable[[Recorded], Recorded]:
    def tamper(recorded: Recorded) -> Recorded:
        victim = first(recorded.orders, found)
        other = msgspec.structs.replace(victim, **changes)
        return replace(recorded, orders=[other if order == victim else order for order in recorded.orders])

    return tamper


def missing_order(recorded: Recorded) -> Recorded:
    victim = first(recorded.orders, OrderStatus.FILLED)
    return replace(recorded, orders=[order for order in recorded.orders if order != victim])


def invented_order(recorded: Recorded) -> Recorded:
    last = max([*recorded.orders, *recorded.journal], key=lambda record: record.version)
    extra = msgspec.structs.replace(recorded.orders[0], version=last.version + 1)
    return replace(recorded, orders=[*recorded.orders, extra])


def repeat_with_another_content(recorded: Recorded) -> Recorded:
    extra = msgspec.structs.replace(recorded.orders[0], price=recorded.orders[0].price + 1)
    return replace(recorded, orders=[*recorded.orders, extra])


def changed_trade(recorded: Recorded) -> Recorded:
    """The trade that made the first order had another price."""
    at = recorded.orders[0].trades_offset
    prices = recorded.trades.prices.copy()
    prices[at] += prices[at] // 10
    return replace(recorded, trades=recorded.trades._replace(prices=prices))


def lost_trade(recorded: Recorded) -> Recorded:
    at = recorded.orders[0].trades_offset
    return replace(recorded, trades=Trades(*(np.delete(column, at) for column in recorded.trades)))


def changed_fill(recorded: Recorded) -> Recorded:
    """The report that filled the first order says that it was canceled."""
    filled = first(recorded.orders, OrderStatus.FILLED)
    report = recorded.fills[filled.fills_offset]
    other = msgspec.structs.replace(report, execution_type="CANCELED")
    other = msgspec.convert(msgspec.to_builtins(other), type(report))
    return replace(recorded, fills={**recorded.fills, filled.fills_offset: other})


def lost_journal_entry(recorded: Recorded) -> Recorded:
    """A fill that made an order is not in the journal."""
    filled = first(recorded.orders, OrderStatus.FILLED)
    journal = [entry for entry in recorded.journal if not is_about(entry, filled)]
    assert len(journal) < len(recorded.journal)
    return replace(recorded, journal=journal)


def swapped_interleaving(recorded: Recorded) -> Recorded:
    """The fill behind a SELL is said to have come after ten more trades than it did."""
    filled = first(recorded.orders, OrderStatus.FILLED)
    journal = [
        msgspec.structs.replace(entry, trades_offset=entry.trades_offset + 10) if is_about(entry, filled) else entry
        for entry in recorded.journal
    ]
    return replace(recorded, journal=journal)


def swapped_fills(recorded: Recorded) -> Recorded:
    """Two fills of different orders are said to have come in the other order."""
    entries = [entry for entry in recorded.journal if entry.input_topic == "fills"]
    one = next(entry for entry in entries if is_about(entry, first(recorded.orders, OrderStatus.FILLED)))
    names = recorded.fills[one.input_offset].client_order_id
    other = next(
        entry
        for entry in entries
        if entry.version > one.version and recorded.fills[entry.input_offset].client_order_id != names
    )
    exchanged = {
        one.version: msgspec.structs.replace(one, input_offset=other.input_offset),
        other.version: msgspec.structs.replace(other, input_offset=one.input_offset),
    }
    return replace(recorded, journal=[exchanged.get(entry.version, entry) for entry in recorded.journal])


def is_about(entry: Applied, order: Order) -> bool:
    return entry.input_topic == "fills" and entry.input_offset == order.fills_offset


TAMPERED: dict[str, Callable[[Recorded], Recorded]] = {
    "a changed price": changed_order(OrderStatus.NEW, price=1),
    "a changed quantity": changed_order(OrderStatus.NEW, quantity=1),
    "a changed status": changed_order(OrderStatus.FILLED, status=OrderStatus.EXPIRED),
    "a changed position": changed_order(OrderStatus.FILLED, trades_offset=0),
    "a changed time": changed_order(OrderStatus.FILLED, updated_time=0),
    "a missing order": missing_order,
    "an invented order": invented_order,
    "a repeat with another content": repeat_with_another_content,
    "a changed trade": changed_trade,
    "a lost trade": lost_trade,
    "a changed fill": changed_fill,
    "a lost journal entry": lost_journal_entry,
    "a swapped interleaving of trades and fills": swapped_interleaving,
    "swapped fills": swapped_fills,
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED.keys())
def test_what_was_tampered_with_is_found(recorded: Recorded, tamper: Callable[[Recorded], Recorded]) -> None:
    assert compare(tamper(recorded)) != []


def test_a_difference_says_what_was_recorded_and_what_should_have_been(recorded: Recorded) -> None:
    victim = first(recorded.orders, OrderStatus.NEW)
    differences = compare(TAMPERED["a changed price"](recorded))
    assert [difference.version for difference in differences] == [victim.version]
    (difference,) = differences
    assert isinstance(difference.recorded, Order)
    assert (difference.recorded.price, difference.refolded) == (1, victim)


def test_nothing_recorded_is_nothing_to_compare() -> None:
    empty = np.zeros(0, np.int64)
    assert compare(Recorded(INSTRUMENT, 0, Trades(empty, empty, empty, empty))) == []


def test_what_was_recorded_when_settings_held_the_instrument_replays_exactly() -> None:
    """As commit 7ab30b9 wrote it; the journal's settings hold what the exchange says, too."""

    def decoded(topic: str, kind: type[Any], key: str = first_layout.TRADED) -> list[Any]:
        schemas = first_layout.OLD_SCHEMAS
        reader = Codec(kind, 7, lambda _: schemas.get(topic) or schema_text(kind))
        return [reader.decode(value) for found, value in first_layout.records(topic, 3) if found == key]

    trades = decoded("trades", Trade)
    columns = [np.array([getattr(trade, name) for trade in trades]) for name in ("price", "trade_time", "trade_id")]
    recorded = Recorded(
        instrument=first_layout.TRADED,
        partition=0,
        trades=Trades(np.arange(len(trades)), *columns),
        orders=decoded("orders", Order),
        journal=decoded("applied", Applied),
        fills=dict(enumerate(decoded("fills", Fill))),
    )
    assert [entry.input_topic for entry in recorded.journal] == ["settings", "settings", "fills"]
    assert compare(recorded) == []
    coarser = [
        msgspec.structs.replace(
            entry, settings=entry.settings and entry.settings.replace('"tick_size":1000000', '"tick_size":50000000')
        )
        for entry in recorded.journal
    ]
    assert compare(replace(recorded, journal=coarser)) != []


@pytest.mark.parametrize(
    ("epochs", "count"),
    [
        ([], []),
        ([0, 0, 0], [0, 1, 2]),
        ([0, 1, 1, 4], [0, 1, 2, 3]),
        ([1, 2, 1, 2], [0, 1, 3]),
        ([3, 1, 2, 3], [0, 3]),
    ],
)
def test_a_record_of_a_lower_epoch_than_one_before_it_does_not_count(epochs: list[int], count: list[int]) -> None:
    found = [(10 + at, order(version=at, epoch=epoch)) for at, epoch in enumerate(epochs)]
    assert counting(found) == {10 + at: found[at][1] for at in count}


def test_who_decided_it_makes_no_difference(recorded: Recorded) -> None:
    orders = [msgspec.structs.replace(order, epoch=3) for order in recorded.orders]
    journal = [msgspec.structs.replace(entry, epoch=5) for entry in recorded.journal]
    assert compare(replace(recorded, orders=[*recorded.orders, *orders], journal=[*recorded.journal, *journal])) == []


def test_one_version_with_two_contents_that_count_is_a_difference_whatever_the_epoch(recorded: Recorded) -> None:
    other = msgspec.structs.replace(recorded.orders[0], epoch=9, price=recorded.orders[0].price + 1)
    assert compare(replace(recorded, orders=[*recorded.orders, other])) != []
