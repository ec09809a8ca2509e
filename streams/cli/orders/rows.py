"""Orders from the warehouse, as rows."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine, create_engine, select, union

from infra.config import Config
from schemas.records import Order, OrderStatus
from schemas.sql.models import InstrumentRow, OrderRow
from schemas.times import iso
from schemas.units import plain
from streams.cli.errors import BadValue
from streams.cli.instruments.symbols import resolve
from streams.warehouse.queries import orders

OPEN = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
CONNECT_TIMEOUT_S = 5


def parse_statuses(typed: Sequence[str]) -> list[OrderStatus]:
    """Return the statuses that were typed, in any case; `open` stands for all in which an order can still be filled.

    Raises `BadValue` for what is no status.
    """
    statuses: list[OrderStatus] = []
    for text in typed:
        name = text.upper().replace("-", "_")
        if name == "OPEN":
            statuses += OPEN
        elif name in OrderStatus.__members__:
            statuses.append(OrderStatus[name])
        else:
            raise BadValue(f"--status: {text!r} is none of open, {', '.join(OrderStatus)}")
    return statuses


def newest(config: Config, symbols: Sequence[str], statuses: Sequence[OrderStatus], limit: int) -> list[dict[str, Any]]:
    """Return the `limit` orders that changed last, the newest last; of these symbols and statuses if any are given."""
    engine = create_engine(config.database, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
    try:
        keys = resolve(symbols, _known(engine)) if symbols else [None]
        wanted: set[OrderStatus | None] = {*statuses} or {None}
        found = [order for key in keys for status in wanted for order in orders(engine, key, status, limit)]
    finally:
        engine.dispose()
    found.sort(key=lambda order: (order.updated_time, order.instrument, order.version))
    return [_row(order) for order in found[-limit:]]


def _known(engine: Engine) -> list[str]:
    """The instruments that the warehouse has heard of."""
    heard = union(select(InstrumentRow.exchange, InstrumentRow.symbol), select(OrderRow.exchange, OrderRow.symbol))
    with engine.connect() as connection:
        return [f"{exchange}:{symbol}" for exchange, symbol in connection.execute(heard)]


def _row(order: Order) -> dict[str, Any]:
    row = msgspec.to_builtins(order)
    for name in ("price", "quantity", "executed_quantity"):
        row[name] = plain(row[name])
    for name in ("created_time", "updated_time"):
        row[name] = iso(row[name])
    return {"order": order.name, "instrument": order.instrument, **row}
