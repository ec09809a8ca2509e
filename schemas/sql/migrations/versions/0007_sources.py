"""The tables say which topics they are filled from; two instruments may have an order of the same id."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

KEYS = {"orders": "client_order_id", "fills": "fill_id"}


def upgrade() -> None:
    op.create_table(
        "sources",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "topic_id")),
        sa.PrimaryKeyConstraint("name"),
    )
    for table, key in KEYS.items():
        op.drop_constraint(f"{table}_pkey", table)
        op.create_primary_key(f"{table}_pkey", table, [key, "exchange", "symbol"])
