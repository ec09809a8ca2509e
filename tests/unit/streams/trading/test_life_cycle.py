"""The order's life cycle: every pair of the table, and every pair that is not in it."""

from itertools import product

import msgspec
import pytest

from schemas.records import ExecutionType, OrderStatus
from streams.trading.life_cycle import NEXT_STATUS, Report, report_of
from tests.samples import fill, units

ALLOWED = """
    NEW              part of it executed   PARTIALLY_FILLED
    NEW              the rest of it executed   FILLED
    NEW              canceled   CANCELED
    NEW              rejected   REJECTED
    NEW              expired    EXPIRED
    PARTIALLY_FILLED part of it executed   PARTIALLY_FILLED
    PARTIALLY_FILLED the rest of it executed   FILLED
    PARTIALLY_FILLED canceled   CANCELED
    PARTIALLY_FILLED expired    EXPIRED
"""
EXPECTED = {
    (OrderStatus(words[0]), Report(" ".join(words[1:-1]))): OrderStatus(words[-1])
    for words in (line.split() for line in ALLOWED.strip().splitlines())
}


@pytest.mark.parametrize(("status", "report"), list(product(OrderStatus, Report)))
def test_what_a_report_makes_of_a_status(status: OrderStatus, report: Report) -> None:
    assert NEXT_STATUS.get((status, report)) is EXPECTED.get((status, report))


@pytest.mark.parametrize("ended", [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED])
def test_nothing_follows_an_end(ended: OrderStatus) -> None:
    assert not [pair for pair in NEXT_STATUS if pair[0] is ended]


@pytest.mark.parametrize(
    ("execution", "cumulative", "report"),
    [
        (ExecutionType.TRADE, "0.4", Report.PART),
        (ExecutionType.TRADE, "0.99999999", Report.PART),
        (ExecutionType.TRADE, "1", Report.REST),
        (ExecutionType.CANCELED, "0", Report.CANCELED),
        (ExecutionType.CANCELED, "0.4", Report.CANCELED),
        (ExecutionType.REJECTED, "0", Report.REJECTED),
        (ExecutionType.EXPIRED, "0", Report.EXPIRED),
    ],
)
def test_what_a_report_says(execution: ExecutionType, cumulative: str, report: Report) -> None:
    assert report_of(fill(execution_type=execution, cumulative_quantity=cumulative), units("1")) is report


@pytest.mark.parametrize("cumulative", [0, -1, units("1") + 1])
def test_more_or_less_than_the_order_cannot_have_been_executed(cumulative: int) -> None:
    report = msgspec.structs.replace(fill(), cumulative_quantity=cumulative)
    with pytest.raises(ValueError, match=f"cumulative_quantity: {cumulative} of order binance:XRPUSDT:1:B"):
        report_of(report, units("1"))
