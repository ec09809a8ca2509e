"""What a worker counts and measures: once a batch, and of each order and fill that it sends. No trade is looked at."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import Metric

from infra import metrics
from schemas.records import Fill, Order, OrderStatus, Record
from streams.delivery.batches import Batch, Lag


class Meter:
    """The numbers of one agent. `topics` are its inputs without prefix, by full name; `clock` gives seconds, UTC."""

    def __init__(self, agent: str, topics: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        self._topics = topics
        self._clock = clock
        self._applied = {name: metrics.APPLIED.labels(agent, topic) for name, topic in topics.items()}
        self._steps = {name: metrics.STEP.labels(agent, topic) for name, topic in topics.items()}
        self._letters = metrics.DEAD_LETTERS.labels(agent)
        self._conflicts = metrics.EPOCH_CONFLICTS.labels(agent)

    def stepped(self, batch: Batch, seconds: float) -> None:
        """Count a batch that was applied, in so many seconds."""
        self._applied[batch.tp.topic].inc(len(batch.records))
        self._steps[batch.tp.topic].observe(seconds)

    def buried(self) -> None:
        """Count a dead letter."""
        self._letters.inc()

    def conflicted(self, times: int) -> None:
        """Count what was written by somebody who had lost the instrument."""
        if times:
            self._conflicts.inc(times)

    def sent(self, records: Iterable[Record], batches: Iterable[Batch]) -> None:
        """Count the orders and fills among what the broker has acknowledged; `batches` are what they may answer."""
        for record in records:
            if isinstance(record, Order):
                metrics.ORDERS.labels(record.status.value).inc()
                if record.status is OrderStatus.NEW and not record.cancel_requested:
                    self._measure(record, batches)
            elif isinstance(record, Fill):
                metrics.FILLS.labels(record.execution_type.value).inc()

    def _measure(self, order: Order, batches: Iterable[Batch]) -> None:
        """Note how long ago the record got into Kafka that an order was caused by."""
        offset = order.trades_offset if order.cause_topic == "trades" else order.fills_offset
        for batch in batches:
            if self._topics[batch.tp.topic] == order.cause_topic:
                row = bisect_left(batch.offsets, offset)
                if row < len(batch.offsets) and batch.offsets[row] == offset:
                    since = batch.records[row].timestamp / 1_000
                    metrics.ORDER_LATENCY.observe(max(self._clock() - since, 0))
                    return


def lag_of(lags: Mapping[str, Lag], now_ms: int) -> Iterable[Metric]:
    """Return the lag by topic as metrics, at this time in milliseconds, UTC."""
    ages = {topic: max(now_ms - lag.since, 0) / 1_000 if lag.records else 0 for topic, lag in lags.items()}
    return [
        metrics.LAG.of({topic: lag.records for topic, lag in lags.items()}),
        metrics.LAG_S.of(ages),
    ]
