"""Merging rows: any order, repetition and grouping gives the same, with the most that is known and no contradiction."""

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.recorded.merge import Conflict, gaps, merge
from producers.recorded.rows import ROW, Rows, from_trades, quantity, sound
from schemas.records import Trade
from schemas.units import AMOUNT_MAX, PRICE_MAX
from streams.archive.rows import SCHEMA, from_table, to_table
from tests.samples import trade

START = 1_559_433_600_000_000

ids = st.integers(0, 60)
known = st.none() | st.integers(0, 2**63 - 1)


@st.composite
def markets(draw: st.DrawFn) -> list[Trade]:
    """Trades under different ids, in any order of times, with every amount that a trade may have."""
    return [
        Trade(
            exchange="binance",
            symbol="XRPUSDT",
            price=draw(st.integers(1, PRICE_MAX)),
            quantity=draw(st.integers(1, AMOUNT_MAX)),
            trade_id=number,
            trade_time=START + 1_000 * draw(st.integers(0, 30)),
            event_time=START + draw(st.integers(0, 40_000)),
            received_time=START + draw(st.integers(0, 40_000)),
            buyer_is_maker=draw(st.booleans()),
            buyer_order_id=draw(known),
            seller_order_id=draw(known),
        )
        for number in draw(st.lists(ids, unique=True, min_size=1, max_size=20))
    ]


def in_order(trades: list[Trade]) -> list[Trade]:
    return sorted(trades, key=lambda one: (one.trade_time, one.trade_id))


@settings(deadline=None, max_examples=60)
@given(markets(), st.data())
def test_any_order_repetition_and_grouping_gives_the_same(market: list[Trade], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(market), max_size=20))
    shuffled = data.draw(st.permutations(market + repeats))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    merged = np.empty(0, ROW)
    for first, end in pairwise([0, *cuts, len(shuffled)]):
        merged = merge(np.concatenate([merged, from_trades(shuffled[first:end])]))
    assert merged.tobytes() == from_trades(in_order(market)).tobytes()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([0, 123]), known, st.integers(0, 9), st.integers(0, 9)), max_size=6))
def test_what_sources_know_of_one_trade_is_joined_in_any_grouping(facts: list[tuple[Any, ...]]) -> None:
    """The finer time, the order ids where there are any, the latest event and its earliest receipt."""
    versions = [changed(trade_time=START + us, event_time=e, received_time=r) for us, _, e, r in facts]
    versions = [
        msgspec.structs.replace(v, buyer_order_id=None if f[1] is None else 77)
        for v, f in zip(versions, facts, strict=True)
    ]
    rows = from_trades(versions)
    if not len(rows):
        return
    (joined,) = merge(rows)
    assert joined["trade_time"] == max(v.trade_time for v in versions)
    assert (joined["buyer_order_id"] == 77) == any(v.buyer_order_id == 77 for v in versions)
    assert (joined["event_time"], -joined["received_time"]) == max((v.event_time, -v.received_time) for v in versions)
    one_by_one = rows[:1]
    for i in range(1, len(rows)):
        one_by_one = merge(np.concatenate([rows[i : i + 1], one_by_one]))
    assert one_by_one.tobytes() == merge(rows).tobytes()


@settings(deadline=None, max_examples=60)
@given(st.lists(ids, unique=True, min_size=1))
def test_gaps_are_the_ids_between_that_no_trade_has(present: list[int]) -> None:
    found = gaps(merge(from_trades([trade("1", number) for number in present])))
    missing = [number for first, last in found for number in range(first, last + 1)]
    assert missing == sorted(set(range(min(present), max(present))) - set(present))
    assert all(end + 1 < first for (_, end), (first, _) in pairwise(found))


def changed(**values: Any) -> Trade:
    return msgspec.structs.replace(trade("0.43", 5, quantity="10"), **{"trade_time": START, **values})


CONTRADICTIONS = {
    "price": (changed(price=44), "price 0.00000044"),
    "quantity": (changed(quantity=2**64 + 10 * 10**8), "quantity 184467440747.09551616"),
    "time": (changed(trade_time=START + 1_000), "time 2019-06-02T00:00:00.001000Z"),
    "maker": (changed(buyer_is_maker=False), "buyer_is_maker false"),
    "order": (changed(buyer_order_id=8), "buyer_order_id 8"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
@pytest.mark.parametrize("swapped", [False, True])
def test_two_trades_under_one_id_are_both_named(case: str, swapped: bool) -> None:
    other, text = CONTRADICTIONS[case]
    trades = [changed(buyer_order_id=7 if case == "order" else None), trade("0.5", 6), other]
    with pytest.raises(Conflict, match="trade_id: two trades have 5: ") as error:
        merge(from_trades(trades[::-1] if swapped else trades))
    assert text in str(error.value)
    assert "price 0.43, quantity 10, time 2019-06-02T00:00:00.000000Z, buyer_is_maker true" in str(error.value)


def test_two_fine_times_of_one_millisecond_are_two_trades() -> None:
    with pytest.raises(Conflict):
        merge(from_trades([changed(trade_time=START + 1), changed(trade_time=START), changed(trade_time=START + 2)]))


@settings(deadline=None, max_examples=60)
@given(markets())
def test_a_table_holds_the_rows(market: list[Trade]) -> None:
    rows = from_trades(market)
    table = to_table(rows, "binance", "XRPUSDT")
    assert table.schema.equals(SCHEMA)
    table.validate(full=True)
    assert from_table(table).tobytes() == rows.tobytes()
    assert [int(value.scaleb(8)) for value in table["quantity"].to_pylist()] == [one.quantity for one in market]
    assert [int(value.scaleb(8)) for value in table["price"].to_pylist()] == [one.price for one in market]
    assert table["buyer_order_id"].to_pylist() == [one.buyer_order_id for one in market]
    assert [quantity(row) for row in rows] == [one.quantity for one in market]


def bad(rows: Rows, name: str, value: int) -> Rows:
    rows = rows.copy()
    rows[name][1] = value
    return rows


def test_what_no_trade_may_have_is_not_sound() -> None:
    rows = from_trades([trade("1", number) for number in (1, 2, 3)])
    assert sound(rows)
    assert sound(bad(rows, "price", PRICE_MAX))
    for name, value in (("price", 0), ("price", PRICE_MAX + 1), ("quantity_low", 0), ("quantity_high", 2**62)):
        assert not sound(bad(rows, name, value)), name
    for name, value in (("trade_id", -1), ("trade_time", -1), ("quantity_high", -1)):
        assert not sound(bad(rows, name, value)), name
