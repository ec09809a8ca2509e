"""`hedgehog watch`: what it can be told."""

from dataclasses import dataclass
from typing import Annotated

import typer

from schemas.watches import AlertKind
from streams.cli.command import complete_symbol, option
from streams.cli.instruments.options import DryRun, Wanted

KINDS = ", ".join(AlertKind)


@dataclass(frozen=True)
class Wishes:
    """What is to be told."""

    deviation: Annotated[
        str | None, option("--deviation", "FRACTION", "Off the average of 5 minutes by more: 0.02 is two percent.")
    ] = None
    apart: Annotated[
        str | None, option("--apart", "FRACTION", "From its price on another exchange by more: 0.01 is one percent.")
    ] = None
    pair: Annotated[
        str | None,
        option("--pair", "BASE/QUOTE", "Compared with those of this pair elsewhere: BTC/USD; none for with nobody."),
    ] = None
    cooldown: Annotated[
        str | None, option("--cooldown", "DURATION", "No alert follows one of its kind for so long: 5m.")
    ] = None
    coverage: Annotated[
        str | None, option("--coverage", "DURATION", "Trades seen for so long before a new high or low is told: 1d.")
    ] = None
    digest: Annotated[str | None, option("--digest", "MINUTES", "A digest each so many minutes; 0 for none.")] = None
    silence: Annotated[
        str | None, option("--silence", "DURATION", "Its feed is silent after so long without a trade; 0s for never.")
    ] = None
    kinds: Annotated[str | None, option("--kinds", "KIND,…", f"The alerts that are wanted, or all: {KINDS}.")] = None


@dataclass(frozen=True)
class ListWatches:
    """Show what is watched, and by which thresholds."""


@dataclass(frozen=True, kw_only=True)
class AddWatch:
    """Watch SYMBOLs: their alerts and digests are told by `hedgehog notify`."""

    wanted: Wanted
    wishes: Wishes
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class RemoveWatch:
    """Watch SYMBOLs no more. What their traders do is told all the same."""

    wanted: Wanted
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class SetWatch:
    """Change what is told of SYMBOLs, while everything runs."""

    wanted: Wanted
    wishes: Wishes
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class SnoozeWatch:
    """Tell nobody of SYMBOLs, of everything without any, for so long; what comes meanwhile is told in one line later.

    It is for every chat and address; a chat's own buttons are for that chat alone.
    """

    duration: Annotated[str, typer.Argument(metavar="DURATION", help="30m, 1h, 2d; off ends it.", show_default=False)]
    symbols: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SYMBOL]...", help="Of these alone.", autocompletion=complete_symbol),
    ] = None
