"""`hedgehog gaps`: what it can be told."""

from dataclasses import dataclass
from typing import Annotated

import typer

from streams.cli.command import complete_symbol

Symbols = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SYMBOL]...", help="XRPUSDT or binance:XRPUSDT, in any case.", autocompletion=complete_symbol
    ),
]


@dataclass(frozen=True)
class ListGaps:
    """List the gaps that are open or lost, the newest last: trades that a stream did not bring."""

    symbols: Symbols = None
    filled: Annotated[bool, typer.Option("--filled", help="Also those that were filled.")] = False


@dataclass(frozen=True)
class FillGaps:
    """Have the producer ask again for the gaps of SYMBOLs that are open or lost.

    Those of a time when an instrument was not streamed are asked for only where SYMBOLs are named.
    """

    symbols: Symbols = None
    everything: Annotated[bool, typer.Option("--all", help="Those of every instrument.")] = False
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Wait so long for the producer.")] = 30
