"""The commands of `hedgehog orders`, `audit` and `explain`, and what does their work."""

import typer

from streams.cli.command import command
from streams.cli.orders.options import ListOrders

orders = typer.Typer()
command(orders, "list", ListOrders, "streams.cli.orders.orders:list_orders")
