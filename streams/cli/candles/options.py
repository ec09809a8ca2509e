"""`hedgehog candles`: what it can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.command import option, symbol_option

Symbols = Annotated[list[str], symbol_option("Of this instrument; repeatable.")]
Interval = Annotated[str, option("--interval", "INTERVAL", "1m, 5m, 15m, 1h, 4h or 1d.")]
Since = Annotated[str | None, option("--from", "TIME", "Candles that begin at this ISO 8601 time or later.")]
Until = Annotated[str | None, option("--to", "TIME", "Candles that begin before this ISO 8601 time.")]


@dataclass(frozen=True)
class ListCandles:
    """List the newest candles, the newest last.

    Closed ones, of the trades that were streamed; a minute without trades has none. One is not complete where the first
    trade that was streamed lies within it.
    """

    symbols: Symbols
    interval: Interval = "1m"
    since: Since = None
    until: Until = None
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="The newest so many.")] = 20


@dataclass(frozen=True)
class ExportCandles:
    """Write candles into a file, by instrument and time: CSV or Parquet, as its name ends.

    Prices and volumes are exact decimals, times are UTC.
    """

    path: Annotated[Path, typer.Argument(metavar="FILE", help="A new file: .csv or .parquet.", show_default=False)]
    symbols: Symbols
    interval: Interval = "1m"
    since: Since = None
    until: Until = None
