"""Orders and fills of a worker whose epoch is over: none counts, and one line says how many were dropped."""

import pytest

from schemas.journal_records import Applied
from schemas.records import Order
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING
from tests.samples import INSTRUMENT, fill, instrument, order, settings, trade
from tests.unit.streams.agents.acting import Acting
from tests.unit.streams.delivery.played import KEY

# The orders or fills as they come, each by epoch and number; which of them count, and how many are told to be dropped.
EPOCHS = [
    ([(1, 1), (1, 2), (2, 3)], [1, 2, 3], 0),
    ([(1, 1), (2, 2), (1, 3)], [1, 2], 1),
    ([(2, 1), (1, 2), (1, 3), (2, 4)], [1, 4], 2),
    ([(0, 1), (0, 2), (1, 3), (0, 4)], [1, 2, 3], 1),
]


@pytest.mark.parametrize(("come", "count", "dropped"), EPOCHS)
@pytest.mark.parametrize("at_once", [True, False])
async def test_the_exchange_takes_no_order_of_an_epoch_that_is_over(
    come: list[tuple[int, int]], count: list[int], dropped: int, at_once: bool, caplog: pytest.LogCaptureFixture
) -> None:
    acting = Acting(EXCHANGE)
    orders = [order(f"{INSTRUMENT}:{number}:B", version=number, epoch=epoch) for epoch, number in come]
    for first in range(0, len(orders), len(orders) if at_once else 1):
        await acting.take(first, *orders[first : first + len(orders) if at_once else first + 1])
    ids = [f"{INSTRUMENT}:{number}:B" for number in count]
    assert [resting.client_order_id for resting in acting.state(KEY).orders] == ids
    assert_told(caplog, "orders", dropped)


@pytest.mark.parametrize(("come", "count", "dropped"), EPOCHS)
async def test_a_leader_takes_no_fill_of_an_epoch_that_is_over(
    come: list[tuple[int, int]], count: list[int], dropped: int, caplog: pytest.LogCaptureFixture
) -> None:
    acting = Acting(TRADING)
    for taken in (instrument(), settings(), trade("100")):
        await acting.take(0, taken)
    (placed,) = [record for record in acting.sent() if isinstance(record, Order)]
    size = {"order_quantity": placed.quantity, "quantity": placed.quantity // 10}
    fills = [
        fill(placed.client_order_id, epoch=epoch, cumulative_quantity=number * placed.quantity // 10, **size)
        for epoch, number in come
    ]
    await acting.take(1, *fills)
    taken = [
        record.input_offset for record in acting.sent() if isinstance(record, Applied) and record.input_topic == "fills"
    ]
    assert taken == [offset for offset, (_, number) in enumerate(come, 1) if number in count]
    assert_told(caplog, "fills", dropped)


async def test_a_decision_of_a_higher_epoch_counts_whatever_its_version() -> None:
    """Who had lost the instrument has sent more than its successor ever learnt of."""
    acting = Acting(EXCHANGE)
    await acting.take(1, order(f"{INSTRUMENT}:1:B", version=2, epoch=1), order(f"{INSTRUMENT}:2:B", version=9, epoch=1))
    await acting.take(3, order(f"{INSTRUMENT}:3:B", version=5, epoch=2), order(f"{INSTRUMENT}:4:B", version=4, epoch=2))
    await acting.take(5, order(f"{INSTRUMENT}:5:B", version=5, epoch=2), order(f"{INSTRUMENT}:6:B", version=2, epoch=2))
    assert [resting.client_order_id[-3:] for resting in acting.state(KEY).orders] == ["1:B", "2:B", "3:B", "4:B"]


def assert_told(caplog: pytest.LogCaptureFixture, topic: str, dropped: int) -> None:
    """One line a batch, with the count."""
    told = [r.args for r in caplog.records if "epoch that is over" in r.getMessage()]
    assert [args[2].topic for args in told] == [topic] * len(told)  # type: ignore[index]
    assert sum(args[1] for args in told) == dropped  # type: ignore[index]
