"""Saved backtests: runs with their settings, data, code, orders and equity, written to and read from PostgreSQL."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text

from schemas.parameters import BY_FIELD
from schemas.records import FILTERS, Setup
from schemas.sql.backtests import BacktestEquity, BacktestOrder, BacktestRun
from schemas.sql.models import Base
from schemas.symbols import split_instrument
from schemas.units import AMOUNT_MAX, PRICE_MAX, plain, to_decimal
from streams.backtest.performance import Result, equity_of, executed, plain_money
from streams.backtest.trial import Trial
from streams.backtest.version import code_version
from streams.recordings.recording import Recording

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
POINTS = 1_000
"""The most points of an equity curve."""
ROWS = 5_000
"""The number of rows that are made and written at a time."""
NEXT_IDS = text("SELECT nextval(pg_get_serial_sequence('backtest_runs', 'run_id')) FROM generate_series(1, :runs)")

Row = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """A run to save: `rank` among the best of a sweep, `part` of the trades that a sweep was given."""

    recording: Recording
    setup: Setup
    trial: Trial
    part: str = "all"
    rank: int | None = None


@dataclass(frozen=True)
class About:
    """What the runs of one command have in common. `options` are those that no column has, as JSON."""

    command: str
    name: str | None = None
    seed: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def check_tables(engine: Engine) -> None:
    """Raise SQLAlchemy's error where runs cannot be saved for want of the tables."""
    with engine.connect() as connection:
        for model in (BacktestRun, BacktestOrder, BacktestEquity):
            connection.execute(select(model.run_id).limit(0))


def save(engine: Engine, runs: Sequence[Kept], about: About) -> list[int]:
    """Write runs, their orders and their equity, all or none; return their numbers.

    Raises SQLAlchemy's errors, and `ValueError`, which names field and value, for what the tables have no room for.
    """
    now = EPOCH + time.time_ns() // 1_000 * MICROSECOND
    with engine.begin() as connection:
        ids = sorted(connection.scalars(NEXT_IDS, {"runs": len(runs)}))
        common = {
            "batch_id": ids[0],
            "command": about.command,
            "name": about.name,
            "seed": about.seed,
            "options": dict(about.options),
            "saved_time": now,
            "code_version": code_version(),
        }
        for run_id, kept in zip(ids, runs, strict=True):
            _write(connection, BacktestRun, iter([{"run_id": run_id, **common, **_run(kept)}]))
            _write(connection, BacktestOrder, _orders(run_id, kept))
            _write(connection, BacktestEquity, _equity(run_id, kept))
    return ids


def runs_of(
    engine: Engine, instrument: str | None = None, name: str | None = None, ids: Sequence[int] = (), limit: int = 1_000
) -> list[Row]:
    """Return the rows of the newest `limit` saved runs, the newest last; of an instrument, a name, some numbers."""
    query = select(BacktestRun.__table__).order_by(BacktestRun.run_id.desc()).limit(limit)
    if instrument is not None:
        exchange, symbol = split_instrument(instrument)
        query = query.where(BacktestRun.exchange == exchange, BacktestRun.symbol == symbol)
    if name is not None:
        query = query.where(BacktestRun.name == name)
    if ids:
        query = query.where(BacktestRun.run_id.in_(ids))
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()][::-1]


def known_runs(engine: Engine) -> dict[int, str | None]:
    """Return the number of every saved run, and its name."""
    with engine.connect() as connection:
        return {row.run_id: row.name for row in connection.execute(select(BacktestRun.run_id, BacktestRun.name))}


def known_instruments(engine: Engine) -> list[str]:
    """Return the instruments that runs were saved of."""
    query = select(BacktestRun.exchange, BacktestRun.symbol).distinct()
    with engine.connect() as connection:
        return [f"{exchange}:{symbol}" for exchange, symbol in connection.execute(query)]


def orders_of(engine: Engine, run_id: int) -> list[Row]:
    """Return the rows of a run's orders, in the order they were placed."""
    return _rows(engine, BacktestOrder, run_id, BacktestOrder.number)


def equity_points(engine: Engine, run_id: int) -> list[Row]:
    """Return the rows of a run's equity curve, in the order of time."""
    return _rows(engine, BacktestEquity, run_id, BacktestEquity.at)


def _rows(engine: Engine, model: type[BacktestOrder] | type[BacktestEquity], run_id: int, by: Any) -> list[Row]:
    with engine.connect() as connection:
        query = select(model.__table__).where(model.run_id == run_id).order_by(by)
        return [dict(row) for row in connection.execute(query).mappings()]


def _write(connection: Connection, model: type[Base], rows: Iterator[Row]) -> None:
    while part := list(islice(rows, ROWS)):
        connection.execute(insert(model), part)


def _run(kept: Kept) -> Row:
    recording, trial = kept.recording, kept.trial
    return {
        "rank": kept.rank,
        "part": kept.part,
        "engine": trial.engine,
        "engine_seconds": Decimal(f"{trial.seconds:.6f}"),
        "source": recording.source,
        "fingerprint": recording.fingerprint,
        "trades": len(recording),
        "unreadable_records": recording.unreadable,
        "first_trade": _time(recording.times[0]),
        "last_trade": _time(recording.times[-1]),
        **_setup(kept.setup),
        **_result(trial.result),
    }


def _setup(setup: Setup) -> Row:
    instrument, settings = setup
    parameters = {name: getattr(settings, name) for name in BY_FIELD}
    return {
        **{name: getattr(instrument, name) for name in ("exchange", "symbol", "base_asset", "quote_asset")},
        **{name: to_decimal(getattr(instrument, name)) for name in FILTERS},
        **{name: value if BY_FIELD[name].scale == 1 else to_decimal(value) for name, value in parameters.items()},
    }


def _result(result: Result) -> Row:
    money = {
        "realised_profit": result.realised,
        "unrealised_profit": result.unrealised,
        "fees": result.fees,
        "position_value": result.position_value,
        "net_profit": result.net_profit,
        "buy_and_hold": result.buy_and_hold,
        "max_drawdown": result.max_drawdown,
    }
    return {
        **{name: getattr(result, name) for name in ("orders", "rejected", "filled", "cycles", "wins", "losses")},
        **{name: _money(amount) for name, amount in money.items()},
        "open_position": _bounded("open_position", result.position, AMOUNT_MAX),
        "seconds_in_market": Decimal(result.time_in_market) / 10**6,
        "seconds_in_all": Decimal(result.span) / 10**6,
        "largest_exposure": to_decimal(result.largest_exposure),
        "average_exposure": to_decimal(result.average_exposure),
    }


def _orders(run_id: int, kept: Kept) -> Iterator[Row]:
    times = kept.recording.times
    for number, order in enumerate(kept.trial.orders):
        filled = order.filled_at >= 0
        yield {
            "run_id": run_id,
            "number": number,
            "trader": order.trader,
            "side": order.side,
            "price": _bounded("price", order.price, PRICE_MAX),
            "quantity": _bounded("quantity", order.quantity, AMOUNT_MAX),
            "executed_quantity": to_decimal(executed(order)),
            "status": order.status,
            "placed_at": order.placed_at,
            "placed_time": _time(times[order.placed_at]),
            "filled_at": order.filled_at if filled else None,
            "filled_time": _time(times[order.filled_at]) if filled else None,
        }


def _equity(run_id: int, kept: Kept) -> Iterator[Row]:
    prices, times = kept.recording.prices, kept.recording.times
    course = equity_of(kept.trial.orders, prices, kept.setup, POINTS)
    for at, net_profit, drawdown, value in zip(*course, strict=True):
        yield {
            "run_id": run_id,
            "at": at,
            "time": _time(times[at]),
            "price": to_decimal(int(prices[at])),
            "net_profit": _money(net_profit),
            "drawdown": _money(drawdown),
            "position_value": _money(value),
        }


def _bounded(field: str, units: int, largest: int) -> Decimal:
    # an order that a filter refused may be of any size
    if units > largest:
        raise ValueError(f"{field}: {plain(units)} is above {plain(largest)}, the largest that can be saved")
    return to_decimal(units)


def _money(amount: int) -> Decimal:
    # from text: arithmetic on a Decimal would round to 28 digits
    return Decimal(plain_money(amount))


def _time(micros: Any) -> datetime:
    return EPOCH + int(micros) * MICROSECOND
