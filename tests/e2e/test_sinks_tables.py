"""The tables that the migrations make, and what is asked of them."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, insert, text

from infra.config import Config
from infra.errors import StackError
from schemas.records import OrderStatus, Record
from schemas.sql.migrate import alembic_config, upgrade
from schemas.sql.models import Base
from schemas.times import EPOCH, MICROSECOND
from schemas.topics import SINKS
from schemas.units import to_decimal
from streams.warehouse.agreement import read_table
from streams.warehouse.queries import orders, profit_by_symbol
from tests import samples
from tests.e2e.sinks import database

CATALOGUE = {
    "columns": """SELECT table_name, column_name, data_type, numeric_precision, numeric_scale, datetime_precision,
        is_nullable, column_default FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2""",
    "constraints": """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version' ORDER BY 1, 2""",
    "indexes": """SELECT indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1""",
}


@pytest.fixture
def engine(stack: Config) -> Iterator[Engine]:
    """A database that only the migrations have touched."""
    with database(stack, f"migrated_{time.time_ns()}") as url:
        upgrade(Config(**{**stack.model_dump(), "database_url": url}))
        engine = create_engine(url)
        yield engine
        engine.dispose()


def catalogue(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {what: list(connection.execute(text(query))) for what, query in CATALOGUE.items()}


def test_migrations_make_what_the_models_say(stack: Config, engine: Engine) -> None:
    with engine.begin() as connection:
        command.check(alembic_config(connection))
    with database(stack, f"modelled_{time.time_ns()}") as url:
        modelled = create_engine(url)
        Base.metadata.create_all(modelled)
        expected = catalogue(modelled)
        modelled.dispose()
    assert catalogue(engine) == expected
    ours = ("backtest_", "sources")  # not the sinks'
    written = [row for row in expected["columns"] if not row.table_name.startswith(ours)]
    assert len(written) == sum(len(topic.record.__struct_fields__) for topic in SINKS if topic.record)
    assert len(written) < len(expected["columns"])


def test_migrating_again_changes_nothing(stack: Config, engine: Engine) -> None:
    put(engine, "trades", samples.trade("1"))
    before = catalogue(engine)
    upgrade(Config(**{**stack.model_dump(), "database_url": engine.url.render_as_string(hide_password=False)}))
    assert catalogue(engine) == before
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM trades")).scalar() == 1


def test_no_database_is_one_line() -> None:
    url = "postgresql+psycopg2://hedgehog:secret@127.0.0.1:9/none"
    with pytest.raises(StackError, match=r"^database none at 127\.0\.0\.1:9: [^\n]*$") as raised:
        upgrade(Config(database_url=url))
    assert "secret" not in str(raised.value)


def put(engine: Engine, table: str, *records: Record) -> None:
    """Write records as the sinks do, without the way through the topics."""
    columns = Base.metadata.tables[table].columns
    rows = []
    for record in records:
        row = {name: getattr(record, name) for name in record.__struct_fields__}
        for name, value in row.items():
            if columns[name].type.python_type is Decimal:
                row[name] = to_decimal(value)
            elif name.endswith("_time"):
                row[name] = EPOCH + value * MICROSECOND
        rows.append(row)
    with engine.begin() as connection:
        connection.execute(insert(Base.metadata.tables[table]), rows)


def test_orders_come_back_as_they_were(engine: Engine) -> None:
    xrp, eth = "binance:XRPUSDT", "binance:ETHUSDT"
    written = [
        samples.order(f"{xrp}:1:B", price="0.43070001", updated_time=1_700_000_000_123_456),
        samples.order(f"{xrp}:2:B", status=OrderStatus.FILLED, executed_quantity="1", updated_time=5),
        samples.order(f"{eth}:1:S", reason="why", updated_time=7),
    ]
    put(engine, "orders", *written)
    assert orders(engine) == [written[0], written[2], written[1]]
    assert orders(engine, limit=1) == [written[0]]
    assert orders(engine, instrument=eth) == [written[2]]
    assert orders(engine, instrument=xrp, status=OrderStatus.FILLED) == [written[1]]
    assert orders(engine, instrument="binance:NONE") == []
    with pytest.raises(ValueError, match="instrument: 'XRPUSDT'"):
        orders(engine, instrument="XRPUSDT")
    names = type(written[0]).__struct_fields__
    as_rows = {
        (order.client_order_id, order.exchange, order.symbol): tuple(getattr(order, name) for name in names)
        for order in written
    }
    model = next(each for each in Base.__subclasses__() if each.__tablename__ == "orders")
    assert read_table(engine, model, names) == as_rows


def test_profit_is_exact_and_after_commissions(engine: Engine) -> None:
    xrp, eth = "binance:XRPUSDT", "binance:ETHUSDT"
    put(engine, "instruments", samples.instrument(xrp, updated_time=1))
    put(engine, "trades", *(samples.trade("1", trade_id=number, instrument=xrp) for number in range(3)))
    put(engine, "orders", samples.order(f"{xrp}:1:B"), samples.order(f"{xrp}:1:S"), samples.order(f"{eth}:1:B"))
    put(
        engine,
        "fills",
        # a cycle in parts: pays 0.43070001 x 3 + 0.002, gets 0.43190003 x 3 - 0.003
        *part(f"{xrp}:1:B", "0.43070001", [("1", "0.001"), ("2", "0.001")]),
        *part(f"{xrp}:1:S", "0.43190003", [("3", "0.003")]),
        # bought 4, sold 1: a quarter of what was paid counts
        *part(f"{xrp}:2:B", "2", [("4", "0.4")]),
        *part(f"{xrp}:2:S", "3", [("1", "0.1")]),
        # bought only
        *part(f"{xrp}:3:B", "1", [("5", "0.5")]),
        # canceled: nothing was executed
        samples.fill(f"{xrp}:4:B", execution_type="CANCELED", quantity="0", cumulative_quantity="0"),
    )
    ethereum, ripple = profit_by_symbol(engine)
    assert (ethereum.symbol, ethereum.quote_asset, ethereum.orders, ethereum.fills) == ("ETHUSDT", "", 1, 0)
    assert (ethereum.profit, ethereum.position) == (0, 0)
    assert (ripple.exchange, ripple.symbol, ripple.quote_asset) == ("binance", "XRPUSDT", "USDT")
    assert (ripple.trades, ripple.orders, ripple.fills, ripple.cycles) == (3, 2, 6, 1)
    cycle = 3 * (Decimal("0.43190003") - Decimal("0.43070001")) - Decimal("0.005")
    quarter = Decimal("3") - Decimal("0.1") - Decimal("8.4") / 4
    assert ripple.profit == cycle + quarter
    assert ripple.position == 3 + 5
    assert (ethereum.unknown, ripple.unknown) == (0, 0)


KNOWN = {"B": ("2", ["3", "1"]), "S": ("3", ["2", "2"])}
"""Price and executions of a trader that is known: it has bought 4 and sold them for 4 more."""


@pytest.mark.parametrize(
    ("fills", "executed"),
    [
        ({"S": ["2"]}, {"S": "2"}),
        ({"S": ["2"]}, {}),
        ({"B": ["3"], "S": ["4"]}, {}),
        ({"B": ["3"], "S": ["3"]}, {"B": "4", "S": "3"}),
        ({"B": ["3"]}, {"B": "4"}),
        ({"B": ["4"], "S": ["1"]}, {"B": "4", "S": "2"}),
        ({}, {"B": "4"}),
        ({}, {"S": "4"}),
    ],
    ids=str,
)
def test_a_trader_without_all_its_fills_is_left_out(
    engine: Engine, fills: dict[str, list[str]], executed: dict[str, str]
) -> None:
    """`fills` are the quantities in the table by side, `executed` what the orders say that there is."""
    known, lost = "binance:XRPUSDT:1", "binance:XRPUSDT:2"
    put(engine, "orders", *(samples.order(f"{known}:{side}", quantity="4", executed_quantity="4") for side in KNOWN))
    for side, (price, quantities) in KNOWN.items():
        put(engine, "fills", *part(f"{known}:{side}", price, [(quantity, "0") for quantity in quantities]))
    for side, quantity in executed.items():
        put(engine, "orders", samples.order(f"{lost}:{side}", quantity="4", executed_quantity=quantity))
    for side, quantities in fills.items():
        put(engine, "fills", *part(f"{lost}:{side}", "7", [(quantity, "0") for quantity in quantities]))
    (found,) = profit_by_symbol(engine)
    assert (found.unknown, found.cycles, found.profit, found.position) == (1, 1, 4, 0)
    assert found.fills == 4 + sum(map(len, fills.values()))


def part(client_order_id: str, price: str, executions: list[tuple[str, str]]) -> list[Record]:
    """One fill each of (quantity, commission)."""
    return [
        samples.fill(
            client_order_id,
            fill_id=f"{client_order_id}:{number}",
            price=price,
            quantity=quantity,
            cumulative_quantity=quantity,
            order_quantity="100",
            commission=commission,
        )
        for number, (quantity, commission) in enumerate(executions)
    ]
