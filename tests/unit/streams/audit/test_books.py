"""The exchange's side of the audit: what its book reported is replayed, and anything tampered with is found."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.records import ExecutionType, Fill, TradingStatus
from streams.audit.audit import Audit
from streams.audit.books import RecordedBook, Unproven
from streams.audit.chains import NOTHING, Proof
from streams.audit.differences import Difference
from streams.audit.journal import NO_TRADES
from streams.audit.journal import Recorded as Everything
from streams.audit.stretches import Retained, cut, provable, prove_whole, subjects
from streams.trading.book import BookState, Tape, Terms
from streams.trading.checkpoints import checkpoint_of
from tests.property.test_leader import Lasting, lived, recorded_book, tape_of
from tests.samples import INSTRUMENT, fill, order


@dataclass
class Recorded(RecordedBook):
    """A book, with the trades that it saw."""

    tape: Tape = NOTHING


def compare_book(recorded: Recorded) -> tuple[list[Difference], Unproven | None]:
    """What the audit says of a book."""
    differences, unproven = prove_whole(whole(recorded), recorded.tape)
    return differences, next(iter(unproven), None)


def whole(recorded: Recorded) -> Everything:
    return Everything(INSTRUMENT, 0, NO_TRADES, book=recorded)


@pytest.fixture(scope="module")
def world() -> Lasting:
    """A life with partial fills, cancellations, a change of terms, and repeats."""
    world = Lasting(chunks=4, partial_fills=True)
    lived((9, 2_000), world)
    world.terms = Terms(fee=50_000, partial_fills=False)
    lived((10, 1_000), world)
    world.set(msgspec.structs.replace(world.settings[-1], status=TradingStatus.OFF))
    world.all_is_read()
    return world


@pytest.fixture(scope="module")
def recorded(world: Lasting) -> Recorded:
    told = recorded_book(world).book
    assert told is not None
    found = Recorded(INSTRUMENT, told.orders, told.journal, told.fills, tape=tape_of(world))
    kinds = {report.execution_type for report in found.fills}
    assert kinds == {ExecutionType.TRADE, ExecutionType.CANCELED}
    assert [entry.input_topic for entry in found.journal].count("terms") == 2
    assert any(0 < report.quantity < report.order_quantity for report in found.fills)
    assert len(found.fills) > 50
    return found


def test_the_recorded_orders_and_trades_give_the_recorded_fills(recorded: Recorded) -> None:
    assert compare_book(recorded) == ([], None)
    made = sorted(record.version for record in [*recorded.fills, *recorded.journal])
    assert made == list(range(1, len(made) + 1))


@pytest.mark.parametrize("seed", range(10))
def test_repeats_do_not_matter(recorded: Recorded, seed: int) -> None:
    chance = Random(seed)
    journal = [*recorded.journal, *chance.choices(recorded.journal, k=10)]
    fills = [*recorded.fills, *(msgspec.structs.replace(each, epoch=3) for each in chance.choices(recorded.fills, k=9))]
    assert compare_book(replace(recorded, journal=journal, fills=fills)) == ([], None)


def victim(recorded: Recorded, kind: ExecutionType = ExecutionType.TRADE) -> Fill:
    found = [report for report in recorded.fills if report.execution_type is kind]
    return found[len(found) // 2]


def changed(kind: ExecutionType = ExecutionType.TRADE, **fields: Any) -> Callable[[Recorded], Recorded]:
    def tamper(recorded: Recorded) -> Recorded:
        hurt = victim(recorded, kind)
        other = msgspec.structs.replace(hurt, **fields)
        assert other != hurt
        return replace(recorded, fills=[other if report is hurt else report for report in recorded.fills])

    return tamper


def missing(recorded: Recorded) -> Recorded:
    hurt = victim(recorded)
    return replace(recorded, fills=[report for report in recorded.fills if report is not hurt])


def invented(version: int, at: int) -> Callable[[Recorded], Recorded]:
    """A report of an order that there is, at a place among the others; as it would come from an older program, too."""

    def tamper(recorded: Recorded) -> Recorded:
        false = fill(recorded.fills[at].client_order_id, fill_id="false", version=version)
        fills = list(recorded.fills)
        fills.insert(at % len(fills) + (at < 0), false)
        return replace(recorded, fills=fills)

    return tamper


def repeated_with_another_content(recorded: Recorded) -> Recorded:
    other = msgspec.structs.replace(victim(recorded), commission=0)
    return replace(recorded, fills=[*recorded.fills, other])


def another_trade(column: str, change: int) -> Callable[[Recorded], Recorded]:
    """The trade that filled an order was another one."""

    def tamper(recorded: Recorded) -> Recorded:
        trade_id = victim(recorded).trade_id
        values = getattr(recorded.tape, column).copy()
        values[recorded.tape.ids == trade_id] += change
        return replace(recorded, tape=recorded.tape._replace(**{column: values}))

    return tamper


def lost_entry(topic: str) -> Callable[[Recorded], Recorded]:
    def tamper(recorded: Recorded) -> Recorded:
        lost = [entry for entry in recorded.journal if entry.input_topic == topic][-1]
        return replace(recorded, journal=[entry for entry in recorded.journal if entry is not lost])

    return tamper


def lost_order(recorded: Recorded) -> Recorded:
    taken = [entry.input_offset for entry in recorded.journal if entry.input_topic == "orders"]
    kept = {offset: each for offset, each in recorded.orders.items() if offset != taken[len(taken) // 2]}
    return replace(recorded, orders=kept)


def order_never_taken(recorded: Recorded) -> Recorded:
    """The newest order rests in no book."""
    newest = max(each.version for each in recorded.orders.values())
    orders = {**recorded.orders, max(recorded.orders) + 1: order(f"{INSTRUMENT}:99:B", version=newest + 1)}
    return replace(recorded, orders=orders)


def later_taken(recorded: Recorded) -> Recorded:
    """The order that was filled is said to have been taken after the trade that filled it."""
    hurt = victim(recorded)
    placed = {offset for offset, each in recorded.orders.items() if each.client_order_id == hurt.client_order_id}
    at = int(recorded.tape.offsets[recorded.tape.ids == hurt.trade_id][0])
    journal = [
        msgspec.structs.replace(entry, trades_offset=max(entry.trades_offset, at))
        if entry.input_topic == "orders" and entry.input_offset in placed
        else entry
        for entry in recorded.journal
    ]
    return replace(recorded, journal=journal)


TAMPERED: dict[str, Callable[[Recorded], Recorded]] = {
    "a changed price": changed(price=1),
    "a changed quantity": changed(quantity=0),
    "a changed cumulative quantity": changed(cumulative_quantity=1),
    "a changed commission": changed(commission=7),
    "another trade's id": changed(trade_id=10**9),
    "another type": changed(execution_type=ExecutionType.EXPIRED),
    "another id": changed(fill_id="another"),
    "a changed cancellation": changed(ExecutionType.CANCELED, transaction_time=-1),
    "a missing fill": missing,
    "an invented fill": invented(10**6, -1),
    "an invented fill of no version": invented(0, -1),
    "an invented fill of no version before all others": invented(0, 0),
    "a repeat with another content": repeated_with_another_content,
    "a trade of another price": another_trade("prices", 10**9),
    "a trade of another quantity": another_trade("quantities", -(10**9)),
    "a lost entry about an order": lost_entry("orders"),
    "a lost entry about terms": lost_entry("terms"),
    "a lost order": lost_order,
    "an order that no book took": order_never_taken,
    "an order that was taken later": later_taken,
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED.keys())
def test_what_was_tampered_with_is_found(recorded: Recorded, tamper: Callable[[Recorded], Recorded]) -> None:
    differences, unproven = compare_book(tamper(recorded))
    assert differences != []
    assert unproven is None
    assert {difference.agent for difference in differences} == {"exchange"}


@pytest.mark.parametrize("name", ["a changed price", "a missing fill", "an invented fill", "a changed commission"])
def test_a_false_fill_is_named_and_nothing_else_is(recorded: Recorded, name: str) -> None:
    ((difference,), _) = compare_book(TAMPERED[name](recorded))
    if name == "an invented fill":
        assert isinstance(difference.recorded, Fill)
        assert (difference.recorded.fill_id, difference.refolded) == ("false", None)
    else:
        assert difference.refolded == victim(recorded)
        assert (difference.recorded is None) == (name == "a missing fill")


def test_a_book_that_began_its_journal_late_is_proven_from_there(recorded: Recorded) -> None:
    """As an upgrade leaves it: orders and reports from before, and what the book was when its journal began."""
    at = 40
    earlier = [msgspec.structs.replace(each, version=0) for each in recorded.fills if each.version <= at]
    journal = sorted(recorded.journal, key=lambda entry: entry.version)
    cut_at = next(entry for entry in journal if entry.version > at and entry.input_topic == "orders")
    upto = cut_at.trades_offset + 1
    before = replace(
        recorded,
        journal=[entry for entry in journal if entry.version < cut_at.version],
        orders={offset: each for offset, each in recorded.orders.items() if offset < cut_at.input_offset},
    )
    state = replayed(before, Tape(*(column[:upto] for column in recorded.tape)))
    base = state.made
    state.made, state.trades_offset = 0, cut_at.trades_offset
    late = replace(
        recorded,
        journal=[moved(entry, base) for entry in journal if entry.version > base],
        fills=[*earlier, *(moved(each, base) for each in recorded.fills if each.version > base)],
        checkpoints={7: checkpoint_of(state)},
    )
    expected = Unproven(INSTRUMENT, cut_at.trades_offset + 1, len({each.fill_id for each in earlier}))
    assert compare_book(late) == ([], expected)
    ((difference, *_), unproven) = compare_book(changed(price=1)(late))
    assert unproven == expected
    assert isinstance(difference.recorded, Fill)
    assert difference.recorded.price == 1
    false = fill(recorded.fills[-1].client_order_id, fill_id="false")
    ((difference,), _) = compare_book(replace(late, fills=[*late.fills, false]))
    assert difference.recorded == false


def replayed(recorded: Recorded, tape: Tape) -> BookState:
    (subject,) = subjects(whole(recorded))
    (chain,) = cut(subject, None, len(tape.offsets) + 1)
    proof = Proof(chain)
    proof.feed(tape, int(tape.offsets[-1]))
    proof.finish()
    state: BookState = proof.state
    return state


def moved(record: Any, base: int) -> Any:
    return msgspec.structs.replace(record, version=record.version - base)


def test_a_book_that_never_kept_a_journal_is_not_proven() -> None:
    tape = Tape(*(np.arange(3) for _ in Tape._fields))
    recorded = Recorded(INSTRUMENT, {4: order()}, fills=[fill(), fill()], tape=tape)
    assert compare_book(recorded) == ([], Unproven(INSTRUMENT, before=3, fills=1))
    assert compare_book(Recorded(INSTRUMENT, tape=tape)) == ([], None)


def test_what_was_compared_is_counted(recorded: Recorded) -> None:
    (subject,) = subjects(whole(replace(recorded, fills=[*recorded.fills, recorded.fills[0]])))
    (begin,) = provable(subject, Retained())
    assert begin is None
    result = Audit()
    result.count(subject, begin)
    assert (result.instruments, result.orders, result.journal) == (0, 0, 0)
    assert (result.reports, result.book_journal, result.repeats) == (len(recorded.fills), len(recorded.journal), 1)
