"""The tables of the warehouse, column for column as the records of the topics (`schemas.records`, `schemas/avro`).

Kafka Connect's sinks write them, nothing else does. Numbers are exact decimals with eight places, times are UTC and
exact to the microsecond. Constraints state what every valid record keeps, because a row that breaks one stops its sink.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, Numeric, Text, false
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from schemas.records import ExecutionType, OrderStatus, Side, TradingStatus

Price = Annotated[Decimal, mapped_column(Numeric(18, 8))]
Amount = Annotated[Decimal, mapped_column(Numeric(28, 8))]
Volume = Annotated[Decimal, mapped_column(Numeric(38, 8))]
OptionalText = Annotated[str | None, mapped_column(Text)]
OptionalLong = Annotated[int | None, mapped_column(BigInteger)]
Long = Annotated[int, mapped_column(BigInteger)]
Time = Annotated[datetime, mapped_column(TIMESTAMP(timezone=True, precision=6))]

OPEN = "status IN ('NEW', 'PARTIALLY_FILLED')"
"""The orders that can still be filled."""


class Base(DeclarativeBase):
    """All tables; `metadata` is what the migrations are checked against."""

    type_annotation_map = {str: Text, int: Integer}  # noqa: RUF012 - SQLAlchemy's own attribute


def one_of(table: str, column: str, values: type[StrEnum]) -> CheckConstraint:
    """The constraint that a text column holds one of an enumeration's values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{table}_{column}_known")


class TradeRow(Base):
    """One trade of a market."""

    __tablename__ = "trades"
    __table_args__ = (
        CheckConstraint("price > 0", name="trades_price_positive"),
        CheckConstraint("quantity > 0", name="trades_quantity_positive"),
        # trades arrive nearly in the order of their times: a block range index finds them and costs an insert nothing
        Index("trades_by_time", "trade_time", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
    )

    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    trade_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    # Ids begin anew where a symbol is listed again or a test network is wiped: then the time tells trades apart.
    trade_time: Mapped[Time] = mapped_column(primary_key=True)
    price: Mapped[Price]
    quantity: Mapped[Amount]
    event_time: Mapped[Time]
    received_time: Mapped[Time]
    buyer_is_maker: Mapped[bool]
    buyer_order_id: Mapped[OptionalLong]
    seller_order_id: Mapped[OptionalLong]
    # one written before there was this field comes without it
    filled: Mapped[bool] = mapped_column(server_default=false())


class OrderRow(Base):
    """The newest snapshot of one of our orders, by epoch, then version; a trigger keeps it from being overwritten."""

    __tablename__ = "orders"
    __table_args__ = (
        one_of("orders", "side", Side),
        one_of("orders", "status", OrderStatus),
        CheckConstraint("price >= 0", name="orders_price_not_negative"),
        CheckConstraint("executed_quantity BETWEEN 0 AND quantity", name="orders_executed_within_quantity"),
        Index("orders_by_time", "exchange", "symbol", "created_time"),
        Index("orders_by_update", "updated_time"),
        Index("orders_open", "exchange", "symbol", postgresql_where=OPEN),
    )

    client_order_id: Mapped[str] = mapped_column(primary_key=True)
    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    # one written before there was this field comes without it
    epoch: Mapped[Long] = mapped_column(server_default="0")
    version: Mapped[Long]
    trader: Mapped[Long]
    side: Mapped[str]
    time_in_force: Mapped[str]
    status: Mapped[str]
    price: Mapped[Price]
    quantity: Mapped[Amount]
    executed_quantity: Mapped[Amount]
    cancel_requested: Mapped[bool]
    reason: Mapped[OptionalText]
    cause_topic: Mapped[str]
    input_partition: Mapped[int]
    trades_offset: Mapped[Long]
    fills_offset: Mapped[Long]
    settings_offset: Mapped[Long]
    # an order written before there was this field comes without it
    instruments_offset: Mapped[int] = mapped_column(BigInteger, server_default="-1")
    created_time: Mapped[Time]
    updated_time: Mapped[Time]


class FillRow(Base):
    """One execution report of the exchange for one of our orders; a trigger keeps one of a lower epoch out.

    Its order may arrive later, through a sink of its own; therefore no foreign key.
    """

    __tablename__ = "fills"
    __table_args__ = (
        one_of("fills", "side", Side),
        one_of("fills", "execution_type", ExecutionType),
        CheckConstraint("quantity >= 0", name="fills_quantity_not_negative"),
        CheckConstraint(
            "cumulative_quantity BETWEEN quantity AND order_quantity", name="fills_cumulative_within_order"
        ),
        Index("fills_by_order", "client_order_id"),
        Index("fills_by_time", "exchange", "symbol", "transaction_time"),
    )

    fill_id: Mapped[str] = mapped_column(primary_key=True)
    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    # one written before there was this field comes without it
    epoch: Mapped[Long] = mapped_column(server_default="0")
    version: Mapped[Long] = mapped_column(server_default="0")
    client_order_id: Mapped[str]
    side: Mapped[str]
    execution_type: Mapped[str]
    price: Mapped[Price]
    quantity: Mapped[Amount]
    cumulative_quantity: Mapped[Amount]
    order_quantity: Mapped[Amount]
    commission: Mapped[Amount]
    trade_id: Mapped[OptionalLong]
    reason: Mapped[OptionalText]
    transaction_time: Mapped[Time]


class CandleRow(Base):
    """The newest revision of one candle; a trigger keeps it from being overwritten by an earlier one."""

    __tablename__ = "candles"
    __table_args__ = (CheckConstraint("low > 0 AND high >= low", name="candles_prices_in_order"),)

    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    interval: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    open_time: Mapped[Time] = mapped_column(primary_key=True)
    open: Mapped[Price]
    high: Mapped[Price]
    low: Mapped[Price]
    close: Mapped[Price]
    volume: Mapped[Volume]
    quote_volume: Mapped[Volume]
    taker_buy_volume: Mapped[Volume]
    trades: Mapped[Long]
    first_trade_id: Mapped[Long]
    last_trade_id: Mapped[Long]
    revision: Mapped[Long]
    complete: Mapped[bool]
    closed: Mapped[bool]


class InstrumentRow(Base):
    """What the exchange says of one instrument; a trigger keeps what it said before from overwriting it."""

    __tablename__ = "instruments"
    __table_args__ = (
        CheckConstraint("tick_size > 0", name="instruments_tick_size_positive"),
        CheckConstraint("step_size > 0", name="instruments_step_size_positive"),
    )

    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    base_asset: Mapped[str]
    quote_asset: Mapped[str]
    exchange_status: Mapped[str]
    tick_size: Mapped[Price]
    min_price: Mapped[Price]
    max_price: Mapped[Price]
    step_size: Mapped[Amount]
    min_quantity: Mapped[Amount]
    max_quantity: Mapped[Amount]
    min_notional: Mapped[Amount]
    updated_time: Mapped[Time]
    # A record that was written before there were these comes without them.
    max_notional: Mapped[Amount] = mapped_column(server_default="0")
    bid_multiplier_up: Mapped[Price] = mapped_column(server_default="0")
    bid_multiplier_down: Mapped[Price] = mapped_column(server_default="0")
    ask_multiplier_up: Mapped[Price] = mapped_column(server_default="0")
    ask_multiplier_down: Mapped[Price] = mapped_column(server_default="0")
    max_position: Mapped[Amount] = mapped_column(server_default="0")


class SettingsRow(Base):
    """What the user decides about one instrument, as the last record of the topic says it."""

    __tablename__ = "settings"
    __table_args__ = (
        one_of("settings", "status", TradingStatus),
        CheckConstraint("chunks > 0", name="settings_chunks_positive"),
        CheckConstraint("budget > 0", name="settings_budget_positive"),
    )

    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    streaming: Mapped[bool]
    status: Mapped[str]
    chunks: Mapped[int]
    budget: Mapped[Amount]
    buy_down_interval: Mapped[Amount]
    profit_interval: Mapped[Amount]
    rebuy_interval: Mapped[Amount]
    fee: Mapped[Amount]
    updated_time: Mapped[Time]
    changed: Mapped[str | None]
    revision: Mapped[Long] = mapped_column(server_default="0")
    notional_limit: Mapped[Amount] = mapped_column(server_default="0")
    orders_limit: Mapped[int] = mapped_column(server_default="0")
    minute_limit: Mapped[int] = mapped_column(server_default="0")
    loss_limit: Mapped[Amount] = mapped_column(server_default="0")
    halted: Mapped[bool] = mapped_column(server_default=false())


class WatchRow(Base):
    """What is to be told of one instrument, as the last record of the topic says it."""

    __tablename__ = "watches"
    __table_args__ = (CheckConstraint("deviation > 0", name="watches_deviation_positive"),)

    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    watched: Mapped[bool]
    kinds: Mapped[str]
    deviation: Mapped[Amount]
    cooldown: Mapped[int]
    coverage: Mapped[int]
    digest_minutes: Mapped[int]
    silence: Mapped[int]
    updated_time: Mapped[Time]
    changed: Mapped[str | None]
    revision: Mapped[Long] = mapped_column(server_default="0")
    apart: Mapped[Amount] = mapped_column(server_default="0.01")
    pair: Mapped[str] = mapped_column(server_default="")
