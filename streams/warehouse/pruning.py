"""Deletes old rows of the tables: quick where the table is large, since it only looks at what is old.

Trades come nearly in the order of their times, so a block range index leads to the old ones. What is much is not
counted, which would take as long as reading it: the database's statistics say about how much it is. It goes some rows
at a time, while sinks write on. New rows will come into their blocks, whose ranges would then be those of both: so the
ranges of these blocks, and of no others, are forgotten, and taken anew by the vacuum. Where most of a table is old and
little stays, that is written anew, which gives its disk space back at once; sinks wait for it some seconds. Of orders
and fills only whole traders go that have sold all they bought: the others' profits would not be known any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

TIMES = {"trades": "trade_time", "candles": "open_time"}
"""The tables whose rows stand for themselves, and the column of their time."""
BY_TIME = "trades_by_time"
"""The block range index."""
PAGES = 128
"""Of one range of it."""
DELETE_SOME = f"""
    WITH gone AS (
        DELETE FROM {{0}} WHERE {{1}} >= :since AND {{1}} < :until RETURNING (ctid::text::point)[0]::bigint AS page
    )
    SELECT DISTINCT page / {PAGES} * {PAGES} FROM gone
"""  # noqa: S608 -- a number of ours
COUNTED = 1_000_000
"""So many old rows are counted: some 0.2 s, or 2 s from a slow disk."""
AT_ONCE = 2_000_000
"""About so many go in one transaction, some 6 s."""
MOSTLY = 0.5
"""From this part on what stays is written anew,"""
LITTLE = 2_000_000
"""if it is no more than so many rows: sinks wait for it some 20 s."""
VACUUM_MEMORY = "512MB"
"""The places of all rows that went are in memory at once, up to 90 million: else the index is read once more for each
ten million of them."""
DONE = """
    CREATE TEMP TABLE done ON COMMIT DROP AS
    SELECT exchange, symbol, regexp_replace(client_order_id, '[BS][0-9]*$', '') AS trader FROM orders
    GROUP BY 1, 2, 3
    HAVING max(updated_time) < :before AND bool_and(status NOT IN ('NEW', 'PARTIALLY_FILLED'))
       AND coalesce(sum(executed_quantity) FILTER (WHERE side = 'BUY'), 0)
         = coalesce(sum(executed_quantity) FILTER (WHERE side = 'SELL'), 0)
"""
OF_DONE = """
    FROM {0} AS old JOIN done ON (old.exchange, old.symbol) = (done.exchange, done.symbol)
     AND regexp_replace(old.client_order_id, '[BS][0-9]*$', '') = done.trader
"""
DELETE_DONE = """
    DELETE FROM {0} AS old USING done WHERE (old.exchange, old.symbol) = (done.exchange, done.symbol)
     AND regexp_replace(old.client_order_id, '[BS][0-9]*$', '') = done.trader
"""
OLD_ORDERS = "SELECT count(*) FROM {0} WHERE {1} < :before"
ORDER_TIMES = {"fills": "transaction_time", "orders": "updated_time"}


@dataclass(frozen=True)
class Old:
    """Rows of a table that may go, and what they take; `kept` are as old and stay."""

    table: str
    rows: int
    kept: int
    size: int
    """About so many bytes, indexes included."""
    oldest: datetime | None = None
    """Of these rows; where they were not counted about so, and some may be older."""
    counted: bool = True
    """Else about so many rows, as the database's statistics say."""


def old_rows(engine: Engine, before: datetime) -> list[Old]:
    """Return what may go of each table that grows for good."""
    with engine.begin() as connection:
        found = [_estimated(connection, table, before) or _counted(connection, table, before) for table in TIMES]
        connection.execute(text(DONE), {"before": before})
        for table, time in ORDER_TIMES.items():
            rows = _scalar(connection, f"SELECT count(*) {OF_DONE.format(table)}")
            old = _scalar(connection, OLD_ORDERS.format(table, time), before=before)
            found.append(Old(table, rows, max(old - rows, 0), _size(connection, table, rows)))
        return found


def prune(engine: Engine, old: list[Old], before: datetime) -> None:
    """Delete it. Sinks may go on writing; where what stays of a table is little and written anew, they wait for it."""
    freed = {each.table: _prune_by_time(engine, each, before) for each in old if each.table in TIMES and each.rows}
    with engine.begin() as connection:
        connection.execute(text(DONE), {"before": before})
        for table in ORDER_TIMES:
            connection.execute(text(DELETE_DONE.format(table)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for page in freed.get("trades", []):
            connection.execute(text("SELECT brin_desummarize_range(:index, :page)"), {"index": BY_TIME, "page": page})
        connection.execute(text(f"SET maintenance_work_mem = '{VACUUM_MEMORY}'"))
        for each in old:
            if each.rows:
                connection.execute(text(f"VACUUM (ANALYZE) {each.table}"))


def _estimated(connection: Connection, table: str, before: datetime) -> Old | None:
    """Return about what is old of a table where that is much; None where it is not, or nobody analysed it."""
    bounds = (
        "SELECT min(bound) FROM pg_stats, unnest(histogram_bounds::text::timestamptz[]) AS bound"
        " WHERE schemaname = current_schema() AND tablename = :table AND attname = :time"
    )
    oldest = connection.execute(text(bounds), {"table": table, "time": TIMES[table]}).scalar_one()
    plan = text(f"EXPLAIN (FORMAT JSON) SELECT FROM {table} WHERE {TIMES[table]} < :before")
    rows = int(connection.execute(plan, {"before": before}).scalar_one()[0]["Plan"]["Plan Rows"])
    if oldest is None or oldest >= before or rows <= COUNTED:
        return None
    return Old(table, rows, 0, _size(connection, table, rows), oldest, counted=False)


def _counted(connection: Connection, table: str, before: datetime) -> Old:
    # of a large table the planner would rather read all than what the block range index leads to
    connection.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL jit = off"))
    time = TIMES[table]
    query = text(f"SELECT count(*), min({time}) FROM {table} WHERE {time} < :before")  # noqa: S608 -- names of ours
    rows, oldest = connection.execute(query, {"before": before}).one()
    connection.execute(text("SET LOCAL enable_seqscan = on"))
    return Old(table, rows, 0, _size(connection, table, rows), oldest)


def _prune_by_time(engine: Engine, old: Old, before: datetime) -> set[int]:
    """Delete old rows of a table; return the first page of each range of pages that they were in.

    None where the table is written anew, whose pages are new as well.
    """
    with engine.begin() as connection:
        rows = _rows(connection, old.table)
        if old.rows >= MOSTLY * rows and rows - old.rows <= LITTLE:
            _write_anew(connection, old.table, before)
            return set()
    freed: set[int] = set()
    delete = text(DELETE_SOME.format(old.table, TIMES[old.table]))
    for since, until in _portions(old, before):
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL jit = off"))
            freed.update(connection.execute(delete, {"since": since, "until": until}).scalars())
    return freed


def _portions(old: Old, before: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield ranges of times that have all old rows, about as many each as go at once."""
    assert old.oldest is not None
    count = -(-old.rows // AT_ONCE)
    since = datetime.min.replace(tzinfo=UTC)
    for number in range(1, count):
        until = old.oldest + (before - old.oldest) * number / count
        yield since, until
        since = until
    yield since, before


def _write_anew(connection: Connection, table: str, before: datetime) -> None:
    connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
    keep = f"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM {table} WHERE {TIMES[table]} >= :before"  # noqa: S608
    connection.execute(text(keep), {"before": before})
    connection.execute(text(f"TRUNCATE {table}"))
    connection.execute(text(f"INSERT INTO {table} SELECT * FROM kept"))  # noqa: S608


def _rows(connection: Connection, table: str) -> int:
    """Return about how many rows there are, counted only where nobody has ever analysed the table."""
    known = _scalar(connection, f"SELECT reltuples::bigint FROM pg_class WHERE oid = '{table}'::regclass")  # noqa: S608
    return known if known > 0 else _scalar(connection, f"SELECT count(*) FROM {table}")  # noqa: S608


def _size(connection: Connection, table: str, rows: int) -> int:
    if not rows:
        return 0
    whole = _scalar(connection, f"SELECT pg_total_relation_size('{table}')")
    return whole * rows // max(_rows(connection, table), rows)


def _scalar(connection: Connection, query: str, **values: Any) -> int:
    return int(connection.execute(text(query), values).scalar_one())
