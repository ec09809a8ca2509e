"""What a producer tells of itself: by exchange, and whether it streams what it is to stream."""

from types import SimpleNamespace
from typing import Any

from prometheus_client.core import Metric

from producers.figures import figures, readiness
from producers.holes import Memory
from producers.pump import Counts
from producers.session import Counters
from tests.samples import trade


def filling(name: str, streaming: int, **counted: int) -> Any:
    """A filler of an exchange with trade ids without holes, whose session streams so many symbols."""
    session = SimpleNamespace(streaming=set(range(streaming)), counters=Counters(**counted))
    return SimpleNamespace(memory=Memory(name, "contiguous"), session=session)


def by_exchange(metrics: list[Metric]) -> dict[str, dict[str, float]]:
    """By the name of the metric and the exchange; "" for what has none."""
    return {each.name: {s.labels.get("exchange", ""): s.value for s in each.samples} for each in metrics}


def test_all_of_an_exchange_is_told_together() -> None:
    busy = filling("binance", 2, connections=3, reconnects=1, failures=4, crashes=1)
    for trade_id in (1, 2, 9, 12):
        busy.memory.take(trade("1", trade_id, "binance:XRPUSDT"), now=0.0)
    counted = {
        ("binance", "XRPUSDT"): Counts("binance:XRPUSDT", True, trades=5, filled=2),
        ("binance", "ETHUSDT"): Counts("binance:ETHUSDT", True, trades=7),
    }
    pump: Any = SimpleNamespace(counts=counted)
    found = by_exchange(figures(pump, [busy, filling("bitstamp", 0)], queued=8))
    assert found["hedgehog_trades_published"] == {"binance": 12, "bitstamp": 0}
    assert found["hedgehog_trades_filled"] == {"binance": 2, "bitstamp": 0}
    assert found["hedgehog_trades_missing"] == {"binance": 6 + 2, "bitstamp": 0}
    assert found["hedgehog_gaps_open"] == {"binance": 2, "bitstamp": 0}
    assert found["hedgehog_symbols_streamed"] == {"binance": 2, "bitstamp": 0}
    counters = [found[f"hedgehog_{what}"]["binance"] for what in ("connections", "reconnects", "connection_failures")]
    assert [*counters, found["hedgehog_session_crashes"]["binance"]] == [3, 1, 4, 1]
    assert found["hedgehog_records_queued"] == {"": 8}


def test_it_is_ready_once_every_exchange_has_confirmed_what_is_wanted() -> None:
    fillers = [filling("binance", 2), filling("bitstamp", 0)]
    assert readiness({"binance": 2, "bitstamp": 0}, fillers)[0]
    ready, said = readiness({"binance": 2, "bitstamp": 1}, fillers)
    assert not ready
    assert said["exchanges"]["bitstamp"] == {"wanted": 1, "confirmed": 0}
