"""Settings and instruments follow the order of their topics, not the clocks of those who wrote them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("instruments", "settings"):
        op.execute(f"DROP TRIGGER a_keep_newer ON {table}")
        op.execute(f"DROP FUNCTION {table}_keep_newer()")
    op.add_column("settings", sa.Column("changed", sa.Text))
    op.add_column("settings", sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"))
