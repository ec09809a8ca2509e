"""The candles that PostgreSQL has, in the order of their times."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Engine, Select, select, tuple_

from schemas.sql.models import CandleRow
from schemas.times import EPOCH, MICROSECOND, Between

COLUMNS = tuple(column.name for column in CandleRow.__table__.columns)
FETCHED = 10_000


def candle_instruments(engine: Engine, interval: int) -> list[str]:
    """Return the instruments that have candles of an interval, as `exchange:SYMBOL`."""
    query = select(CandleRow.exchange, CandleRow.symbol).where(CandleRow.interval == interval).distinct()
    with engine.connect() as connection:
        return [f"{exchange}:{symbol}" for exchange, symbol in connection.execute(query)]


def newest_candles(
    engine: Engine, instruments: Sequence[str], interval: int, between: Between, limit: int
) -> list[dict[str, Any]]:
    """Return the newest so many candles of these instruments, the newest last; decimals and times as SQL has them."""
    newest = _candles(instruments, interval, between).order_by(
        CandleRow.open_time.desc(), CandleRow.exchange.desc(), CandleRow.symbol.desc()
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(newest.limit(limit)).mappings()][::-1]


def all_candles(
    engine: Engine, instruments: Sequence[str], interval: int, between: Between
) -> Iterator[list[dict[str, Any]]]:
    """Yield all candles of these instruments, some thousand at a time, by instrument and time."""
    query = _candles(instruments, interval, between).order_by(CandleRow.exchange, CandleRow.symbol, CandleRow.open_time)
    with engine.connect() as connection:
        found = connection.execute(query.execution_options(yield_per=FETCHED)).mappings()
        for rows in found.partitions():
            yield [dict(row) for row in rows]


def _candles(instruments: Sequence[str], interval: int, between: Between) -> Select[Any]:
    keys = [instrument.split(":", 1) for instrument in instruments]
    table = CandleRow.__table__
    query = select(*(table.columns[name] for name in COLUMNS)).where(
        CandleRow.interval == interval, tuple_(CandleRow.exchange, CandleRow.symbol).in_(keys)
    )
    since, until = between
    if since is not None:
        query = query.where(CandleRow.open_time >= EPOCH + since * MICROSECOND)
    if until is not None:
        query = query.where(CandleRow.open_time < EPOCH + until * MICROSECOND)
    return query
