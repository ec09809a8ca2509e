"""The options that `hedgehog backtest run` and `sweep` share, in groups."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from schemas.parameters import FIELDS, HELD, SWEPT, Parameter, Unit
from streams.cli.command import ParameterOptions, Typed, option


class Engine(StrEnum):
    """Both give the same orders."""

    FAST = "fast"
    REFERENCE = "reference"


class Objective(StrEnum):
    """What a sweep looks for the most of."""

    NET = "net"
    CYCLES = "cycles"
    DRAWDOWN = "drawdown"


@dataclass(frozen=True)
class TradesFrom:
    """Where the trades are, which part of them is wanted, and where settings come from that are not typed."""

    files: Annotated[
        list[Path] | None,
        option(
            "--file",
            "FILE",
            "Trades: .csv, .csv.gz, .zip, .parquet, a folder of these, an archive, or a quoted pattern; repeatable.",
        ),
    ] = None
    topic: Annotated[
        bool, typer.Option("--topic", help="The topic of trades; --from and --to are when they were written to it.")
    ] = False
    since: Annotated[str | None, option("--from", "TIME", "From this ISO 8601 time on, UTC.")] = None
    until: Annotated[str | None, option("--to", "TIME", "Before this ISO 8601 time, UTC.")] = None
    offsets: Annotated[
        list[str] | None,
        option("--offsets", "PARTITION:START:END", "Of the topic, END not included; one for each symbol's partition."),
    ] = None
    settings_from: Annotated[
        str | None,
        option(
            "--settings",
            "FILE|live",
            "Settings as hedgehog settings show --json prints them, or .csv; or the live ones.",
        ),
    ] = None


BID = "{} price of a BUY, as a multiple of the market price."
ASK = "{} price of a SELL, as a multiple of the market price."


@dataclass(frozen=True)
class Filters:
    """What the exchange says of the instrument, as far as it is needed; but for tick and step, 0 limits nothing."""

    tick: Annotated[str | None, option("--tick", "NUMBER", "Smallest step of a price.")] = None
    step: Annotated[str | None, option("--step", "NUMBER", "Smallest step of a quantity.")] = None
    min_notional: Annotated[str | None, option("--min-notional", "NUMBER", "What an order is worth at least.")] = None
    max_notional: Annotated[str | None, option("--max-notional", "NUMBER", "What an order is worth at most.")] = None
    min_price: Annotated[str | None, option("--min-price", "NUMBER", "Lowest price of an order.")] = None
    max_price: Annotated[str | None, option("--max-price", "NUMBER", "Highest price of an order.")] = None
    min_quantity: Annotated[str | None, option("--min-quantity", "NUMBER", "Smallest quantity of an order.")] = None
    max_quantity: Annotated[str | None, option("--max-quantity", "NUMBER", "Largest quantity of an order.")] = None
    bid_multiplier_down: Annotated[str | None, option("--bid-multiplier-down", "NUMBER", BID.format("Lowest"))] = None
    bid_multiplier_up: Annotated[str | None, option("--bid-multiplier-up", "NUMBER", BID.format("Highest"))] = None
    ask_multiplier_down: Annotated[str | None, option("--ask-multiplier-down", "NUMBER", ASK.format("Lowest"))] = None
    ask_multiplier_up: Annotated[str | None, option("--ask-multiplier-up", "NUMBER", ASK.format("Highest"))] = None
    max_position: Annotated[str | None, option("--max-position", "NUMBER", "Most that may be held and bought.")] = None


def values_help(parameter: Parameter) -> str:
    """Return how several values of a parameter are typed."""
    if parameter.unit is Unit.TRADERS:
        return "5, or 1,3,5, or 1:9:2 with both ends."
    return "0.001, or 0.001,0.002, or 0.0005:0.003:0.0005 with both ends."


Parameters = Annotated[Typed, ParameterOptions(FIELDS, "NUMBER")]
"""One value of each parameter of the strategy."""
Held = Annotated[Typed, ParameterOptions(HELD, "NUMBER")]
"""The parameters of which a sweep tries one value only."""
Axes = Annotated[Typed, ParameterOptions(SWEPT, "VALUES", values_help)]
"""The values to try of each other parameter."""


@dataclass(frozen=True)
class Filling:
    """How orders are executed."""

    latency_ms: Annotated[
        str | None,
        option("--latency-ms", "MS", "How long an order is on its way to the exchange, in the trades' time."),
    ] = None
    limited_fills: Annotated[
        bool, typer.Option("--limited-fills", help="Orders fill by no more than was traded, not at once as a whole.")
    ] = False


@dataclass(frozen=True)
class Keeping:
    """Where the results are kept."""

    report: Annotated[
        Path | None,
        option("--report", "FILE.html", "Write charts, cycles and numbers as one page that needs no network."),
    ] = None
    save: Annotated[bool, typer.Option("--save", help="Keep it in Postgres; see list, show, compare.")] = False
    name: Annotated[str | None, option("--name", "NAME", "Keep it under this name.")] = None
