"""What a worker counts: batches as a whole, orders and fills one by one, and how long an order took."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from prometheus_client.parser import text_string_to_metric_families

from infra import metrics
from schemas.records import OrderStatus
from streams.delivery.batches import Batch, Deliveries, Lag, _together
from streams.delivery.meter import Meter, lag_of
from tests.samples import fill, order

TRADES = TP("a-trades", 0)
INPUTS = {"a-trades": "trades", "a-fills": "fills"}
NUMBERS = itertools.count()


def batch_of(*offsets: int, tp: TP = TRADES, since_ms: int = 0) -> Batch:
    """A batch of records at these offsets, the first in Kafka so many ms after time 0, each a second after the last."""
    records: list[Any] = [
        SimpleNamespace(offset=offset, timestamp=since_ms + 1_000 * i) for i, offset in enumerate(offsets)
    ]
    return Batch(tp, records, 1, 1)


def told() -> dict[str, float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def agent() -> str:
    return f"agent{next(NUMBERS)}"


def test_a_batch_is_counted_as_a_whole(agent: str) -> None:
    meter = Meter(agent, INPUTS)
    meter.stepped(batch_of(5, 6, 9), 0.02)
    meter.stepped(batch_of(10), 0.5)
    meter.buried()
    meter.conflicted(0)
    meter.conflicted(2)
    found = told()
    assert found[f"hedgehog_records_applied_total {agent} trades"] == 4
    assert found[f"hedgehog_step_seconds_count {agent} trades"] == 2
    assert found[f"hedgehog_step_seconds_sum {agent} trades"] == pytest.approx(0.52)
    assert found[f"hedgehog_dead_letters_total {agent}"] == 1
    assert found[f"hedgehog_epoch_conflicts_total {agent}"] == 2


def test_an_order_is_counted_by_its_status_and_measured_from_what_caused_it(agent: str) -> None:
    before = told()
    meter = Meter(agent, INPUTS, clock=lambda: 12.5)
    placed = order(cause_topic="trades", trades_offset=6)
    late = order(cause_topic="trades", trades_offset=4)  # caused by a batch that is done
    by_fill = order(cause_topic="fills", trades_offset=6, fills_offset=3)
    ended = order(cause_topic="trades", trades_offset=6, status=OrderStatus.FILLED)
    cancelled = order(cause_topic="trades", trades_offset=6, cancel_requested=True)
    batches = [batch_of(5, 6, since_ms=10_000), batch_of(3, tp=TP("a-fills", 0), since_ms=12_000)]
    meter.sent([placed, late, by_fill, ended, cancelled, fill()], batches)
    after = {name: value - before.get(name, 0) for name, value in told().items()}
    assert after["hedgehog_orders_total NEW"] == 4
    assert after["hedgehog_orders_total FILLED"] == 1
    assert after["hedgehog_fills_total TRADE"] == 1
    assert after["hedgehog_order_latency_seconds_count"] == 2
    assert after["hedgehog_order_latency_seconds_sum"] == pytest.approx(1.5 + 0.5)


def test_the_lag_is_what_is_not_handled_and_how_old_that_is() -> None:
    app = SimpleNamespace(consumer_generation_id=1)
    deliveries = Deliveries(app)
    records: list[Any] = [SimpleNamespace(offset=offset, timestamp=100 * offset) for offset in range(5)]
    assert deliveries.hand_out(TRADES, records[:2], 1)[0].left == 1
    assert deliveries.lag(TRADES, 9) == Lag(9, 0)
    first = deliveries._of[TRADES].open[0]
    assert deliveries.done(first)
    assert deliveries.lag(TRADES, 9) == Lag(7, 100)
    assert deliveries.lag(TRADES, 2) == Lag(0, 100)
    deliveries.hand_out(TRADES, records[2:], 1)
    assert deliveries.lag(TRADES, 9) == Lag(7, 200)


def test_the_lag_of_a_topic_is_that_of_all_its_partitions_and_the_age_of_the_oldest() -> None:
    both = _together([Lag(3, 8_000), Lag(2, 5_000), Lag(0, 1_000)])
    assert both == Lag(5, 5_000)
    lag, age = lag_of({"trades": both, "fills": Lag(0, 1_000)}, 9_500)
    assert {sample.labels["topic"]: sample.value for sample in lag.samples} == {"trades": 5, "fills": 0}
    assert {sample.labels["topic"]: sample.value for sample in age.samples} == {"trades": 4.5, "fills": 0}
