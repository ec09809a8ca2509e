"""`--save` of `hedgehog backtest`: runs into Postgres, and the runs that a command names."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

from sqlalchemy import Engine, create_engine

from schemas.records import Settings
from streams.backtest.store import About, Kept, check_tables, known_runs, save
from streams.backtest.trial import Best, try_settings
from streams.cli.endpoints import configuration, need_database
from streams.cli.errors import BadValue
from streams.cli.output import out
from streams.recordings.recording import Recording
from streams.trading.execution import Execution

CONNECT_TIMEOUT_S = 5
NEAREST = 3


@contextmanager
def warehouse() -> Iterator[Engine]:
    """The database, once it was seen to listen."""
    config = configuration()
    need_database(config)
    engine = create_engine(config.database, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
    try:
        yield engine
    finally:
        engine.dispose()


def check_saving(wanted: bool, name: str | None) -> bool:
    """Whether to save; a name alone means it. What would prevent it is said before anything is run.

    `BadValue` for a name that is none, `Unreachable` without Postgres, SQLAlchemy's errors where it has no such tables.
    """
    if name is not None and (not name.strip() or name.isdigit()):
        raise BadValue(f"--name: {name!r} is no name: it is empty or the number of a run")
    if wanted or name is not None:
        with warehouse() as engine:
            check_tables(engine)
    return wanted or name is not None


def keep(runs: Sequence[Kept], about: About) -> list[int]:
    """Save runs; their numbers."""
    with warehouse() as engine:
        ids = save(engine, runs, about)
    several = f"runs {ids[0]} to {ids[-1]}" if len(ids) > 1 else f"run {ids[0]}"
    out.note(f"saved as {several}; next: hedgehog backtest show {ids[0]}")
    return ids


def kept_best(
    parts: Mapping[str, Recording], tried: Sequence[Settings], best: Best, execution: Execution
) -> list[Kept]:
    """The best settings of a sweep, run once more on each part of the trades for their orders."""
    return [
        Kept(
            recording, tried[found.place], try_settings(recording, tried[found.place], execution=execution), part, rank
        )
        for rank, found in enumerate(best.found, start=1)
        for part, recording in parts.items()
    ]


def numbers_of(engine: Engine, typed: Sequence[str]) -> list[int]:
    """The runs that numbers and names stand for, each once; `BadValue` names the nearest to what there is not."""
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


LIST = "hedgehog backtest list"
