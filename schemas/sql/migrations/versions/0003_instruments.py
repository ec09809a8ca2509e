"""What the exchange says of an instrument moves from the settings into a table of its own."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0003"
down_revision = "0002"

PRICE = sa.Numeric(18, 8)
AMOUNT = sa.Numeric(28, 8)
TIME = TIMESTAMP(timezone=True, precision=6)

MOVED = (
    *("base_asset", "quote_asset", "exchange_status", "tick_size", "min_price", "max_price"),
    *("step_size", "min_quantity", "max_quantity", "min_notional"),
)
"""The columns that leave the settings."""


def columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def upgrade() -> None:
    create_instruments()
    split_settings()
    # An order may come to its table after this that was written before it: the sink then leaves the column out.
    op.add_column("orders", sa.Column("instruments_offset", sa.BigInteger, nullable=False, server_default="-1"))


def create_instruments() -> None:
    op.create_table(
        "instruments",
        *columns(sa.Text(), "exchange", "symbol", "base_asset", "quote_asset", "exchange_status"),
        *columns(PRICE, "tick_size", "min_price", "max_price"),
        *columns(AMOUNT, "step_size", "min_quantity", "max_quantity", "min_notional"),
        *columns(TIME, "updated_time"),
        sa.PrimaryKeyConstraint("exchange", "symbol"),
        sa.CheckConstraint("tick_size > 0", name="instruments_tick_size_positive"),
        sa.CheckConstraint("step_size > 0", name="instruments_step_size_positive"),
    )
    # as the settings have them, see revision 0001
    op.execute(
        "CREATE FUNCTION instruments_keep_newer() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN IF NEW.updated_time < OLD.updated_time THEN RETURN NULL; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER a_keep_newer BEFORE UPDATE ON instruments "
        "FOR EACH ROW EXECUTE FUNCTION instruments_keep_newer()"
    )
    op.execute(
        "CREATE TRIGGER b_keep_equal BEFORE UPDATE ON instruments "
        "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    )


def split_settings() -> None:
    into = ", ".join(("exchange", "symbol", *MOVED, "updated_time"))
    op.execute(f"INSERT INTO instruments ({into}) SELECT {into} FROM settings")  # noqa: S608
    for name in MOVED:
        op.drop_column("settings", name)
