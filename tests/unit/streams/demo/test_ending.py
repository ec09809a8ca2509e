"""What the demo says at its end of numbers that Postgres has not, or not all."""

from decimal import Decimal

import pytest

from infra.config import Config
from streams.demo.ending import results
from streams.warehouse import queries
from streams.warehouse.queries import Streamed, SymbolProfit

WHOLE = SymbolProfit("binance", "XRPUSDT", "USDT", 9, 4, 1_234, 2, Decimal("0.01565536"), Decimal("230.0"), 0)
PART = SymbolProfit("binance", "ETHBTC", "BTC", 1, 2, 3, 0, Decimal(0), Decimal(0), 1_001)


def test_traders_without_their_fills_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "profit_by_symbol", lambda engine: [WHOLE, PART])
    streamed = [Streamed("binance", "XRPUSDT", 9, 0, 3), Streamed("coinbase", "BTC-USD", 1_000, 20, 6)]
    monkeypatch.setattr(queries, "streamed_by_symbol", lambda engine: streamed)
    table, meaning, *more, _, watched = results(Config(database_url="postgresql+psycopg2://nobody@127.0.0.1:1/none"))
    assert "+0.0157 USDT" in table
    assert "230 XRP" in table
    assert "A cycle is" in meaning
    assert [line.split() for line in watched.splitlines()][-1] == ["coinbase:BTC-USD", "1,000", "20", "6"]
    assert "XRPUSDT" not in watched
    assert more == ["ETHBTC: fills of 1,001 traders are not in Postgres; their profit is left out."]
