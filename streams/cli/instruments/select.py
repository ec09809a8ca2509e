"""The instruments a command is about: read from their topics, picked by symbol, their settings written in one go."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from infra.config import Config
from producers.settings_topic import change, read_setups
from schemas.records import Setup
from streams.cli.errors import BadValue
from streams.cli.instruments.changes import Change, changes
from streams.cli.instruments.options import Wanted
from streams.cli.instruments.symbols import resolve
from streams.cli.instruments.totals import check_totals
from streams.cli.output import Output

NAMED = 5
"""So many symbols are named of many."""


@dataclass(frozen=True)
class Shown:
    """How changes are shown: the row of each, the columns of a table, and what is said where nothing changes."""

    row: Callable[[Change], dict[str, Any]]
    columns: Sequence[str]
    unchanged: str


def read(config: Config) -> dict[str, Setup]:
    """Return all instruments with their settings by key, in the order of the keys."""
    return dict(sorted(read_setups(config).items()))


def pick(known: Mapping[str, Setup], wanted: Wanted) -> list[Setup]:
    """Return the instruments of the symbols typed, or all of them; one of the two has to be asked for."""
    if wanted.everything and wanted.symbols:
        raise BadValue(f"--all or symbols, not both: {' '.join(wanted.symbols)}")
    if not wanted.everything and not wanted.symbols:
        raise BadValue("no symbol given", hint="name symbols such as XRPUSDT, or --all")
    if wanted.everything and known:
        return list(known.values())
    return [known[key] for key in resolve(wanted.symbols or [], known)]


def pick_or(known: Mapping[str, Setup], wanted: Wanted, otherwise: Callable[[Setup], bool]) -> list[Setup]:
    """Return the instruments asked for; those for which `otherwise` holds where none was."""
    if wanted.symbols or wanted.everything:
        return pick(known, wanted)
    return [setup for setup in known.values() if otherwise(setup)]


def confirm(question: str, yes: bool) -> None:
    """Ask before something that is hard to undo; without a terminal `--yes` has to say it."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadValue(f"{question} Without a terminal to ask on, --yes is needed.")
    if not typer.confirm(question, err=True):
        raise typer.Abort


def apply(
    config: Config, picked: Sequence[Setup], values: Mapping[str, Any], dry_run: bool, shown: Shown, out: Output
) -> list[Change]:
    """Change the settings of `picked`, write what differs at once, and show it; return what (would have) changed."""
    made = changes(picked, values, time.time_ns() // 1_000)
    check_totals(config, made)
    if made and not dry_run:
        change(config, [(each.before, each.after) for each in made])
    out.rows([shown.row(change) for change in made], shown.columns, empty=shown.unchanged)
    if made and dry_run:
        out.note(f"dry run: {len(made)} instruments would change, nothing was written")
    return made


def switch(config: Config, picked: Sequence[Setup], field: str, value: Any, dry_run: bool, out: Output) -> list[Change]:
    """Give one field of the settings of `picked` this value, and show what it was; return what was changed."""
    said = {True: "on", False: "off"}.get(value, value)
    unchanged = f"nothing changed: {field} is {said} already"
    return apply(config, picked, {field: value}, dry_run, Shown(_switched(field), _columns(field), unchanged), out)


def _columns(field: str) -> tuple[str, ...]:
    return "instrument", "before", field


def _switched(field: str) -> Callable[[Change], dict[str, Any]]:
    def row(change: Change) -> dict[str, Any]:
        before, after = getattr(change.before, field), getattr(change.after, field)
        return {"instrument": change.instrument.instrument, "before": before, field: after}

    return row


def some(names: Sequence[str]) -> str:
    """Return the first of many names, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
