"""Limits of what an instrument may order and lose, and whether a halt has switched it off."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

MONEY = ("notional_limit", "loss_limit")
ORDERS = ("orders_limit", "minute_limit")


def upgrade() -> None:
    # what was written before comes without them: the sink then leaves the columns out
    for table in ("settings", "backtest_runs"):
        for names, number in ((MONEY, sa.Numeric(28, 8)), (ORDERS, sa.Integer)):
            for name in names:
                op.add_column(table, sa.Column(name, number, nullable=False, server_default="0"))
    op.add_column("settings", sa.Column("halted", sa.Boolean, nullable=False, server_default=sa.false()))
