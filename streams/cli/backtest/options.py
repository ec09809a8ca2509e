"""The options that `hedgehog backtest` commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Engine(StrEnum):
    """Both give the same orders."""

    FAST = "fast"
    REFERENCE = "reference"


class Objective(StrEnum):
    """What a sweep looks for the most of."""

    NET = "net"
    CYCLES = "cycles"
    DRAWDOWN = "drawdown"


def option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


Symbol = Annotated[str, option("--symbol", "SYMBOL", "XRPUSDT or binance:XRPUSDT, in any case.")]
Symbols = Annotated[list[str], option("--symbol", "SYMBOL", "XRPUSDT or binance:XRPUSDT, in any case; repeatable.")]
Files = Annotated[
    list[Path] | None,
    option(
        "--file", "FILE", "Trades: .csv, .csv.gz, .zip, .parquet or an archive's folder; repeatable, in their order."
    ),
]
Topic = Annotated[
    bool, typer.Option("--topic", help="The topic of trades; --from and --to are when they were written to it.")
]
Since = Annotated[str | None, option("--from", "TIME", "From this ISO 8601 time on, UTC.")]
Until = Annotated[str | None, option("--to", "TIME", "Before this ISO 8601 time, UTC.")]
Offsets = Annotated[
    list[str] | None,
    option("--offsets", "PARTITION:START:END", "Of the topic, END not included; one for each symbol's partition."),
]
SettingsFrom = Annotated[
    str | None,
    option(
        "--settings", "FILE|live", "Settings as hedgehog settings show --json prints them, or .csv; or the live ones."
    ),
]
Latency = Annotated[
    str | None, option("--latency-ms", "MS", "How long an order is on its way to the exchange, in the trades' time.")
]
Limited = Annotated[
    bool, typer.Option("--limited-fills", help="Orders fill by no more than was traded, not at once as a whole.")
]
Report = Annotated[
    Path | None, option("--report", "FILE.html", "Write charts, cycles and numbers as one page that needs no network.")
]
Tick = Annotated[str | None, option("--tick", "NUMBER", "Smallest step of a price.")]
Step = Annotated[str | None, option("--step", "NUMBER", "Smallest step of a quantity.")]
Budget = Annotated[str | None, option("--budget", "NUMBER", "Quote asset for all chunks together.")]
Fee = Annotated[str | None, option("--fee", "NUMBER", "Commission of one order, as a fraction.")]
Save = Annotated[bool, typer.Option("--save", help="Keep it in Postgres; see list, show, compare.")]
Name = Annotated[str | None, option("--name", "NAME", "Keep it under this name.")]
