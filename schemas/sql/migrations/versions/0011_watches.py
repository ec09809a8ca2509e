"""What the user wants to be told of each instrument."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "watches",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("exchange", "symbol")),
        sa.Column("watched", sa.Boolean, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("deviation", sa.Numeric(28, 8), nullable=False),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("cooldown", "coverage", "digest_minutes", "silence")
        ),
        sa.Column("updated_time", TIMESTAMP(timezone=True, precision=6), nullable=False),
        sa.Column("changed", sa.Text),
        sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("exchange", "symbol"),
        sa.CheckConstraint("deviation > 0", name="watches_deviation_positive"),
    )
    # redelivery writes no row anew, see revision 0001
    op.execute(
        "CREATE TRIGGER b_keep_equal BEFORE UPDATE ON watches "
        "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    )
