"""`--save` of `hedgehog backtest`: runs into Postgres, and the runs that a command names."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from sqlalchemy import Engine

from streams.backtest.store import About, Kept, check_tables, known_runs, save
from streams.backtest.trial import try_settings
from streams.cli.backtest.options import Keeping
from streams.cli.backtest.rows import Swept
from streams.cli.database import warehouse
from streams.cli.errors import BadValue, CliError
from streams.cli.output import Output

NEAREST = 3
LIST = "hedgehog backtest list"


def check_saving(asked: Keeping) -> bool:
    """Return whether to save; a name alone means it. What would prevent it is said before anything is run.

    `BadValue` for a name that is none, `Unreachable` without Postgres, SQLAlchemy's errors where it has no such tables.
    """
    name = asked.name
    if name is not None and (not name.strip() or name.isdigit()):
        raise BadValue(f"--name: {name!r} is no name: it is empty or the number of a run")
    wanted = asked.save or name is not None
    if wanted:
        with warehouse() as engine:
            check_tables(engine)
    return wanted


def keep(runs: Sequence[Kept], about: About, out: Output) -> list[int]:
    """Save runs; return their numbers. `CliError` names what the tables have no room for."""
    out.progress("saving…")
    with warehouse() as engine:
        try:
            ids = save(engine, runs, about)
        except ValueError as error:
            raise CliError(f"not saved: {error}") from None
    several = f"runs {ids[0]} to {ids[-1]}" if len(ids) > 1 else f"run {ids[0]}"
    out.note(f"saved as {several}; next: hedgehog backtest show {ids[0]}")
    return ids


def kept_best(swept: Swept) -> list[Kept]:
    """Run the best settings of a sweep once more on each part of the trades, for their orders; return the runs."""
    found = [(rank, swept.tried[best.setting]) for rank, best in enumerate(swept.best.found, start=1)]
    return [
        Kept(recording, setup, try_settings(recording, setup, execution=swept.execution), part, rank)
        for rank, setup in found
        for part, recording in swept.parts.items()
    ]


def numbers_of(engine: Engine, typed: Sequence[str]) -> list[int]:
    """Return the runs that numbers and names stand for, each once; `BadValue` names the nearest to one there is not."""
    known = known_runs(engine)
    if not known:
        raise BadValue("no run is saved yet", hint="hedgehog backtest run … --save")
    return list(dict.fromkeys(number for text in typed for number in _numbers(text, known)))


def _numbers(text: str, known: Mapping[int, str | None]) -> list[int]:
    if text.isascii() and text.isdigit():
        if int(text) in known:
            return [int(text)]
        near = sorted(sorted(known, key=lambda number: (abs(number - int(text)), number))[:NEAREST])
        raise BadValue(f"RUN: there is no run {text}; the nearest are {', '.join(map(str, near))}", hint=LIST)
    found = [number for number, name in known.items() if name == text]
    if found:
        return sorted(found)
    names = sorted({name for name in known.values() if name})
    close = get_close_matches(text, names, NEAREST, 0.5)
    meant = f"; did you mean {' or '.join(close)}?" if close else ""
    raise BadValue(f"RUN: no run has the name {text!r}{meant}", hint=LIST)
