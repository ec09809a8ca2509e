"""What the orders and fills of the trading side say to people: an order filled, a cycle finished, a trader stopped.

It folds the topics `orders` and `fills`, so nothing of it is in the way of trading, and it makes the same notices under
the same ids whenever the same records are read.
"""

import msgspec

from schemas.order_ids import attempt_of, orders_of
from schemas.records import ExecutionType, Fill, Order, OrderStatus, Side
from schemas.units import ONE, plain
from schemas.watches import AlertKind
from streams.notify.notices import Notice, Place
from streams.trading.book import STOPPED
from streams.trading.filters import FILTERS

OPEN_MAX = 10_000
"""So many orders are remembered at most, the newest; what was bought by an older one has no known price any more."""
ENDED_UNASKED = (OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.CANCELED)


class Executed(msgspec.Struct, array_like=True):
    """What is known of the execution of one order."""

    quantity: int = 0
    """In 1e-8, as all its reports so far say."""
    value: int = 0
    """Price by quantity, in 1e-16."""
    commission: int = 0
    is_whole: bool = True
    """Whether every report was seen."""


class Ledger(msgspec.Struct):
    """The orders whose cycle is not over, and the newest epoch of each instrument."""

    executed: dict[str, Executed] = {}
    """By instrument and client order id, the oldest first."""
    epochs: dict[str, int] = {}


def take_fill(ledger: Ledger, fill: Fill, place: Place) -> list[Notice]:
    """Take one execution report; a repeated one, or one of an epoch that is over, makes nothing."""
    if fill.epoch < ledger.epochs.get(fill.instrument, 0):
        return []
    ledger.epochs[fill.instrument] = fill.epoch
    if fill.execution_type is not ExecutionType.TRADE:
        if fill.side is Side.BUY:  # another SELL may follow one that ended
            ledger.executed.pop(_key(fill, fill.client_order_id), None)
        return []
    executed = ledger.executed.setdefault(_key(fill, fill.client_order_id), Executed())
    if fill.cumulative_quantity <= executed.quantity:
        return []
    executed.is_whole &= fill.cumulative_quantity == executed.quantity + fill.quantity
    executed.quantity = fill.cumulative_quantity
    executed.value += fill.price * fill.quantity
    executed.commission += fill.commission
    while len(ledger.executed) > OPEN_MAX:
        del ledger.executed[next(iter(ledger.executed))]
    if fill.cumulative_quantity < fill.order_quantity:
        return []
    notices = [_filled(fill, place)]
    if fill.side is Side.SELL:
        notices.append(_finished(ledger, fill, place))
        _forget(ledger, fill)
    return notices


def take_order(order: Order, place: Place) -> list[Notice]:
    """Take one snapshot of an order: a filter or a limit refused it, or it ended unfilled and nobody asked for it."""
    if order.status not in ENDED_UNASKED or order.cancel_requested or order.reason == STOPPED:
        return []
    side, quantity, price = order.side.value, plain(order.quantity), plain(order.price)
    what = f"{side} {quantity} at {price}, trader {order.trader}"
    if order.reason in FILTERS:
        kind, headline = AlertKind.TRADER_REFUSED, f"{order.instrument}: {side} refused by {order.reason}"
        detail = f"{what}. The trader waits for other settings."
    else:
        kind, headline = AlertKind.TRADER_HALTED, f"{order.instrument}: {side} {order.status.value.lower()}"
        detail = f"{what}. The trader stands still. Reason: {order.reason or 'the exchange gave none'}"
    notice_id = f"{order.instrument}:{kind}:{order.client_order_id}"
    return [Notice(notice_id, order.instrument, kind, order.updated_time, headline, detail, place)]


def _filled(fill: Fill, place: Place) -> Notice:
    kind = AlertKind.ORDER_FILLED
    headline = f"{fill.instrument}: {fill.side.value} {plain(fill.order_quantity)} filled at {plain(fill.price)}"
    notice_id = f"{fill.instrument}:{kind}:{fill.client_order_id}"
    return Notice(notice_id, fill.instrument, kind, fill.transaction_time, headline, fill.client_order_id, place)


def _finished(ledger: Ledger, fill: Fill, place: Place) -> Notice:
    """What a trader's buy and sells have made together; the last sell's order is complete."""
    kind = AlertKind.CYCLE_FINISHED
    buy, *sells = orders_of(fill.client_order_id, attempt_of(fill.client_order_id))
    bought = ledger.executed.get(_key(fill, buy))
    sold = _sum([ledger.executed.get(_key(fill, sell), Executed()) for sell in sells])
    if bought is None or not (bought.is_whole and sold.is_whole and bought.quantity == sold.quantity):
        made, detail = "profit unknown", "It was bought before the notifier began to read."
    else:
        fees = bought.commission + sold.commission
        profit = (sold.value - bought.value) // ONE - fees
        made = f"{'profit' if profit >= 0 else 'loss'} {plain(abs(profit))}"
        detail = f"Sold for {plain(sold.value // ONE)}, bought for {plain(bought.value // ONE)}, fees {plain(fees)}."
    headline = f"{fill.instrument}: cycle finished, {made}"
    notice_id = f"{fill.instrument}:{kind}:{fill.client_order_id}"
    return Notice(notice_id, fill.instrument, kind, fill.transaction_time, headline, detail, place)


def _key(fill: Fill, client_order_id: str) -> str:
    return f"{fill.instrument} {client_order_id}"


def _sum(sells: list[Executed]) -> Executed:
    """What several orders have executed together."""
    quantity, value, commission = (
        sum(getattr(sell, field) for sell in sells) for field in ("quantity", "value", "commission")
    )
    return Executed(quantity, value, commission, all(sell.is_whole for sell in sells))


def _forget(ledger: Ledger, fill: Fill) -> None:
    """Drop the orders of a trader whose last order is complete."""
    for name in orders_of(fill.client_order_id, attempt_of(fill.client_order_id)):
        ledger.executed.pop(_key(fill, name), None)
