"""Deletes old rows of the tables: quick where the table is large, since it only looks at what is old.

Trades come nearly in the order of their times, so a block range index leads to the old ones, which go day by day. New
rows will come into their blocks, whose ranges would then be those of both: so the ranges of these blocks, and of no
others, are forgotten, and taken anew by the vacuum. Where most of a table is old, what stays is written anew, which
gives its disk space back at once. Of orders and fills only whole traders go that have sold all they bought: the others'
profits would not be known any more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

DAY = timedelta(days=1)
TIMES = {"trades": "trade_time", "candles": "open_time"}
"""The tables whose rows stand for themselves, and the column of their time."""
BY_TIME = "trades_by_time"
"""The block range index."""
PAGES = 128
"""Of one range of it."""
DELETE_DAY = f"""
    WITH gone AS (
        DELETE FROM {{0}} WHERE {{1}} >= :since AND {{1}} < :until RETURNING (ctid::text::point)[0]::bigint AS page
    )
    SELECT DISTINCT page / {PAGES} * {PAGES} FROM gone
"""  # noqa: S608 -- a number of ours
MOSTLY = 0.5
"""From this part on what stays is written anew."""
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


def old_rows(engine: Engine, before: datetime) -> list[Old]:
    """Return what may go of each table that grows for good."""
    with engine.begin() as connection:
        # of a large table the planner would rather read all than what the block range index leads to
        connection.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL jit = off"))
        found = [_old(connection, table, before) for table in TIMES]
        connection.execute(text("SET LOCAL enable_seqscan = on"))
        connection.execute(text(DONE), {"before": before})
        for table, time in ORDER_TIMES.items():
            rows = _scalar(connection, f"SELECT count(*) {OF_DONE.format(table)}")
            old = _scalar(connection, OLD_ORDERS.format(table, time), before=before)
            found.append(Old(table, rows, max(old - rows, 0), _size(connection, table, rows)))
        return found


def prune(engine: Engine, old: list[Old], before: datetime) -> None:
    """Delete it. Sinks may go on writing; where what stays of a table is written anew, they wait for it."""
    freed = {each.table: _prune_by_time(engine, each, before) for each in old if each.table in TIMES and each.rows}
    with engine.begin() as connection:
        connection.execute(text(DONE), {"before": before})
        for table in ORDER_TIMES:
            connection.execute(text(DELETE_DONE.format(table)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for page in freed.get("trades", []):
            connection.execute(text("SELECT brin_desummarize_range(:index, :page)"), {"index": BY_TIME, "page": page})
        for each in old:
            if each.rows:
                connection.execute(text(f"VACUUM (ANALYZE) {each.table}"))


def _old(connection: Connection, table: str, before: datetime) -> Old:
    time = TIMES[table]
    query = text(f"SELECT count(*), min({time}) FROM {table} WHERE {time} < :before")  # noqa: S608 -- names of ours
    rows, oldest = connection.execute(query, {"before": before}).one()
    return Old(table, rows, 0, _size(connection, table, rows), oldest)


def _prune_by_time(engine: Engine, old: Old, before: datetime) -> set[int]:
    """Delete old rows of a table; return the first page of each range of pages that they were in.

    None where the table is written anew, whose pages are new as well.
    """
    with engine.begin() as connection:
        if old.rows >= MOSTLY * _rows(connection, old.table):
            _write_anew(connection, old.table, before)
            return set()
    freed: set[int] = set()
    since = old.oldest
    while since is not None and since < before:
        until = min(since + DAY, before)
        with engine.begin() as connection:
            delete = text(DELETE_DAY.format(old.table, TIMES[old.table]))
            freed.update(connection.execute(delete, {"since": since, "until": until}).scalars())
        since = until
    return freed


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
