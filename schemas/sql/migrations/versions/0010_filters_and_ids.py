"""Instruments and backtests say more of what is forbidden; trades whose ids begin anew have rows of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

AMOUNTS = ("max_notional", "max_position")
PRICES = ("bid_multiplier_up", "bid_multiplier_down", "ask_multiplier_up", "ask_multiplier_down")


def upgrade() -> None:
    for table in ("instruments", "backtest_runs"):
        # What was written before comes without them: the sink then leaves the columns out.
        for names, number in ((AMOUNTS, sa.Numeric(28, 8)), (PRICES, sa.Numeric(18, 8))):
            for name in names:
                op.add_column(table, sa.Column(name, number, nullable=False, server_default="0"))
    op.drop_constraint("trades_pkey", "trades")
    op.create_primary_key("trades_pkey", "trades", ["exchange", "symbol", "trade_id", "trade_time"])
