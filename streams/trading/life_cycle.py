"""The life of an order, as one table: what each report of the exchange makes of each status."""

from enum import StrEnum

from schemas.errors import Refused
from schemas.records import ExecutionType, Fill, Order, OrderStatus


class Report(StrEnum):
    """What an execution report says of an order."""

    PART = "part of it executed"
    REST = "the rest of it executed"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


_NEW, _PARTIAL = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED

NEXT_STATUS: dict[tuple[OrderStatus, Report], OrderStatus] = {
    (_NEW, Report.PART): _PARTIAL,
    (_NEW, Report.REST): OrderStatus.FILLED,
    (_NEW, Report.CANCELED): OrderStatus.CANCELED,
    (_NEW, Report.REJECTED): OrderStatus.REJECTED,
    (_NEW, Report.EXPIRED): OrderStatus.EXPIRED,
    (_PARTIAL, Report.PART): _PARTIAL,
    (_PARTIAL, Report.REST): OrderStatus.FILLED,
    (_PARTIAL, Report.CANCELED): OrderStatus.CANCELED,
    (_PARTIAL, Report.EXPIRED): OrderStatus.EXPIRED,
}
"""Anything that is not in the table changes nothing: it comes late, twice, or out of order."""


def report_of(fill: Fill, quantity: int) -> Report:
    """Return what `fill` says of an order of this quantity; raise `Refused` where it cannot be true of it."""
    if fill.execution_type is not ExecutionType.TRADE:
        return Report[fill.execution_type.name]
    if not 0 < fill.cumulative_quantity <= quantity:
        raise Refused(
            f"cumulative_quantity: {fill.cumulative_quantity} of order {fill.client_order_id}, "
            f"whose quantity is {quantity}"
        )
    return Report.REST if fill.cumulative_quantity == quantity else Report.PART


def assert_same(fill: Fill, order: Order) -> None:
    """Raise `Refused` where a report says another side or quantity of an order than it has."""
    for field, said, has in (("side", fill.side, order.side), ("order_quantity", fill.order_quantity, order.quantity)):
        if said != has:
            raise Refused(f"{field}: {said} of order {fill.client_order_id}, whose is {has}")
