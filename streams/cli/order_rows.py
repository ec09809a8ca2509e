"""Orders from the warehouse, as rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, create_engine, select, tuple_, union

from infra.config import Config
from schemas.records import OrderStatus
from schemas.sql.models import OrderRow, SettingsRow
from schemas.units import plain, to_units
from streams.cli.errors import BadValue
from streams.cli.symbols import resolve

OPEN = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
CONNECT_TIMEOUT_S = 5


def parse_statuses(typed: Sequence[str]) -> list[OrderStatus]:
    """The statuses that were typed, in any case; `open` stands for all in which an order can still be filled."""
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
    """The `limit` orders that changed last, the newest last; of these symbols and statuses where any are given."""
    query = select(OrderRow.__table__).order_by(OrderRow.updated_time.desc(), OrderRow.version.desc()).limit(limit)
    if statuses:
        query = query.where(OrderRow.status.in_([status.value for status in statuses]))
    engine = create_engine(config.database, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
    try:
        with engine.connect() as connection:
            if symbols:
                keys = [key.split(":", 1) for key in resolve(symbols, _known(connection))]
                query = query.where(tuple_(OrderRow.exchange, OrderRow.symbol).in_(keys))
            found = connection.execute(query).mappings().all()
    finally:
        engine.dispose()
    return [_row(dict(order)) for order in reversed(found)]


def _known(connection: Connection) -> list[str]:
    """The instruments that the warehouse has heard of."""
    heard = union(select(SettingsRow.exchange, SettingsRow.symbol), select(OrderRow.exchange, OrderRow.symbol))
    return [f"{exchange}:{symbol}" for exchange, symbol in connection.execute(heard)]


def _row(order: dict[str, Any]) -> dict[str, Any]:
    shown = {name: _shown(value) for name, value in order.items()}
    return {"instrument": f"{order['exchange']}:{order['symbol']}", **shown}


def _shown(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(to_units(value, "number"))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value
