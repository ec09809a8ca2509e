"""A database with rows at each revision there has been is upgraded to the newest, and has them still."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.dialects.postgresql import JSONB

from infra.config import Config
from schemas.sql.migrate import SCRIPTS, alembic_config, upgrade
from tests.e2e.sinks import database

pytestmark = pytest.mark.long

REVISIONS = sorted(path.name[:4] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))
TIME = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
CONSTRAINED: dict[str, Any] = {
    "side": "BUY",
    "execution_type": "TRADE",
    "part": "train",
    "orders.status": "FILLED",
    "backtest_orders.status": "FILLED",
    "settings.status": "shutdown",
    "fills.quantity": 1,
    "fills.order_quantity": 5_000,
    "run_id": 7,
}
"""Values of the columns that do not take any, by name or by table and name."""
MOVED = {"settings": "instruments"}
"""Where the columns went that are no longer in a table."""

Rows = dict[str, dict[str, Any]]


def value_of(column: sa.Column[Any], number: int) -> Any:
    """A value that no other column of its table has, where the type allows it."""
    for name in (f"{column.table.name}.{column.name}", column.name):
        if name in CONSTRAINED:
            return CONSTRAINED[name]
    if isinstance(column.type, JSONB):
        return {column.name: number}
    kind = column.type.python_type
    others: dict[type, Any] = {bool: True, datetime: TIME, str: column.name}
    # falling: what was executed of an order is less than its quantity, which comes before it
    return others[kind] if kind in others else kind(1_000 - number)


def fill_tables(connection: Connection) -> Rows:
    """Put one row into every table that there is; return them."""
    tables = sa.MetaData()
    tables.reflect(connection)
    rows = {}
    for table in tables.sorted_tables:
        if table.name != "alembic_version":
            rows[table.name] = {column.name: value_of(column, at) for at, column in enumerate(table.columns)}
            connection.execute(sa.insert(table).values(rows[table.name]))
    return rows


def read_tables(connection: Connection) -> Rows:
    tables = sa.MetaData()
    tables.reflect(connection)
    found = {}
    for table in tables.sorted_tables:
        if (row := connection.execute(sa.select(table)).mappings().one_or_none()) is not None:
            found[table.name] = dict(row)
    return found


def test_the_revisions_are_those_that_alembic_knows(stack: Config) -> None:
    engine = create_engine(stack.database)
    with engine.connect() as connection:
        known = ScriptDirectory.from_config(alembic_config(connection)).walk_revisions()
        assert sorted(script.revision for script in known) == REVISIONS
    engine.dispose()


def upgraded(stack: Config, revision: str) -> tuple[Rows, Rows]:
    """What was written into a database of this revision, and what is in it after its upgrade."""
    with database(stack, f"revision_{revision}_{time.time_ns()}") as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), revision)
            written = fill_tables(connection)
        upgrade(Config(**{**stack.model_dump(), "database_url": url}))
        with engine.connect() as connection:
            found = read_tables(connection)
        engine.dispose()
    return written, found


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_a_revision_are_kept(stack: Config, revision: str) -> None:
    written, found = upgraded(stack, revision)
    assert {"trades", "orders", "fills", "settings"} <= written.keys()
    for table, row in written.items():
        for name, value in row.items():
            place = found[table] if name in found[table] else found[MOVED[table]]
            assert place[name] == value, f"{table}.{name}"


def test_what_a_revision_did_not_have_is_unknown(stack: Config) -> None:
    _, found = upgraded(stack, REVISIONS[0])
    assert found["orders"]["instruments_offset"] == -1
    assert found["orders"]["epoch"] == found["fills"]["epoch"] == 0
    assert found["settings"]["changed"] is None
    assert found["instruments"]["updated_time"] == TIME
