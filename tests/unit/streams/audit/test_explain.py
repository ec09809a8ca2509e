"""An order explained from what was recorded: the input behind each snapshot, why, and the arithmetic by hand."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.order_ids import client_order_id
from schemas.records import ExecutionType, Fill, OrderStatus, Setup, TradingStatus
from schemas.units import plain
from streams.audit.arithmetic import Calculation
from streams.audit.explain import Explanation, NotReplayable, Step, UnknownOrder, explain
from streams.audit.journal import Recorded, Trades
from streams.trading import leader
from tests.property.test_leader import World, lived
from tests.samples import INSTRUMENT, fill, setup, units

FIRST_ID = 5_000
"""Trade ids are not offsets."""


def traded(*prices: str, partial_fills: bool = False, **changes: Any) -> World:
    """A world in which everything was read after each of these trades; so much was traded that all is filled."""
    world = World(chunks=1, partial_fills=partial_fills)
    restart(world, **changes)
    for price in prices:
        more(world, price)
    return world


def restart(world: World, **changes: Any) -> None:
    """Seed and set what the examples run by."""
    instrument, decided = example(**changes)
    world.seed(instrument)
    world.set(decided)


def example(**changes: Any) -> Setup:
    values = {
        **{"tick_size": "0.00001", "step_size": "0.1", "chunks": 5, "budget": "1000", "fee": "0.001"},
        **{"buy_down_interval": "0.0005", "profit_interval": "0.001", "rebuy_interval": "0.002"},
        **changes,
    }
    return setup(**values)


def more(world: World, price: str, quantity: str = "100000") -> None:
    world.trade(units(price), units(quantity))
    world.all_is_read()


def recorded_by(world: World) -> Recorded:
    prices = np.array(world.prices, np.int64)
    offsets = np.arange(len(prices))
    return Recorded(
        instrument=INSTRUMENT,
        partition=0,
        trades=Trades(offsets, prices, offsets, offsets + FIRST_ID),
        orders=list(world.orders),
        journal=list(world.journal),
        fills=dict(enumerate(map(by_recorded_id, world.fills))),
    )


def by_recorded_id(report: Fill) -> Fill:
    return msgspec.structs.replace(report, trade_id=None if report.trade_id is None else report.trade_id + FIRST_ID)


def explained(world: World, short_id: str) -> Explanation:
    found = explain([recorded_by(world)], f"{INSTRUMENT}:{short_id}")
    assert not found.differences
    assert not found.other_differences
    assert all(snapshot.recorded == snapshot.refolded for snapshot in found.snapshots)
    return found


def fact(step: Step | None, what: str) -> tuple[str | None, str | None]:
    assert step is not None
    return next((fact.before, fact.after) for fact in step.state if fact.what == what)


CYCLE = ("0.30212", "0.30195", "0.31", "0.32")
"""A BUY is placed and filled; its SELL is filled; the next trader places its BUY."""


def test_a_buy_by_hand() -> None:
    found = explained(traded(*CYCLE[:2]), "1:B")
    placed, filled = found.snapshots
    assert (placed.order.status, filled.order.status) == (OrderStatus.NEW, OrderStatus.FILLED)
    event = placed.step.event
    assert (event.place, event.trade_id, event.price) == (("trades", 0), FIRST_ID, units("0.30212"))
    assert placed.step.arithmetic == (
        Calculation("BUY price", "floor(0.30212 × (1 − 0.0005), tick 0.00001)", "0.30196894", "0.30196"),
        # 200 / 0.30196 = 662.33938270…
        Calculation("quantity", "floor(1000 / 5 / 0.30196, step 0.1)", "662.339382699…", "662.3"),
        Calculation("rebuy below", "0.30196 × (1 − 0.002)", "0.30135608", "0.30135608"),
    )
    assert fact(placed.step, "trader 1") == (
        "waits for its first trade",
        "buys 662.3 at 0.30196; a price below 0.30135608 starts one more",
    )
    assert "first trade that trader 1 sees" in placed.step.why
    assert filled.step.event.fill is not None
    assert filled.step.event.fill.trade_id == FIRST_ID + 1
    due_to = filled.step.event.due_to
    assert due_to is not None
    assert (due_to.place, due_to.price) == (("trades", 1), units(CYCLE[1]))
    assert filled.step.arithmetic == ()
    assert [order.client_order_id for order in filled.step.also] == [f"{INSTRUMENT}:1:S"]


def test_a_sell_by_hand() -> None:
    (placed,) = explained(traded(*CYCLE[:2]), "1:S").snapshots
    assert placed.step.event.place == ("fills", 0)
    assert placed.step.arithmetic == (
        Calculation(
            "SELL price",
            "floor(0.30196 × (1 + 0.001) × (1 + 0.001) × (1 + 0.001), tick 0.00001)",
            "0.30286678618196",
            "0.30286",
        ),
        Calculation("quantity", "as bought", "662.3", "662.3"),
    )
    before, after = fact(placed.step, "trader 1")
    assert (before, after) == (
        "buys 662.3 at 0.30196; a price below 0.30135608 starts one more",
        "sells 662.3 at 0.30286; a price below 0.30135608 starts one more",
    )


def test_a_trader_in_the_place_of_a_finished_one() -> None:
    found = explained(traded(*CYCLE), "2:B")
    assert found.start is not None
    assert found.start.why == "takes the place of trader 1, whose SELL was completely filled"
    assert fact(found.start, "trader 1")[1] is None
    assert fact(found.start, "trader 2") == (None, "waits for its first trade")
    assert found.start.event.fill is not None
    assert found.start.event.fill.client_order_id == f"{INSTRUMENT}:1:S"


def test_the_first_trader() -> None:
    start = explained(traded(*CYCLE), "1:S").start
    assert start is not None
    assert start.why == "trading was switched on: the first trader"
    assert start.event.settings is not None
    assert fact(start, "trader 1") == (None, "waits for its first trade")
    assert fact(start, "chunks") == (None, "1")


def test_the_first_trader_of_an_instrument_that_came_after_its_settings() -> None:
    world = World(chunks=1, partial_fills=False, seeded=False)
    instrument, decided = example(min_notional="5")
    world.set(decided)
    world.seed(msgspec.structs.replace(instrument, updated_time=9))
    more(world, CYCLE[0])
    start = explained(world, "1:B").start
    assert start is not None
    assert start.why == "the exchange's rules came while trading was switched on: the first trader"
    assert (start.event.place, start.event.instrument, start.event.time) == (
        ("instruments", 0),
        msgspec.structs.replace(instrument, updated_time=9),
        9,
    )
    changed = {name: fact(start, name) for name in ("tick size", "step size", "min notional", "trader 1")}
    assert changed == {
        "tick size": (None, "0.00001"),
        "step size": (None, "0.1"),
        "min notional": (None, "5"),
        "trader 1": (None, "waits for its first trade"),
    }


def test_a_trader_that_a_rebuy_started() -> None:
    """The level is 0.30135608; nothing was recorded of the trade below it but the trade itself."""
    world = World(chunks=1, partial_fills=False)
    restart(world)
    for price in ("0.30212", "0.30202", "0.30210", "0.30135607", "0.30130"):
        world.trade(units(price), units("1"))
        world.leader_reads_trades(1)  # the book lags behind: no fill comes between
    found = explained(world, "2:B")
    assert found.start is not None
    assert (found.start.event.place, found.start.event.trade_id) == (("trades", 3), FIRST_ID + 3)
    assert found.start.why == "one more: the price 0.30135607 is below the rebuy level of trader 1"
    assert found.start.arithmetic == (
        Calculation("rebuy level of trader 1", "0.30135607 < 0.30135608", "0.30135607", "0.30135608"),
    )
    assert fact(found.start, "leader") == (
        "on, 1 of 5 traders, the next is trader 2",
        "on, 2 of 5 traders, the next is trader 3",
    )
    assert found.snapshots[0].step.event.price == units("0.30130")


def test_a_refused_order_names_the_filter_and_its_numbers() -> None:
    (refused,) = explained(traded("0.30212", min_notional="200"), "1:B").snapshots
    assert refused.order.status is OrderStatus.REJECTED
    line = refused.step.arithmetic[-1]
    # 0.30196 · 662.3 = 199.988108
    assert line == Calculation("MIN_NOTIONAL", "0.30196 × 662.3 at least 200", "199.988108", "refused")


def test_partial_fills_and_a_cancelled_order() -> None:
    world = traded("0.30212", partial_fills=True)
    more(world, "0.3", "100")
    world.set(msgspec.structs.replace(world.settings[-1], status=TradingStatus.OFF, budget=units("2000")))
    world.all_is_read()
    found = explained(world, "1:B")
    assert [snapshot.order.status.value for snapshot in found.snapshots] == [
        *("NEW", "PARTIALLY_FILLED", "PARTIALLY_FILLED", "CANCELED"),
    ]
    _, part, asked, ended = found.snapshots
    assert part.step.why == "the exchange reports part of the order: trade"
    assert "switched off" in asked.step.why
    assert fact(asked.step, "budget") == ("1000", "2000")
    assert fact(asked.step, "trader 1")[1] is None
    assert ended.step.why == "the exchange reports: canceled"
    assert fact(ended.step, f"waits for the end of {INSTRUMENT}:1:B") == ("yes", None)


def test_an_order_that_the_exchange_rejects() -> None:
    world = traded(CYCLE[0])
    values = {"price": "0.30196", "quantity": "0", "cumulative_quantity": "0", "order_quantity": "662.3"}
    world.fills.append(fill(f"{INSTRUMENT}:1:B", execution_type=ExecutionType.REJECTED, reason="no money", **values))
    world.leader_reads_fills(1)
    placed, rejected = explained(world, "1:B").snapshots
    assert (rejected.order.status, rejected.order.reason) == (OrderStatus.REJECTED, "no money")
    assert rejected.step.why == "the exchange reports: rejected"
    assert (len(placed.step.arithmetic), rejected.step.arithmetic) == (3, ())
    assert fact(rejected.step, "trader 1")[1] == (
        "stands still: its BUY of 662.3 at 0.30196 was refused or ended unfilled"
    )


def test_a_name_without_an_incarnation_stands_for_the_newest_order_of_that_name() -> None:
    world = traded(*CYCLE[:1])
    world.name_orders()
    for price in CYCLE[1:]:
        more(world, price)
    assert explained(world, "1:B").client_order_id == f"{INSTRUMENT}:1:B", "placed before there were any"
    for name in ("1:S", "2:B"):
        number, side = name.split(":")
        found = explained(world, name)
        assert found.client_order_id == client_order_id("k3f7qa", INSTRUMENT, int(number), side)
        assert explain([recorded_by(world)], found.client_order_id) == found


def test_of_two_orders_of_one_name_the_one_of_the_higher_epoch_is_the_newest() -> None:
    world = traded(*CYCLE[:1])
    recorded = recorded_by(world)
    other = msgspec.structs.replace(world.orders[0], client_order_id="other", epoch=3, version=1)
    found = explain([replace(recorded, orders=[*recorded.orders, other])], f"{INSTRUMENT}:1:B")
    assert found.client_order_id == "other"


def test_what_was_taken_of_a_topic_that_is_no_more_is_not_explained_by_the_one_of_today() -> None:
    world = traded(*CYCLE)
    leader.begin_anew(world.leader, "trades", "another")
    world._send()
    with pytest.raises(NotReplayable, match="its topic trades was deleted and made anew"):
        explain([recorded_by(world)], f"{INSTRUMENT}:1:B")


@pytest.mark.parametrize("asked", ["9:B", "1:S"])
def test_an_unknown_order_names_the_nearest(asked: str) -> None:
    with pytest.raises(UnknownOrder) as raised:
        explain([recorded_by(traded(CYCLE[0]))], f"{INSTRUMENT}:{asked}")
    assert raised.value.nearest == [f"{INSTRUMENT}:1:B"]


def test_what_the_replay_does_not_give_is_said() -> None:
    recorded = recorded_by(traded(*CYCLE[:2]))
    name = f"{INSTRUMENT}:1:B"
    other = [msgspec.structs.replace(o, price=1) if o.client_order_id == name else o for o in recorded.orders]
    found = explain([replace(recorded, orders=other)], name)
    assert [difference.version for difference in found.differences] == [s.order.version for s in found.snapshots]
    assert found.snapshots[0].recorded != found.snapshots[0].refolded
    assert found.other_differences == 0


def test_an_order_whose_trade_is_lost() -> None:
    recorded = recorded_by(traded(*CYCLE[:2]))
    rest = Trades(*(column[1:] for column in recorded.trades))
    found = explain([replace(recorded, trades=rest)], f"{INSTRUMENT}:1:B")
    first = found.snapshots[0]
    assert first.step.event.price is None
    assert first.refolded != first.recorded
    assert found.differences


@pytest.mark.parametrize("seed", range(8))
def test_every_order_of_a_life_has_a_start_and_the_arithmetic_of_its_price(seed: int) -> None:
    """Reports out of order and twice, orders that expire, settings that change in between."""
    world = lived((seed, 500), World(chunks=4, partial_fills=True), changing=True)
    world.all_is_read()
    recorded = recorded_by(world)
    names = {order.client_order_id for order in world.orders}
    assert names
    for name in names:
        found = explain([recorded], name)
        assert found.start is not None
        assert (found.differences, found.other_differences) == ((), 0)
        placed = found.snapshots[0]
        limit, quantity = placed.step.arithmetic[:2]
        assert (limit.result, quantity.result) == (plain(placed.order.price), plain(placed.order.quantity))
        assert all(snapshot.step.arithmetic == () for snapshot in found.snapshots[1:])
