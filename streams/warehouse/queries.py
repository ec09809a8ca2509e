"""The read side of the warehouse: what the CLI, the demo and the reports ask PostgreSQL. All sums are exact."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Engine, select, text

from schemas.records import Order, OrderStatus
from schemas.sql.models import OrderRow
from schemas.symbols import split_instrument
from schemas.times import micros_of
from schemas.units import to_units


@dataclass(frozen=True)
class SymbolProfit:
    """What one instrument did.

    `fills` counts executions, `cycles` the traders that bought and sold all they had bought. `profit` is in the quote
    asset, after the commissions of both sides, over what was bought and sold again; of a trader that has sold a part,
    the same part of its buying counts. `position` is in the base asset: bought and not yet sold.

    `unknown` counts the traders that are left out of `cycles`, `profit` and `position`, because fills are missing in
    the table: their orders have executed more, or they have sold more than they have bought.
    """

    exchange: str
    symbol: str
    quote_asset: str
    trades: int
    orders: int
    fills: int
    cycles: int
    profit: Decimal
    position: Decimal
    unknown: int


PROFIT = text(
    """
    WITH filled AS (
        SELECT exchange, symbol, split_part(translate(client_order_id, ':', '-'), '-', -2) AS trader,
               count(*) AS fills,
               coalesce(sum(quantity) FILTER (WHERE side = 'BUY'), 0) AS bought,
               coalesce(sum(quantity) FILTER (WHERE side = 'SELL'), 0) AS sold,
               coalesce(sum(price * quantity + commission) FILTER (WHERE side = 'BUY'), 0) AS paid,
               coalesce(sum(price * quantity - commission) FILTER (WHERE side = 'SELL'), 0) AS received
        FROM fills WHERE execution_type = 'TRADE'
        GROUP BY exchange, symbol, trader
    ), executed AS (
        SELECT exchange, symbol, trader::text AS trader,
               coalesce(sum(executed_quantity) FILTER (WHERE side = 'BUY'), 0) AS bought,
               coalesce(sum(executed_quantity) FILTER (WHERE side = 'SELL'), 0) AS sold
        FROM orders WHERE executed_quantity > 0
        GROUP BY exchange, symbol, orders.trader
    ), traders AS (
        SELECT exchange, symbol, fills, filled.bought, filled.sold, paid, received,
               coalesce(filled.bought, 0) >= greatest(filled.sold, executed.bought)
                   AND coalesce(filled.sold, 0) >= coalesce(executed.sold, 0) AS known
        FROM filled FULL JOIN executed USING (exchange, symbol, trader)
    ), results AS (
        SELECT exchange, symbol, coalesce(sum(fills), 0)::bigint AS fills,
               count(*) FILTER (WHERE known AND sold = bought) AS cycles,
               sum(CASE WHEN NOT known OR sold = 0 THEN 0
                        WHEN sold = bought THEN received - paid
                        ELSE received - paid * sold / bought END) AS profit,
               sum(bought - sold) FILTER (WHERE known) AS position,
               count(*) FILTER (WHERE NOT known) AS unknown
        FROM traders GROUP BY exchange, symbol
    ), streamed AS (SELECT exchange, symbol, count(*) AS trades FROM trades GROUP BY exchange, symbol
    ), placed AS (SELECT exchange, symbol, count(*) AS orders FROM orders GROUP BY exchange, symbol)
    SELECT exchange, symbol, coalesce(quote_asset, '') AS quote_asset, coalesce(trades, 0) AS trades,
           coalesce(orders, 0) AS orders, coalesce(fills, 0) AS fills, coalesce(cycles, 0) AS cycles,
           coalesce(profit, 0) AS profit, coalesce(position, 0) AS position, coalesce(unknown, 0) AS unknown
    FROM streamed FULL JOIN placed USING (exchange, symbol) FULL JOIN results USING (exchange, symbol)
         LEFT JOIN instruments USING (exchange, symbol)
    ORDER BY exchange, symbol
    """
)


def profit_by_symbol(engine: Engine) -> list[SymbolProfit]:
    """Return what each instrument with trades, orders or fills did, in the order of exchange and symbol."""
    with engine.connect() as connection:
        rows = connection.execute(PROFIT).mappings()
        return [SymbolProfit(**row) for row in rows]


@dataclass(frozen=True)
class Streamed:
    """What came of one instrument: trades, how many of them were filled, and closed candles."""

    exchange: str
    symbol: str
    trades: int
    filled: int
    candles: int


STREAMED = text(
    """
    WITH made AS (SELECT exchange, symbol, count(*) AS candles FROM candles GROUP BY exchange, symbol)
    SELECT exchange, symbol, count(*) AS trades, count(*) FILTER (WHERE filled) AS filled,
           coalesce(max(candles), 0) AS candles
    FROM trades LEFT JOIN made USING (exchange, symbol) GROUP BY exchange, symbol ORDER BY exchange, symbol
    """
)


def streamed_by_symbol(engine: Engine) -> list[Streamed]:
    """Return what came of each instrument with trades, in the order of exchange and symbol."""
    with engine.connect() as connection:
        return [Streamed(**row) for row in connection.execute(STREAMED).mappings()]


def orders(
    engine: Engine, instrument: str | None = None, status: OrderStatus | None = None, limit: int = 100
) -> list[Order]:
    """Return the newest snapshots of at most `limit` orders, the latest change first.

    `instrument` is `exchange:SYMBOL`; a `ValueError` names anything else.
    """
    query = select(OrderRow.__table__).order_by(OrderRow.updated_time.desc(), OrderRow.client_order_id)
    if instrument is not None:
        exchange, symbol = split_instrument(instrument)
        query = query.where(OrderRow.exchange == exchange, OrderRow.symbol == symbol)
    if status is not None:
        query = query.where(OrderRow.status == status.value)
    with engine.connect() as connection:
        rows = connection.execute(query.limit(limit)).mappings()
        return [_order(dict(row)) for row in rows]


def _order(row: dict[str, Any]) -> Order:
    return msgspec.convert({name: _plain(name, value) for name, value in row.items()}, Order)


def _plain(name: str, value: Any) -> Any:
    """Return a value of the database as the records have it."""
    if isinstance(value, Decimal):
        return to_units(value, name)
    if isinstance(value, datetime):
        return micros_of(value)
    return value
