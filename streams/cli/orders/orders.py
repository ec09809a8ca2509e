"""`hedgehog orders`: our orders as Postgres has them."""

from infra.config import load_config
from streams.cli.endpoints import need_database
from streams.cli.orders.options import ListOrders
from streams.cli.orders.rows import newest, parse_statuses
from streams.cli.output import Output

COLUMNS = (
    "order",
    "side",
    "status",
    "price",
    "quantity",
    "executed_quantity",
    "created_time",
    "updated_time",
    "reason",
    "client_order_id",
)


def list_orders(asked: ListOrders, out: Output) -> None:
    """Show the newest orders, the newest last; `BadValue` for a status or a symbol that there is not."""
    wanted = parse_statuses(asked.statuses or [])
    config = load_config()
    need_database(config)
    out.rows(
        newest(config, asked.symbols or [], wanted, asked.limit),
        COLUMNS,
        empty="no such orders" if asked.symbols or asked.statuses else "no orders yet; see hedgehog trading status",
    )
