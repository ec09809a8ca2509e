"""The four tables and the triggers that make redelivery harmless."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0001"
down_revision = None

PRICE = sa.Numeric(18, 8)
AMOUNT = sa.Numeric(28, 8)
TIME = TIMESTAMP(timezone=True, precision=6)
SIDES = "side IN ('BUY', 'SELL')"


def text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def long(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def number(name: str, kind: sa.types.TypeEngine[Any] = AMOUNT) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def upgrade() -> None:
    create_trades()
    create_orders()
    create_fills()
    create_settings()
    create_triggers()


def create_trades() -> None:
    op.create_table(
        "trades",
        *(text("exchange"), text("symbol"), long("trade_id")),
        *(number("price", PRICE), number("quantity")),
        *(number("trade_time", TIME), number("event_time", TIME), number("received_time", TIME)),
        *(flag("buyer_is_maker"), long("buyer_order_id", True), long("seller_order_id", True)),
        sa.PrimaryKeyConstraint("exchange", "symbol", "trade_id"),
        sa.CheckConstraint("price > 0", name="trades_price_positive"),
        sa.CheckConstraint("quantity > 0", name="trades_quantity_positive"),
    )
    op.create_index(
        "trades_by_time",
        "trades",
        ["trade_time"],
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on"},
    )


def create_orders() -> None:
    op.create_table(
        "orders",
        *(text("client_order_id"), text("exchange"), text("symbol"), long("version"), long("trader")),
        *(text("side"), text("time_in_force"), text("status")),
        *(number("price", PRICE), number("quantity"), number("executed_quantity")),
        *(flag("cancel_requested"), text("reason", True), text("cause_topic")),
        number("input_partition", sa.Integer()),
        *(long("trades_offset"), long("fills_offset"), long("settings_offset")),
        *(number("created_time", TIME), number("updated_time", TIME)),
        sa.PrimaryKeyConstraint("client_order_id"),
        sa.CheckConstraint(SIDES, name="orders_side_known"),
        sa.CheckConstraint(
            "status IN ('NEW', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED', 'REJECTED', 'EXPIRED')",
            name="orders_status_known",
        ),
        sa.CheckConstraint("price >= 0", name="orders_price_not_negative"),
        sa.CheckConstraint("executed_quantity BETWEEN 0 AND quantity", name="orders_executed_within_quantity"),
    )
    op.create_index("orders_by_time", "orders", ["exchange", "symbol", "created_time"])
    op.create_index("orders_by_update", "orders", ["updated_time"])
    op.create_index(
        "orders_open",
        "orders",
        ["exchange", "symbol"],
        postgresql_where=sa.text("status IN ('NEW', 'PARTIALLY_FILLED')"),
    )


def create_fills() -> None:
    op.create_table(
        "fills",
        *(text("fill_id"), text("exchange"), text("symbol"), text("client_order_id")),
        *(text("side"), text("execution_type")),
        *(number("price", PRICE), number("quantity"), number("cumulative_quantity")),
        *(number("order_quantity"), number("commission")),
        *(long("trade_id", True), text("reason", True), number("transaction_time", TIME)),
        sa.PrimaryKeyConstraint("fill_id"),
        sa.CheckConstraint(SIDES, name="fills_side_known"),
        sa.CheckConstraint(
            "execution_type IN ('TRADE', 'CANCELED', 'REJECTED', 'EXPIRED')", name="fills_execution_type_known"
        ),
        sa.CheckConstraint("quantity >= 0", name="fills_quantity_not_negative"),
        sa.CheckConstraint(
            "cumulative_quantity BETWEEN quantity AND order_quantity", name="fills_cumulative_within_order"
        ),
    )
    op.create_index("fills_by_order", "fills", ["client_order_id"])
    op.create_index("fills_by_time", "fills", ["exchange", "symbol", "transaction_time"])


def create_settings() -> None:
    op.create_table(
        "settings",
        *(text("exchange"), text("symbol"), text("base_asset"), text("quote_asset"), text("exchange_status")),
        *(number("tick_size", PRICE), number("min_price", PRICE), number("max_price", PRICE)),
        *(number("step_size"), number("min_quantity"), number("max_quantity"), number("min_notional")),
        *(flag("streaming"), text("status"), number("chunks", sa.Integer()), number("budget")),
        *(number("buy_down_interval"), number("profit_interval"), number("rebuy_interval"), number("fee")),
        number("updated_time", TIME),
        sa.PrimaryKeyConstraint("exchange", "symbol"),
        sa.CheckConstraint("status IN ('on', 'off', 'shutdown')", name="settings_status_known"),
        sa.CheckConstraint("tick_size > 0", name="settings_tick_size_positive"),
        sa.CheckConstraint("step_size > 0", name="settings_step_size_positive"),
        sa.CheckConstraint("chunks > 0", name="settings_chunks_positive"),
        sa.CheckConstraint("budget > 0", name="settings_budget_positive"),
    )


def create_triggers() -> None:
    """A BEFORE UPDATE trigger that returns NULL leaves the row as it is, and the sink none the wiser.

    Triggers of one table fire in the order of their names: first the one that keeps the older from overwriting the
    newer, then PostgreSQL's own, which drops updates that would change nothing: redelivery writes no row anew.
    """
    for table, older in (
        ("orders", "NEW.version <= OLD.version"),
        ("settings", "NEW.updated_time < OLD.updated_time"),
    ):
        op.execute(
            f"CREATE FUNCTION {table}_keep_newer() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN IF {older} THEN RETURN NULL; END IF; RETURN NEW; END $$"
        )
        op.execute(
            f"CREATE TRIGGER a_keep_newer BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_keep_newer()"
        )
    for table in ("trades", "fills", "settings"):
        op.execute(
            f"CREATE TRIGGER b_keep_equal BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        )
