"""How far apart the prices of an instrument on two exchanges may be, and under which pair they are compared."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("watches", sa.Column("apart", sa.Numeric(28, 8), nullable=False, server_default="0.01"))
    op.add_column("watches", sa.Column("pair", sa.Text, nullable=False, server_default=""))
