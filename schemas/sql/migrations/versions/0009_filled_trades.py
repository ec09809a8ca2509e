"""Trades say whether they were missing from the stream and asked for later."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # Records that were written before come to the table without it: the sink then leaves the column out.
    op.add_column("trades", sa.Column("filled", sa.Boolean, nullable=False, server_default=sa.false()))
