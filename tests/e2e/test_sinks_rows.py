"""What is in the topics is in the tables, exactly, once, and never replaced by something older."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.apply import apply_all
from connectors.interface import states
from infra.config import Config
from schemas.checks import FIRST_MARKET_TIME, LAST_TIME
from schemas.groups import sink_name
from schemas.records import Keyed, Order, OrderStatus, Record, Trade
from schemas.topics import FILLS, INSTRUMENTS, ORDERS, SETTINGS, SINKS, TRADES, Topic
from schemas.units import AMOUNT_MAX, PRICE_MAX, to_decimal
from streams.warehouse.agreement import Comparison, compare_with_topics
from tests import samples
from tests.e2e.sinks import World, sink_world, until

NEW, PART, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED


@pytest.fixture(scope="module")
def world(stack: Config) -> Iterator[World]:
    with sink_world(stack) as world:
        yield world


def trade(trade_id: int, **changes: Any) -> Trade:
    values = {name: getattr(samples.trade("1"), name) for name in Trade.__struct_fields__}
    return Trade(**{**values, "trade_id": trade_id, **changes})


def snapshot(number: int, version: int, status: OrderStatus = NEW, **changes: Any) -> Order:
    return samples.order(f"{samples.INSTRUMENT}:{number}:B", version=version, status=status, **changes)


def version_of(world: World, number: int) -> int | None:
    rows = world.rows("SELECT version FROM orders WHERE client_order_id = :id", id=f"{samples.INSTRUMENT}:{number}:B")
    return rows[0].version if rows else None


def physical(world: World) -> dict[str, list[Any]]:
    """Every row version of every table: where it lies and which transaction wrote it."""
    return {t.name: world.rows(f"SELECT ctid, xmin::text, * FROM {t.name} ORDER BY ctid") for t in SINKS}


def assert_agreement(world: World) -> dict[str, Comparison]:
    found = {each.table: each for each in compare_with_topics(world.config)}
    assert all(each.equal for each in found.values()), found
    return found


EXTREMES = [
    trade(
        1, price=1, quantity=1, trade_time=FIRST_MARKET_TIME, event_time=LAST_TIME, received_time=1_700_000_000_123_456
    ),
    trade(2, price=PRICE_MAX, quantity=AMOUNT_MAX, buyer_order_id=2**63 - 1, seller_order_id=0),
    trade(2**63 - 1, price=123_456_789, quantity=10**27 + 1, received_time=0),
]


def test_values_are_exact_to_the_last_decimal_and_microsecond(world: World) -> None:
    world.send(*EXTREMES)
    query = """SELECT price::text, quantity::text, buyer_order_id, seller_order_id,
        to_char(trade_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS traded,
        to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS sent,
        to_char(received_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS received
        FROM trades ORDER BY trade_id"""
    until("three trades", lambda: len(world.rows("SELECT 1 FROM trades")) == 3)
    first, second, third = world.rows(query)
    assert first[:4] == ("0.00000001", "0.00000001", None, None)
    assert (first.traded, first.sent) == ("2009-01-01 00:00:00.000000", "2099-12-31 23:59:59.999999")
    assert first.received == "2023-11-14 22:13:20.123456"
    assert second[:4] == ("9999999999.99999999", "99999999999999999999.99999999", 2**63 - 1, 0)
    assert (third.price, third.quantity) == ("1.23456789", "10000000000000000000.00000001")
    assert third.received == "1970-01-01 00:00:00.000000"


def test_one_id_at_two_times_is_two_trades(world: World) -> None:
    times = [1_700_000_000_000_000, 1_700_086_400_000_000]
    world.send(*(trade(90, trade_time=time, price=10**8 + time) for time in times))
    query = "SELECT price FROM trades WHERE trade_id = 90 ORDER BY trade_time"
    until("both", lambda: len(world.rows(query)) == 2)
    assert [row.price for row in world.rows(query)] == [to_decimal(10**8 + time) for time in times]


def test_every_record_of_every_topic_arrives(world: World) -> None:
    other = "binance:ETHUSDT"
    world.send(
        *(trade(100 + n) for n in range(50)),
        *(samples.order(f"{other}:{n}:B", version=n + 1, reason="why" if n % 2 else None) for n in range(30)),
        *(samples.fill(f"{other}:{n}:B", trade_id=None if n % 3 else n) for n in range(30)),
        samples.instrument(other, tick_size="0.00000001", updated_time=1),
        samples.settings(other, profit_interval="-0.0012", updated_time=1),
    )
    found = assert_agreement(world)
    assert (found["trades"].keys, found["orders"].keys, found["fills"].keys) == (55, 30, 30)
    assert (found["instruments"].keys, found["settings"].keys) == (1, 1)
    rows = until("settings", lambda: world.rows("SELECT profit_interval::text, status FROM settings"))
    assert rows == [("-0.00120000", "on")]
    assert world.rows("SELECT tick_size::text, exchange_status FROM instruments") == [("0.00000001", "TRADING")]


def test_the_same_records_again_write_no_row_anew(world: World) -> None:
    records = [
        *(trade(200 + n) for n in range(20)),
        *(snapshot(200 + n, 5, FILLED, executed_quantity="1") for n in range(20)),
        *(samples.fill(f"{samples.INSTRUMENT}:{200 + n}:B") for n in range(20)),
        samples.instrument("binance:SAMEUSDT", updated_time=7),
        samples.settings("binance:SAMEUSDT", updated_time=7),
    ]
    world.send(*records)
    until_committed(world, *SINKS)
    before = physical(world)
    world.send(*records)
    until_committed(world, *SINKS)
    assert physical(world) == before


def test_all_read_again_from_the_beginning_writes_no_row_anew(world: World) -> None:
    world.send(trade(300), snapshot(300, 1), snapshot(300, 2, PART), snapshot(300, 3, FILLED))
    world.send(samples.fill(f"{samples.INSTRUMENT}:300:B"))
    until_committed(world, *SINKS)
    before = physical(world)
    for topic in (TRADES, ORDERS, FILLS):
        read_again(world, topic)
    until_committed(world, TRADES, ORDERS, FILLS)
    assert physical(world) == before
    assert version_of(world, 300) == 3
    assert_agreement(world)


def until_committed(world: World, *topics: Topic) -> None:
    for topic in topics:
        until(f"{topic.name} committed", lambda topic=topic: world.caught_up(topic))  # type: ignore[misc]


def read_again(world: World, topic: Topic) -> None:
    name = sink_name(world.config, topic)
    world.connect("PUT", f"/connectors/{name}/stop")
    stopped = "STOPPED"
    until(
        f"{name} stopped",
        lambda: (
            (status := world.connect("GET", f"/connectors/{name}/status").json())["connector"]["state"] == stopped
            and not status["tasks"]
        ),
    )
    world.connect("DELETE", f"/connectors/{name}/offsets")
    assert not world.caught_up(topic)
    world.connect("PUT", f"/connectors/{name}/resume")


OLDER_AFTER_NEWER = [
    # versions in the order of the topic, the status of the newest
    (400, [(1, NEW), (3, FILLED), (2, PART)]),
    (401, [(9, FILLED), (1, NEW)]),
    (402, [(1, NEW), (2, PART), (3, PART), (1, NEW), (2, PART)]),
]


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "a batch each"])
def test_an_older_snapshot_never_replaces_a_newer_one(world: World, at_once: bool) -> None:
    shift = 0 if at_once else 1_000
    for number, versions in OLDER_AFTER_NEWER:
        snapshots = [snapshot(number + shift, version, status) for version, status in versions]
        for chunk in [snapshots] if at_once else [[each] for each in snapshots]:
            world.send(*chunk)
            sentinel = snapshot(10**6 + number + shift + 10**7 * chunk[-1].version, 1)
            world.send(sentinel)
            until("the sentinel", lambda s=sentinel: version_of(world, s.trader))  # type: ignore[misc]
        newest = max(versions)
        rows = world.rows(
            "SELECT version, status FROM orders WHERE client_order_id = :id", id=snapshots[0].client_order_id
        )
        assert rows == [(newest[0], newest[1].value)]
    assert_agreement(world)


@pytest.mark.parametrize(
    ("topic", "make", "field"),
    [(SETTINGS, samples.settings, "budget"), (INSTRUMENTS, samples.instrument, "min_notional")],
)
def test_what_the_topic_says_last_holds_whatever_the_clock_of_its_writer(
    topic: Topic, make: Callable[..., Keyed], field: str, world: World
) -> None:
    name, query = "binance:OLDUSDT", f"SELECT {field}::int FROM {topic.name} WHERE symbol = 'OLDUSDT'"
    world.send(*(make(name, updated_time=time, **{field: f"{time}"}) for time in (5, 9, 7)))
    world.send(make("binance:OLDUSDT2", updated_time=1))
    world.send(make(name, updated_time=3, **{field: "4"}))
    until(field, lambda: world.rows(query) == [(4,)])
    until_committed(world, topic)
    assert world.rows(query) == [(4,)]
    assert_agreement(world)


@pytest.mark.long
@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "a batch each"])
def test_what_was_decided_in_an_epoch_that_is_over_replaces_nothing(world: World, at_once: bool) -> None:
    number = 600 + at_once
    name = f"{samples.INSTRUMENT}:{number}:B"
    reports = ((1, 9, "98"), (2, 5, "99"), (2, 3, "97"), (1, 7, "96"))  # of one epoch the last message counts
    records: list[Record] = [
        *(snapshot(number, version, status, epoch=epoch) for epoch, version, status in ((1, 2, NEW), (2, 1, PART))),
        *(snapshot(number, version, status, epoch=epoch) for epoch, version, status in ((1, 9, NEW), (2, 3, FILLED))),
        snapshot(number, 99, NEW, epoch=1),
        *(samples.fill(name, price=price, epoch=epoch, version=version) for epoch, version, price in reports),
    ]
    for chunk in [records] if at_once else [[each] for each in records]:
        world.send(*chunk)
        until_committed(world, ORDERS, FILLS)
    assert world.rows("SELECT epoch, version, status FROM orders WHERE client_order_id = :id", id=name) == [
        (2, 3, FILLED.value)
    ]
    assert world.rows("SELECT epoch, price::int FROM fills WHERE client_order_id = :id", id=name) == [(2, 97)]
    assert_agreement(world)


def test_applying_again_disturbs_nothing(world: World) -> None:
    before = [replace(state) for state in states(world.config)]
    statuses = [world.connect("GET", f"/connectors/{state.name}/status").json() for state in before]
    assert apply_all(world.config) == before
    assert [world.connect("GET", f"/connectors/{state.name}/status").json() for state in before] == statuses


def test_a_comparison_names_what_does_not_agree(world: World) -> None:
    world.send(trade(500), trade(501), trade(502))
    assert_agreement(world)
    world.execute("DELETE FROM trades WHERE trade_id = 500")
    world.execute("UPDATE trades SET price = price + 0.00000001 WHERE trade_id = 501")
    world.execute("UPDATE trades SET trade_id = 503 WHERE trade_id = 502")
    until_committed(world, TRADES)
    found = compare_with_topics(world.config)[0]
    assert (found.equal, found.missing, found.extra, found.differing) == (False, 2, 1, 1)
    changed = trade(501)
    assert found.examples[0].startswith(f"{changed.instrument}:501:{changed.trade_time} differs: price is 100000001")
