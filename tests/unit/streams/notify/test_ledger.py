"""What orders and fills say to people: the fold of a trader's life, repeats, epochs, and what began before."""

from typing import Any

import pytest

from schemas.records import ExecutionType, Fill, OrderStatus
from schemas.watches import AlertKind
from streams.notify.ledger import OPEN_MAX, Ledger, take_fill, take_order
from streams.notify.notices import Place
from tests.samples import INSTRUMENT, fill, order

PLACE = Place("fills", 0, 1)
BUY, SELL = f"{INSTRUMENT}:1:B", f"{INSTRUMENT}:1:S"


def bought(**changes: Any) -> Fill:
    return fill(BUY, price="99", commission="0.099", **changes)


def sold(**changes: Any) -> Fill:
    return fill(SELL, price="101", commission="0.101", **changes)


def kinds(*fills: Fill) -> list[list[str]]:
    """The kinds of the notices of each of these fills."""
    ledger = Ledger()
    return [[notice.kind for notice in take_fill(ledger, each, PLACE)] for each in fills]


FILLED, FINISHED = [AlertKind.ORDER_FILLED], [AlertKind.ORDER_FILLED, AlertKind.CYCLE_FINISHED]
PART = {"quantity": "0.4", "cumulative_quantity": "0.4"}
REST = {"quantity": "0.6", "cumulative_quantity": "1"}


@pytest.mark.parametrize(
    ("fills", "expected"),
    [
        ((bought(), sold()), [FILLED, FINISHED]),
        ((bought(**PART), bought(**REST)), [[], FILLED]),
        ((bought(), bought(), sold()), [FILLED, [], FINISHED]),
        ((bought(epoch=5), bought(epoch=4, **PART), sold(epoch=4), sold(epoch=5)), [FILLED, [], [], FINISHED]),
        ((bought(execution_type=ExecutionType.CANCELED, quantity="0"),), [[]]),
    ],
    ids=["a cycle", "parts", "a repeat", "an epoch that is over", "a cancel"],
)
def test_fills(fills: tuple[Fill, ...], expected: list[list[str]]) -> None:
    assert kinds(*fills) == expected


def test_a_cycle_tells_its_profit_after_fees() -> None:
    ledger = Ledger()
    take_fill(ledger, bought(), PLACE)
    filled, finished = take_fill(ledger, sold(transaction_time=9), PLACE)
    assert (filled.headline, filled.notice_id) == (
        f"{INSTRUMENT}: SELL 1 filled at 101",
        f"{INSTRUMENT}:order-filled:{SELL}",
    )
    assert finished.headline == f"{INSTRUMENT}: cycle finished, profit 1.8"
    assert finished.detail == "Sold for 101, bought for 99, fees 0.2."
    assert (finished.notice_id, finished.time, finished.place) == (f"{INSTRUMENT}:cycle-finished:{SELL}", 9, PLACE)
    assert ledger.executed == {}


def test_parts_are_summed() -> None:
    ledger = Ledger()
    for each in (bought(**PART), bought(**REST)):
        take_fill(ledger, each, PLACE)
    _, finished = take_fill(ledger, sold(), PLACE)
    assert "bought for 99, fees 0.299" in finished.detail


def test_a_loss_is_called_one() -> None:
    ledger = Ledger()
    take_fill(ledger, bought(), PLACE)
    assert take_fill(ledger, fill(SELL, price="90"), PLACE)[1].headline.endswith("cycle finished, loss 9.099")


@pytest.mark.parametrize("seen", [(), (bought(**REST),)], ids=["nothing of the buy", "a part of it"])
def test_what_was_not_seen_whole_has_no_profit(seen: tuple[Fill, ...]) -> None:
    ledger = Ledger()
    for each in seen:
        take_fill(ledger, each, PLACE)
    finished = take_fill(ledger, sold(), PLACE)[1]
    assert finished.headline.endswith("profit unknown")


def test_a_sell_that_ends_otherwise_may_be_followed_by_another_and_both_count() -> None:
    ledger = Ledger()
    take_fill(ledger, bought(), PLACE)
    take_fill(ledger, sold(**PART), PLACE)
    take_fill(ledger, sold(execution_type=ExecutionType.EXPIRED, quantity="0", cumulative_quantity="0.4"), PLACE)
    rest = {"quantity": "0.6", "cumulative_quantity": "0.6", "order_quantity": "0.6", "price": "101"}
    second = fill(f"{INSTRUMENT}:1:S2", **rest, commission="0.1")
    whole = take_fill(ledger, second, PLACE)
    assert whole[-1].headline.endswith("cycle finished, profit 1.7")
    assert ledger.executed == {}


def test_a_buy_that_ends_otherwise_is_forgotten() -> None:
    ledger = Ledger()
    ended = {"execution_type": ExecutionType.EXPIRED, "quantity": "0", "cumulative_quantity": "0.4"}
    take_fill(ledger, bought(**PART), PLACE)
    take_fill(ledger, fill(f"{INSTRUMENT}:1:B", **ended), PLACE)
    assert ledger.executed == {}


def test_the_ledger_is_bounded() -> None:
    ledger = Ledger()
    for trader in range(OPEN_MAX + 5):
        take_fill(ledger, fill(f"{INSTRUMENT}:{trader}:B"), PLACE)
    assert len(ledger.executed) == OPEN_MAX
    assert next(iter(ledger.executed)) == f"{INSTRUMENT} {INSTRUMENT}:5:B"


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"status": OrderStatus.REJECTED, "reason": "LOT_SIZE"}, AlertKind.TRADER_REFUSED),
        ({"status": OrderStatus.REJECTED, "reason": "insufficient balance"}, AlertKind.TRADER_HALTED),
        ({"status": OrderStatus.EXPIRED}, AlertKind.TRADER_HALTED),
        ({"status": OrderStatus.CANCELED}, AlertKind.TRADER_HALTED),
        ({"status": OrderStatus.CANCELED, "cancel_requested": True}, None),
        ({"status": OrderStatus.NEW}, None),
        ({"status": OrderStatus.FILLED}, None),
    ],
)
def test_orders(changes: dict[str, Any], kind: AlertKind | None) -> None:
    found = take_order(order(BUY, updated_time=8, **changes), PLACE)
    assert [(each.kind, each.notice_id, each.time) for each in found] == (
        [] if kind is None else [(kind, f"{INSTRUMENT}:{kind}:{BUY}", 8)]
    )
