"""Fills carry their place among all that a book has made."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Records that were written before come to their table without it: the sink then leaves the column out.
    op.add_column("fills", sa.Column("version", sa.BigInteger, nullable=False, server_default="0"))
