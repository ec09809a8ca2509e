"""Nine trades, from the broker through the worker, Kafka Connect and into Postgres."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import Engine, create_engine, text

from connectors.apply import apply_all, remove_all
from infra.config import Config
from schemas import topics
from schemas.records import Fill, Order
from tests.e2e.workers import Pipeline, running_pipeline
from tests.samples import NINE_TRADE_ORDERS, NINE_TRADES, nine_trade_setup

EXCHANGE = f"nine{time.time_ns()}"
"""The tables belong to all tests: an exchange of its own makes its rows known."""
INSTRUMENT = f"{EXCHANGE}:XRPUSDT"


@pytest.fixture(scope="module")
def pipeline(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(stack, tmp_path_factory.mktemp("nine"), "nine") as running:
        apply_all(running.config)
        yield running
        remove_all(running.config)


@pytest.fixture(scope="module")
def database(stack: Config) -> Iterator[Engine]:
    engine = create_engine(stack.database)
    yield engine
    with engine.begin() as connection:
        for table in ("trades", "orders", "fills", "instruments", "settings"):
            connection.execute(text(f"DELETE FROM {table} WHERE exchange = :it"), {"it": EXCHANGE})
    engine.dispose()


@pytest.fixture(scope="module")
def traded(pipeline: Pipeline) -> Pipeline:
    """The nine trades, each order given the time to reach the book that the trade is to fill it in."""
    pipeline.set_all(*nine_trade_setup(INSTRUMENT))
    pipeline.until("the leader is on", lambda: pipeline.knows(INSTRUMENT))
    pipeline.trade(INSTRUMENT, *NINE_TRADES[:3])
    pipeline.until_statuses(INSTRUMENT, b1="NEW")
    pipeline.trade(INSTRUMENT, *NINE_TRADES[3:5])
    pipeline.until_statuses(INSTRUMENT, b1="FILLED", s1="NEW")
    pipeline.trade(INSTRUMENT, *NINE_TRADES[5:8])
    pipeline.until_statuses(INSTRUMENT, b1="FILLED", s1="FILLED")
    pipeline.trade(INSTRUMENT, NINE_TRADES[8])
    pipeline.until_statuses(INSTRUMENT, b1="FILLED", s1="FILLED", b2="NEW")
    return pipeline


def test_the_orders_in_the_topic(traded: Pipeline) -> None:
    found = [(order.side, order.price, order.status) for order in traded.orders(INSTRUMENT).values()]
    assert found == [(side, int(Decimal(price) * 10**8), status) for side, price, status in NINE_TRADE_ORDERS]
    snapshots = traded.records(topics.ORDERS, Order, INSTRUMENT)
    assert [order.status.value for order in snapshots] == ["NEW", "FILLED", "NEW", "FILLED", "NEW"]
    assert [fill.price for fill in traded.records(topics.FILLS, Fill, INSTRUMENT)] == [43_070_000, 43_190_000]


def test_the_rows_in_postgres(traded: Pipeline, database: Engine) -> None:
    def rows(columns: str, table: str, order: str) -> list[tuple[object, ...]]:
        query = text(f"SELECT {columns} FROM {table} WHERE exchange = :exchange ORDER BY {order}")
        with database.connect() as connection:
            return [tuple(row) for row in connection.execute(query, {"exchange": EXCHANGE})]

    orders = [(side, Decimal(price), status) for side, price, status in NINE_TRADE_ORDERS]
    traded.until(
        "the orders are in Postgres",
        lambda: rows("side, price, status", "orders", "created_time, version") == orders,
        timeout_s=60,
    )
    prices = [(Decimal(price),) for price in NINE_TRADES]
    traded.until("the trades are in Postgres", lambda: rows("price", "trades", "trade_id") == prices)
    quantity = Decimal("46.4")
    fills = [
        ("BUY", Decimal("0.4307"), quantity, Decimal("0.01998448")),  # 0.4307 · 46.4 · 0.001
        ("SELL", Decimal("0.4319"), quantity, Decimal("0.02004016")),
    ]
    columns = "side, price, quantity, commission"
    traded.until("the fills are in Postgres", lambda: rows(columns, "fills", "transaction_time") == fills)
    traded.until("the settings are in Postgres", lambda: rows("status, chunks", "settings", "symbol") == [("on", 5)])
    tick = [(Decimal("0.0001"), "TRADING")]
    columns = "tick_size, exchange_status"
    traded.until("the instrument is in Postgres", lambda: rows(columns, "instruments", "symbol") == tick)
