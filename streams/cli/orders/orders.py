"""`hedgehog orders`: our orders as Postgres has them."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from typing import Annotated

import typer

from streams.cli.endpoints import configuration, need_database
from streams.cli.instruments.select import complete_symbol
from streams.cli.output import Json, out

app = typer.Typer(help="Our orders, as Postgres has them.", no_args_is_help=True)

COLUMNS = (
    "client_order_id",
    "instrument",
    "side",
    "status",
    "price",
    "quantity",
    "executed_quantity",
    "created_time",
    "updated_time",
    "reason",
)


@app.command("list")
def list_orders(
    symbols: Annotated[
        list[str] | None,
        typer.Option(
            "--symbol", metavar="SYMBOL", autocompletion=complete_symbol, help="Of this instrument; repeatable."
        ),
    ] = None,
    statuses: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="STATUS", help="open, NEW, FILLED, CANCELED, REJECTED, …; repeatable."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="The newest so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List the newest orders, the newest last."""
    from streams.cli.orders.rows import newest, parse_statuses

    wanted = parse_statuses(statuses or [])
    config = configuration()
    need_database(config)
    out.rows(
        newest(config, symbols or [], wanted, limit),
        COLUMNS,
        empty="no such orders" if symbols or statuses else "no orders yet; see hedgehog trading status",
    )
