"""How fast Kafka Connect writes a full topic of trades into PostgreSQL."""

import time

import msgspec
from sqlalchemy import Connection, create_engine, text

from connectors.apply import apply_all, remove_all
from infra.config import Config
from schemas.records import Trade
from schemas.registry import make_codec
from tests.bench.market import encode
from tests.bench.world import fill_trades, world

WITHIN_S = 180
POLL_S = 0.05


def sink_rows_per_s(trades: list[Trade]) -> float:
    """Rows a second from the first row that is there to the last; the start of the connector is left out."""
    exchange = f"bench-{time.time_ns()}"
    marked = [msgspec.structs.replace(trade, exchange=exchange) for trade in trades]
    last = {trade.symbol: trade.trade_id for trade in marked}
    with world("sink") as w:
        fill_trades(w, encode(marked, make_codec(w.config, Trade)))
        try:
            apply_all(w.config)
            return _watch(w.config, exchange, last, len(marked))
        finally:
            remove_all(w.config)


def _watch(config: Config, exchange: str, last: dict[str, int], total: int) -> float:
    engine = create_engine(config.database, isolation_level="AUTOCOMMIT")
    deadline = time.monotonic() + WITHIN_S
    first: tuple[float, int] | None = None
    waiting = list(last.items())
    with engine.connect() as connection:
        try:
            while waiting:
                if first is None and (rows := _count(connection, exchange)):
                    first = (time.monotonic(), rows)
                # One look at a time: the database has better things to do.
                while waiting and _is_there(connection, exchange, *waiting[-1]):
                    waiting.pop()
                if time.monotonic() > deadline:
                    raise RuntimeError(f"sink: the last trades of {len(waiting)} instruments are not in the table")
                time.sleep(POLL_S)
            now = time.monotonic()
            rows = _count(connection, exchange)
            if rows != total or first is None:
                raise RuntimeError(f"sink: {rows} rows of {total} trades")
            return (total - first[1]) / (now - first[0])
        finally:
            connection.execute(text("DELETE FROM trades WHERE exchange = :e"), {"e": exchange})
            connection.execute(text("VACUUM trades"))  # else autovacuum does it, in the midst of a later repetition
            engine.dispose()


def _count(connection: Connection, exchange: str) -> int:
    return int(
        connection.execute(text("SELECT count(*) FROM trades WHERE exchange = :e"), {"e": exchange}).scalar_one()
    )


def _is_there(connection: Connection, exchange: str, symbol: str, trade_id: int) -> bool:
    found = text("SELECT 1 FROM trades WHERE exchange = :e AND symbol = :s AND trade_id = :i")
    return connection.execute(found, {"e": exchange, "s": symbol, "i": trade_id}).first() is not None
