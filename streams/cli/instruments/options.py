"""`hedgehog settings`, `streaming` and `trading`: what they can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from schemas.parameters import FIELDS
from streams.cli.command import ParameterOptions, Typed, complete_symbol

SYMBOLS = "XRPUSDT, binance:XRPUSDT, coinbase:BTC-USD: in any case, with or without the dash."
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(frozen=True)
class Wanted:
    """Which instruments a command is about."""

    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SYMBOL]...",
            help=SYMBOLS,
            autocompletion=complete_symbol,
        ),
    ] = None
    everything: Annotated[bool, typer.Option("--all", help="Every instrument.")] = False


@dataclass(frozen=True)
class Seed:
    """Write what the exchanges say of all their symbols; what is odd is left out, what the user sets not touched."""

    from_exchange: Annotated[
        bool, typer.Option("--from-exchange", help="Ask the exchange (HEDGEHOG_…_REST_URL); the default.")
    ] = False
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="A saved answer, .gz or not: of binance unless --exchange says."),
    ] = None
    exchange: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Seed this one only; repeatable.")] = None
    dry_run: DryRun = False


@dataclass(frozen=True)
class Show:
    """Show the settings of SYMBOLs, or of every instrument."""

    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SYMBOL]...",
            help=SYMBOLS,
            autocompletion=complete_symbol,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Set:
    """Change the settings of SYMBOLs: exact plain decimals. Running traders keep the orders they have."""

    wanted: Wanted
    parameters: Annotated[Typed, ParameterOptions(FIELDS, "NUMBER")]
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class StartStreaming:
    """Stream the trades of SYMBOLs; it holds over restarts. `hedgehog produce` does the streaming."""

    wanted: Wanted
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class StopStreaming:
    """Stop streaming the trades of SYMBOLs. Their orders stay as they are: without trades nothing happens."""

    wanted: Wanted
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class StreamingStatus:
    """Show what is streamed; with SYMBOLs or --all also what is not."""

    wanted: Wanted


@dataclass(frozen=True, kw_only=True)
class StartTrading:
    """Trade SYMBOLs by their settings, from the next market trade on."""

    wanted: Wanted
    dry_run: DryRun = False
    yes: Yes = False


@dataclass(frozen=True, kw_only=True)
class StopTrading:
    """Stop SYMBOLs at once: no trader runs, open orders are cancelled, what was bought stays bought."""

    wanted: Wanted
    dry_run: DryRun = False
    yes: Yes = False


@dataclass(frozen=True, kw_only=True)
class ShutDownTrading:
    """Let the running traders of SYMBOLs finish, start none, then off. Instruments that are off stay off."""

    wanted: Wanted
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class HaltTrading:
    """Stop SYMBOLs, or all that is traded, without a question, and keep them stopped until each is started by name.

    Told as done when the settings of every one say so: they hold over restarts, and the exchange's book drops open
    orders by them whether a worker runs or not.
    """

    wanted: Wanted


@dataclass(frozen=True, kw_only=True)
class TradingStatus:
    """Show what is set and what the leaders say of themselves; SYMBOLs or --all show instruments that are off."""

    wanted: Wanted


@dataclass(frozen=True)
class Positions:
    """Show what live trading holds, what that has cost, and what was earned; of SYMBOLs, or of all that was traded.

    As the leaders have added it up, right after each fill they take, and after a stop: costs with the fee of buying,
    profits after the fees of both sides. Unrealised is what is held at the newest price, less its cost.
    """

    symbols: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SYMBOL]...", help=SYMBOLS, autocompletion=complete_symbol),
    ] = None
