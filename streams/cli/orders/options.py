"""`hedgehog orders`, `audit` and `explain`: what they can be told."""

from dataclasses import dataclass
from typing import Annotated

import typer

from streams.cli.command import symbol_option

Symbols = Annotated[list[str] | None, symbol_option("Of this instrument; repeatable.")]


@dataclass(frozen=True)
class ListOrders:
    """List the newest orders, the newest last."""

    symbols: Symbols = None
    statuses: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="STATUS", help="open, NEW, FILLED, CANCELED, REJECTED, …; repeatable."),
    ] = None
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="The newest so many.")] = 20


@dataclass(frozen=True)
class Audit:
    """Replay what was recorded, in its recorded interleaving, and compare it with the recorded orders and fills.

    The pipeline should be at rest: a trade that no worker has seen yet counts as seen. What is proven is kept in the
    data directory, and the next audit goes on from there.
    """

    symbols: Symbols = None
    everything: Annotated[bool, typer.Option("--all", help="All of it, what was proven before too.")] = False
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="From the checkpoints before this time on (ISO 8601).")
    ] = None


@dataclass(frozen=True)
class Explain:
    """Explain an order: replay the recorded inputs up to each that changed it, and show what it did and why.

    Exit code 1 where the replay gives another order than was recorded.
    """

    order: Annotated[
        str, typer.Argument(metavar="ORDER", help="A client order id; binance:XRPUSDT:12:B: the newest of trader 12.")
    ]
