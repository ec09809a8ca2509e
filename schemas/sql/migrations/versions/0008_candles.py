"""Candles; one of a lower revision overwrites none of a higher."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0008"
down_revision = "0007"

PRICE, VOLUME = sa.Numeric(18, 8), sa.Numeric(38, 8)


def upgrade() -> None:
    op.create_table(
        "candles",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("exchange", "symbol")),
        sa.Column("interval", sa.Integer, nullable=False),
        sa.Column("open_time", TIMESTAMP(timezone=True, precision=6), nullable=False),
        *(sa.Column(name, PRICE, nullable=False) for name in ("open", "high", "low", "close")),
        *(sa.Column(name, VOLUME, nullable=False) for name in ("volume", "quote_volume", "taker_buy_volume")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("trades", "first_trade_id", "last_trade_id")),
        sa.Column("revision", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("complete", "closed")),
        sa.PrimaryKeyConstraint("exchange", "symbol", "interval", "open_time"),
        sa.CheckConstraint("low > 0 AND high >= low", name="candles_prices_in_order"),
    )
    op.execute(
        "CREATE FUNCTION candles_keep_newer() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN IF NEW.revision <= OLD.revision THEN RETURN NULL; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER a_keep_newer BEFORE UPDATE ON candles FOR EACH ROW EXECUTE FUNCTION candles_keep_newer()"
    )
