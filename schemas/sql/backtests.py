"""The tables of saved backtests. The CLI writes them, and nothing ever changes a row.

Money is exact: a product of price, quantity and fee has 24 decimals. Times are UTC, exact to the microsecond.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, Numeric
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from schemas.sql.models import Amount, Base, Long, OptionalLong, OptionalText, Price, Time

Money = Annotated[Decimal, mapped_column(Numeric(60, 24))]
Seconds = Annotated[Decimal, mapped_column(Numeric(24, 6))]
OptionalTime = Annotated[datetime | None, mapped_column(TIMESTAMP(timezone=True, precision=6))]
Run = Annotated[int, mapped_column(BigInteger, ForeignKey("backtest_runs.run_id", ondelete="CASCADE"))]
SIDES = "side IN ('BUY', 'SELL')"
PARTS = "part IN ('all', 'train', 'test')"


class BacktestRun(Base):
    """One setting on the trades of one instrument, and what came of it.

    The runs that one command saved have the `batch_id` of the first of them. `rank` is the place among the best of a
    sweep, `part` the trades of a sweep that chose by one part and tested on another. `options` are those of the engine
    and of the sweep that the columns do not have.
    """

    __tablename__ = "backtest_runs"
    __table_args__ = (
        CheckConstraint(PARTS, name="backtest_runs_part_known"),
        CheckConstraint("trades > 0", name="backtest_runs_trades_positive"),
        Index("backtest_runs_by_symbol", "exchange", "symbol", "run_id"),
        Index("backtest_runs_by_name", "name"),
    )

    run_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    batch_id: Mapped[Long]
    command: Mapped[str]
    name: Mapped[OptionalText]
    rank: Mapped[int | None] = mapped_column(Integer)
    part: Mapped[str]
    saved_time: Mapped[Time]
    code_version: Mapped[str]
    engine: Mapped[str]
    engine_seconds: Mapped[Seconds]
    seed: Mapped[OptionalLong]
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)

    exchange: Mapped[str]
    symbol: Mapped[str]
    source: Mapped[str]
    fingerprint: Mapped[str]
    trades: Mapped[Long]
    unreadable_records: Mapped[Long]
    first_trade: Mapped[Time]
    last_trade: Mapped[Time]

    base_asset: Mapped[str]
    quote_asset: Mapped[str]
    tick_size: Mapped[Price]
    min_price: Mapped[Price]
    max_price: Mapped[Price]
    step_size: Mapped[Amount]
    min_quantity: Mapped[Amount]
    max_quantity: Mapped[Amount]
    min_notional: Mapped[Amount]
    # Runs that were saved before there were these had none.
    max_notional: Mapped[Amount] = mapped_column(server_default="0")
    bid_multiplier_up: Mapped[Price] = mapped_column(server_default="0")
    bid_multiplier_down: Mapped[Price] = mapped_column(server_default="0")
    ask_multiplier_up: Mapped[Price] = mapped_column(server_default="0")
    ask_multiplier_down: Mapped[Price] = mapped_column(server_default="0")
    max_position: Mapped[Amount] = mapped_column(server_default="0")
    chunks: Mapped[int]
    budget: Mapped[Amount]
    buy_down_interval: Mapped[Amount]
    profit_interval: Mapped[Amount]
    rebuy_interval: Mapped[Amount]
    fee: Mapped[Amount]
    notional_limit: Mapped[Amount] = mapped_column(server_default="0")
    orders_limit: Mapped[int] = mapped_column(server_default="0")
    minute_limit: Mapped[int] = mapped_column(server_default="0")
    loss_limit: Mapped[Amount] = mapped_column(server_default="0")

    orders: Mapped[Long]
    rejected: Mapped[Long]
    filled: Mapped[Long]
    cycles: Mapped[Long]
    wins: Mapped[Long]
    losses: Mapped[Long]
    realised_profit: Mapped[Money]
    unrealised_profit: Mapped[Money]
    fees: Mapped[Money]
    open_position: Mapped[Amount]
    position_value: Mapped[Money]
    net_profit: Mapped[Money]
    buy_and_hold: Mapped[Money]
    max_drawdown: Mapped[Money]
    seconds_in_market: Mapped[Seconds]
    seconds_in_all: Mapped[Seconds]
    largest_exposure: Mapped[Amount]
    average_exposure: Mapped[Amount]


class BacktestOrder(Base):
    """One order of a run, numbered from 0 as they were placed; `…_at` count the trades of the run from 0."""

    __tablename__ = "backtest_orders"
    __table_args__ = (
        CheckConstraint(SIDES, name="backtest_orders_side_known"),
        CheckConstraint("executed_quantity BETWEEN 0 AND quantity", name="backtest_orders_executed_within_quantity"),
    )

    run_id: Mapped[Run] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    trader: Mapped[Long]
    side: Mapped[str]
    price: Mapped[Price]
    quantity: Mapped[Amount]
    executed_quantity: Mapped[Amount]
    status: Mapped[str]
    placed_at: Mapped[Long]
    placed_time: Mapped[Time]
    filled_at: Mapped[OptionalLong]
    filled_time: Mapped[OptionalTime]


class BacktestEquity(Base):
    """The course of a run at some of its trades: the first, the last, the ends of the deepest fall, and others."""

    __tablename__ = "backtest_equity"

    run_id: Mapped[Run] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    time: Mapped[Time]
    price: Mapped[Price]
    net_profit: Mapped[Money]
    drawdown: Mapped[Money]
    position_value: Mapped[Money]
