"""What a producer says of itself: its numbers for Prometheus, and whether it streams all that it is to stream."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client.core import Metric

from infra import metrics
from producers.filler import Filler
from producers.pump import Pump


def figures(pump: Pump, fillers: Sequence[Filler], queued: int) -> list[Metric]:
    """Return the producer's metrics; `queued` records were not acknowledged by the broker."""
    published, filled = Counter[str](), Counter[str]()
    for (exchange, _), counts in pump.counts.items():
        published[exchange] += counts.trades
        filled[exchange] += counts.filled
    of = {filler.memory.exchange: filler for filler in fillers}
    counters = {name: filler.session.counters for name, filler in of.items()}
    return [
        metrics.PUBLISHED.of({name: published[name] for name in of}),
        metrics.FILLED.of({name: filled[name] for name in of}),
        metrics.MISSING.of({name: _missing(filler) for name, filler in of.items()}),
        metrics.GAPS.of({name: filler.memory.gaps for name, filler in of.items()}),
        metrics.STREAMED.of({name: len(filler.session.streaming) for name, filler in of.items()}),
        metrics.CONNECTIONS.of({name: each.connections for name, each in counters.items()}),
        metrics.RECONNECTS.of({name: each.reconnects for name, each in counters.items()}),
        metrics.FAILURES.of({name: each.failures for name, each in counters.items()}),
        metrics.CRASHES.of({name: each.crashes for name, each in counters.items()}),
        metrics.QUEUED.of({"": queued}),
    ]


def _missing(filler: Filler) -> int:
    """Return how many trades are known to be missing, of the exchanges whose ids tell."""
    return sum(series.missing(opened) or 0 for series, opened in filler.memory.open)


def readiness(wanted: Mapping[str, int], fillers: Sequence[Filler]) -> tuple[bool, dict[str, Any]]:
    """Return whether each exchange has confirmed as many symbols as are `wanted` of it; and how many, by exchange."""
    found = {filler.memory.exchange: len(filler.session.streaming) for filler in fillers}
    said = {name: {"wanted": wanted[name], "confirmed": confirmed} for name, confirmed in found.items()}
    return all(each["wanted"] == each["confirmed"] for each in said.values()), {"exchanges": said}
