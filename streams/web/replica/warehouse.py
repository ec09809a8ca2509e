"""What Postgres has of orders and fills, and of candles older than a day.

The sinks' committed offsets are asked before this, and the topics read from there on: what a sink committed it has
written. So nothing is missing, and what comes twice changes nothing.
"""

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Engine, create_engine, text

from infra.config import Config
from schemas.records import Fill, Order
from schemas.times import micros_of
from schemas.units import to_units
from streams.market.candles import Candle
from streams.warehouse.candles import newest_candles
from streams.web.model.profits import Executed, Half

ORDERS_EACH = 200
FILLS_EACH = 60
CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 15_000
VALUE_SCALE = 16

ORDERS = text(
    """
    SELECT * FROM (
        SELECT orders.*, row_number() OVER (PARTITION BY exchange, symbol ORDER BY created_time DESC) AS place
        FROM orders
    ) AS placed WHERE place <= :each OR status IN ('NEW', 'PARTIALLY_FILLED')
    ORDER BY created_time, version
    """
)
FILLS = text(
    """
    SELECT * FROM (
        SELECT fills.*, row_number() OVER (PARTITION BY exchange, symbol ORDER BY transaction_time DESC) AS place
        FROM fills
    ) AS placed WHERE place <= :each ORDER BY transaction_time
    """
)
EXECUTED = text(
    """
    SELECT exchange, symbol, client_order_id, sum(quantity) AS quantity, sum(price * quantity) AS value,
           sum(commission) AS commission, max(cumulative_quantity) AS cumulative, max(order_quantity) AS ordered,
           max(transaction_time) AS time,
           (array_agg(price ORDER BY transaction_time DESC, cumulative_quantity DESC))[1] AS last_price
    FROM fills WHERE execution_type = 'TRADE' GROUP BY exchange, symbol, client_order_id
    """
)


class Past(NamedTuple):
    """What was written up to some moment."""

    orders: list[Order]
    fills: list[Fill]
    executed: list[tuple[str, Executed]]
    """With the key of the instrument."""


def connect(config: Config) -> Engine:
    """Return the warehouse; whether it answers is found out when it is asked."""
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS}"
    arguments = {"connect_timeout": CONNECT_TIMEOUT_S, "options": options}
    return create_engine(config.database, connect_args=arguments, pool_pre_ping=True)


def read_past(engine: Engine) -> Past:
    """Return what there is of orders and fills; raises SQLAlchemy's errors."""
    with engine.connect() as connection:
        orders = [_order(dict(row)) for row in connection.execute(ORDERS, {"each": ORDERS_EACH}).mappings()]
        fills = [_fill(dict(row)) for row in connection.execute(FILLS, {"each": FILLS_EACH}).mappings()]
        executed = [_executed(dict(row)) for row in connection.execute(EXECUTED).mappings()]
    return Past(orders, fills, executed)


def older_candles(engine: Engine, instrument: str, interval: int, before: int, limit: int) -> list[Candle]:
    """Return up to so many candles that began before a time (µs), the newest last; raises SQLAlchemy's errors."""
    rows = newest_candles(engine, [instrument], interval, (None, before), limit)
    return [_candle(instrument, row) for row in rows]


def _candle(instrument: str, row: dict[str, Any]) -> Candle:
    values = {name: _plain(name, value) for name, value in row.items() if name not in ("exchange", "symbol", "epoch")}
    known = {name: values[name] for name in Candle._fields if name in values}
    return Candle(**{"instrument": instrument, "closed": True, **known})


def _order(row: dict[str, Any]) -> Order:
    del row["place"]
    return msgspec.convert({name: _plain(name, value) for name, value in row.items()}, Order)


def _fill(row: dict[str, Any]) -> Fill:
    del row["place"]
    return msgspec.convert({name: _plain(name, value) for name, value in row.items()}, Fill)


def _executed(row: dict[str, Any]) -> tuple[str, Executed]:
    half = Half(
        quantity=to_units(row["quantity"], "quantity"),
        value=int(row["value"].scaleb(VALUE_SCALE)),
        commission=to_units(row["commission"], "commission"),
        cumulative=to_units(row["cumulative"], "cumulative"),
        ordered=to_units(row["ordered"], "ordered"),
        last_price=to_units(row["last_price"], "last_price"),
        time=micros_of(row["time"]),
    )
    key = f"{row['exchange']}:{row['symbol']}"
    return key, Executed(row["client_order_id"], half)


def _plain(name: str, value: Any) -> Any:
    """Return a value of the database as the records have it."""
    if isinstance(value, Decimal):
        return to_units(value, name)
    return micros_of(value) if hasattr(value, "tzinfo") else value
