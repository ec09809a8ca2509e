"""What every process counts and measures, by Prometheus' conventions: each name, unit and label stands here, once.

What happens in batches is counted as it happens, once a batch. What a process has counted anyway, or is a state of its
own, is read when somebody scrapes (`reading`).
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ANSWERED_WITHIN_S = 5.0
"""How long an event loop may take to say what it has counted; a scrape waits ten seconds."""
STEP_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
LATENCY_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

T = TypeVar("T")

REGISTRY = CollectorRegistry()
"""Of this process."""
ProcessCollector(registry=REGISTRY)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(name, meaning, labels, registry=REGISTRY)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, meaning, labels, buckets=buckets, registry=REGISTRY)


# Workers.
APPLIED = _counter("hedgehog_records_applied_total", "Records that an agent has applied.", "agent", "topic")
STEP = _histogram("hedgehog_step_seconds", "How long an agent took for a batch.", STEP_S, "agent", "topic")
ORDERS = _counter("hedgehog_orders_total", "Snapshots of orders that the broker has acknowledged.", "status")
FILLS = _counter("hedgehog_fills_total", "Execution reports that the broker has acknowledged.", "execution")
ORDER_LATENCY = _histogram(
    "hedgehog_order_latency_seconds", "From a record in Kafka to the order it caused, acknowledged.", LATENCY_S
)
EPOCH_CONFLICTS = _counter(
    "hedgehog_epoch_conflicts_total", "Records and changelogs of who had lost the instrument.", "agent"
)
# Several processes.
DEAD_LETTERS = _counter("hedgehog_dead_letters_total", "Records that could not be handled.", "source")
# The notifier.
ALERTS = _counter("hedgehog_alerts_sent_total", "Messages to people, by how sending them ended.", "sink", "outcome")
# The guard.
HALTS = _counter("hedgehog_guard_halts_total", "Halts of trading.", "reason")
for _reason in ("stale", "heartbeat", "loss", "notional", "orders", "minute"):
    HALTS.labels(_reason)  # a rate begins at 0, or the first halt would be none


class Family(NamedTuple):
    """A metric that is read at a scrape."""

    kind: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    def of(self, values: Mapping[str, float]) -> Metric:
        """Return it with these values, by the value of its only label; by "" where it has none."""
        family = self.kind(self.name, self.meaning, labels=self.labels)
        for label, value in values.items():
            family.add_metric([label] if self.labels else [], value)
        return family


def _read_counter(name: str, meaning: str, *labels: str) -> Family:
    return Family(CounterMetricFamily, name, meaning, labels)


def _read_gauge(name: str, meaning: str, *labels: str) -> Family:
    return Family(GaugeMetricFamily, name, meaning, labels)


# Producers.
PUBLISHED = _read_counter("hedgehog_trades_published", "Trades given to the broker.", "exchange")
FILLED = _read_counter("hedgehog_trades_filled", "Trades that the stream left out and REST brought.", "exchange")
MISSING = _read_gauge("hedgehog_trades_missing", "Trades known to be missing and still asked for.", "exchange")
GAPS = _read_gauge("hedgehog_gaps_open", "Gaps in the trades that are still asked for.", "exchange")
STREAMED = _read_gauge("hedgehog_symbols_streamed", "Symbols that the exchange has confirmed.", "exchange")
CONNECTIONS = _read_counter("hedgehog_connections", "Connections that were opened.", "exchange")
RECONNECTS = _read_counter("hedgehog_reconnects", "Connections that were lost.", "exchange")
FAILURES = _read_counter("hedgehog_connection_failures", "Connections that could not be opened.", "exchange")
CRASHES = _read_counter("hedgehog_session_crashes", "Sessions that an error of ours ended.", "exchange")
QUEUED = _read_gauge("hedgehog_records_queued", "Records that the broker has not acknowledged.")
# Workers.
LAG = _read_gauge("hedgehog_lag_records", "Records of the worker's partitions that are not handled.", "topic")
LAG_S = _read_gauge("hedgehog_lag_seconds", "Age of the oldest record that is not handled, 0 for none.", "topic")
# `hedgehog run`.
RESTARTS = _read_counter("hedgehog_program_restarts", "Starts of a program after its first.", "program")
RUNNING = _read_gauge("hedgehog_program_running", "1 while a program runs, else 0.", "program")
# The dashboard.
PAGES = _read_gauge("hedgehog_dashboard_pages", "Pages that are open.")


class _Reading:
    """Reads families at each scrape."""

    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        return self._read()


@contextmanager
def reading(read: Callable[[], Iterable[Metric]]) -> Iterator[None]:
    """Show what `read` returns at each scrape, within the block."""
    collector: Any = _Reading(read)
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)


def on_loop(loop: asyncio.AbstractEventLoop, read: Callable[[], T]) -> Callable[[], T]:
    """Return what another thread can call to have `read` called in an event loop; `TimeoutError` where that hangs."""

    async def called() -> T:
        return read()

    return lambda: asyncio.run_coroutine_threadsafe(called(), loop).result(ANSWERED_WITHIN_S)


def exposition() -> bytes:
    """Return all metrics of this process as Prometheus reads them."""
    return generate_latest(REGISTRY)
