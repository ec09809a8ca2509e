"""The tables of saved backtests."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0002"
down_revision = "0001"

PRICE = sa.Numeric(18, 8)
AMOUNT = sa.Numeric(28, 8)
MONEY = sa.Numeric(60, 24)
SECONDS = sa.Numeric(24, 6)
TIME = TIMESTAMP(timezone=True, precision=6)


def columns(kind: sa.types.TypeEngine[Any], *names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=nullable) for name in names]


def run_id() -> sa.Column[Any]:
    runs = sa.ForeignKey("backtest_runs.run_id", ondelete="CASCADE")
    return sa.Column("run_id", sa.BigInteger, runs, nullable=False)


def upgrade() -> None:
    create_runs()
    create_orders()
    create_equity()


def create_runs() -> None:
    op.create_table(
        "backtest_runs",
        sa.Column("run_id", sa.BigInteger, sa.Identity(), nullable=False),
        *(*columns(sa.BigInteger(), "batch_id"), *columns(sa.Text(), "command", "part", "code_version", "engine")),
        *columns(sa.Text(), "name", nullable=True),
        *columns(sa.Integer(), "rank", nullable=True),
        *columns(sa.BigInteger(), "seed", nullable=True),
        *columns(JSONB(), "options"),
        *columns(TIME, "saved_time", "first_trade", "last_trade"),
        *columns(sa.Text(), "exchange", "symbol", "source", "fingerprint", "base_asset", "quote_asset"),
        *columns(sa.BigInteger(), "trades", "unreadable_records"),
        *columns(PRICE, "tick_size", "min_price", "max_price"),
        *columns(AMOUNT, "step_size", "min_quantity", "max_quantity", "min_notional"),
        *columns(sa.Integer(), "chunks"),
        *columns(AMOUNT, "budget", "buy_down_interval", "profit_interval", "rebuy_interval", "fee"),
        *columns(sa.BigInteger(), "orders", "rejected", "filled", "cycles", "wins", "losses"),
        *columns(MONEY, "realised_profit", "unrealised_profit", "fees", "position_value"),
        *columns(MONEY, "net_profit", "buy_and_hold", "max_drawdown"),
        *columns(AMOUNT, "open_position", "largest_exposure", "average_exposure"),
        *columns(SECONDS, "engine_seconds", "seconds_in_market", "seconds_in_all"),
        sa.PrimaryKeyConstraint("run_id"),
        sa.CheckConstraint("part IN ('all', 'train', 'test')", name="backtest_runs_part_known"),
        sa.CheckConstraint("trades > 0", name="backtest_runs_trades_positive"),
    )
    op.create_index("backtest_runs_by_symbol", "backtest_runs", ["exchange", "symbol", "run_id"])
    op.create_index("backtest_runs_by_name", "backtest_runs", ["name"])


def create_orders() -> None:
    op.create_table(
        "backtest_orders",
        *(run_id(), *columns(sa.BigInteger(), "number", "trader", "placed_at")),
        *columns(sa.Text(), "side", "status"),
        *(*columns(PRICE, "price"), *columns(AMOUNT, "quantity", "executed_quantity"), *columns(TIME, "placed_time")),
        *columns(sa.BigInteger(), "filled_at", nullable=True),
        *columns(TIME, "filled_time", nullable=True),
        sa.PrimaryKeyConstraint("run_id", "number"),
        sa.CheckConstraint("side IN ('BUY', 'SELL')", name="backtest_orders_side_known"),
        sa.CheckConstraint("executed_quantity BETWEEN 0 AND quantity", name="backtest_orders_executed_within_quantity"),
    )


def create_equity() -> None:
    op.create_table(
        "backtest_equity",
        *(run_id(), *columns(sa.BigInteger(), "at"), *columns(TIME, "time"), *columns(PRICE, "price")),
        *columns(MONEY, "net_profit", "drawdown", "position_value"),
        sa.PrimaryKeyConstraint("run_id", "at"),
    )
