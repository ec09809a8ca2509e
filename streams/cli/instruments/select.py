"""The instruments a command is about: read from their topics, picked by symbol, written back in one go."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.errors import BadValue
from streams.cli.output import out

if TYPE_CHECKING:
    from infra.config import Config
    from schemas.records import Setup
    from streams.cli.instruments.changes import Change


def complete_symbol(incomplete: str) -> list[str]:
    """Symbols for the shell's completion, in the case in which they were begun; none when they cannot be read."""
    from streams.cli.endpoints import with_settings

    try:
        symbols = [setup.instrument.symbol for setup in read(with_settings()).values()]
    except Exception:  # the shell shows whatever is printed here: nothing is better
        return []
    typed = [symbol.lower() for symbol in symbols] if incomplete.islower() else symbols
    return [symbol for symbol in typed if symbol.startswith(incomplete)]


Symbols = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SYMBOL]...", help="XRPUSDT or binance:XRPUSDT, in any case.", autocompletion=complete_symbol
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every instrument.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def read(config: "Config") -> "dict[str, Setup]":
    """All instruments with their settings by key, in the order of the keys."""
    from producers.settings_topic import read_setups

    return dict(sorted(read_setups(config).items()))


def pick(known: "Mapping[str, Setup]", symbols: Sequence[str] | None, everything: bool) -> "list[Setup]":
    """The instruments of the symbols typed, or all of them; one of the two has to be asked for."""
    from streams.cli.instruments.symbols import resolve

    if everything and symbols:
        raise BadValue(f"--all or symbols, not both: {' '.join(symbols)}")
    if not everything and not symbols:
        raise BadValue("no symbol given", hint="name symbols such as XRPUSDT, or --all")
    if everything and known:
        return list(known.values())
    return [known[key] for key in resolve(symbols or [], known)]


def confirm(question: str, yes: bool) -> None:
    """Ask before something that is hard to undo; without a terminal `--yes` has to say it."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadValue(f"{question} Without a terminal to ask on, --yes is needed.")
    if not typer.confirm(question, err=True):
        raise typer.Abort


def apply(
    config: "Config",
    picked: "Sequence[Setup]",
    values: Mapping[str, Any],
    *,
    dry_run: bool,
    row: "Callable[[Change], dict[str, Any]]",
    columns: Sequence[str],
    unchanged: str,
) -> "list[Change]":
    """Change the settings of `picked`, write what differs at once, and show it; what was changed (or would be)."""
    from producers.settings_topic import write
    from streams.cli.instruments.changes import changes

    made = changes(picked, values, time.time_ns() // 1_000)
    if made and not dry_run:
        write(config, [change.after for change in made])
    out.rows([row(change) for change in made], columns, empty=unchanged)
    if made and dry_run:
        out.note(f"dry run: {len(made)} instruments would change, nothing was written")
    return made
