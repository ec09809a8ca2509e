"""`hedgehog replay`: the past, sent through the running pipeline under a topic prefix of its own."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.progress import Progress
from streams.cli.endpoints import need_connect, need_database, with_settings
from streams.cli.errors import INTERRUPTED, BadValue, CliError
from streams.cli.instruments.select import complete_symbol, read
from streams.cli.output import Json, out
from streams.cli.progress import progress_bar

if TYPE_CHECKING:
    from infra.config import Config
    from streams.replay.run import Pace, Sent
    from streams.replay.target import World

app = typer.Typer(
    help="Send recorded trades through the pipeline again, under a topic prefix of their own.", no_args_is_help=True
)

LINE_EVERY_S = 10.0
"""Where stderr is no terminal, so often a line says how far it is."""

Prefix = Annotated[
    str,
    typer.Option(
        "--prefix", metavar="PREFIX", help="Put before every topic of the replay, such as replay. (with dot)."
    ),
]
ReplayedSymbols = Annotated[
    list[str] | None,
    typer.Option("--symbol", metavar="SYMBOL", autocompletion=complete_symbol, help="Only this one; repeatable."),
]


@app.command()
def prepare(
    prefix: Prefix,
    symbols: ReplayedSymbols = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="NAME", help="Also sinks, into a database NAME beside the live one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create the topics under PREFIX, with the live settings of the symbols; `publish` does that too.

    Needed to start a worker there, to change settings there or to have sinks, before anything is sent.
    """
    from streams.replay.target import Refused, sink_into

    live = with_settings()
    world = _prepared(live, prefix, _keys(live, symbols))
    if database is not None:
        need_database(live)
        out.progress(f"starting sinks into the database {database}…")
        try:
            sink_into(live, world.config, database)
        except Refused as error:
            raise BadValue(str(error)) from None
    copied = world.copied if out.json else len(world.copied)
    row = {"prefix": prefix, "topics_created": world.created, "settings_copied": copied, "database": database}
    out.record(row)
    out.note(f"next: HEDGEHOG_TOPIC_PREFIX={prefix} hedgehog worker --datadir {_datadir(prefix)} --without-web")


@app.command()
def publish(
    prefix: Prefix,
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--file", metavar="FILE", help="Recorded trades: .csv, .csv.gz, .zip, .parquet or an archive; repeatable."
        ),
    ] = None,
    topic: Annotated[bool, typer.Option("--topic", help="The trades of the live topic.")] = False,
    symbols: ReplayedSymbols = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="The first time, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this time, ISO 8601.")] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", metavar="N", help="So many times the recorded pace; 1 by default.")
    ] = None,
    interval: Annotated[
        float | None, typer.Option("--interval", metavar="MS", help="Instead: a trade every so many milliseconds.")
    ] = None,
    flat_out: Annotated[bool, typer.Option("--flat-out", help="Instead: as fast as the broker takes them.")] = False,
    as_json: Json = False,
) -> None:
    """Send recorded trades to the pipeline under PREFIX; ids and event times stay. Never to live topics.

    Of several files or partitions the trades come in the order of their event times. Ctrl-C ends it, with a summary.
    """
    from streams.cli.backtest.input import parse_times

    if bool(files) == topic:
        raise BadValue("one of --file FILE and --topic says where the trades are from")
    for path in files or []:
        if not path.exists():
            raise BadValue(f"--file: {path}: no such file or folder")
    pace, between = _pace(speed, interval, flat_out), parse_times(since, until)
    live = with_settings()
    keys = _keys(live, symbols, known_only=topic)
    world = _prepared(live, prefix, keys)
    _say_who_reads(world)
    with _progress() as progress:
        from producers.recorded.files import FileError
        from streams.replay.run import send
        from streams.replay.tape import tape_of_files, tape_of_topic

        try:
            tape = (
                tape_of_files(files, keys, between, progress) if files else tape_of_topic(live, keys, between, progress)
            )
            sent = send(world.config, tape, pace)
        except FileError as error:
            raise BadValue(f"--file: {error}") from None
    row = _row(prefix, tape.source, sent)
    out.record(row if out.json else row | {"trades": [f"{name} {count:,}" for name, count in sent.trades.items()]})
    if sent.stopped:
        raise typer.Exit(INTERRUPTED)
    if not sent.trades:
        raise CliError(f"{tape.source} has no such trade")
    if sent.bad_frames:
        raise CliError(
            f"{sent.bad_frames} records were no trades", hint=f"HEDGEHOG_TOPIC_PREFIX={prefix} hedgehog dlq list"
        )


@app.command()
def remove(prefix: Prefix, as_json: Json = False) -> None:
    """Delete the topics that `prepare` or `publish` made under PREFIX, and its sinks. A database of its own stays."""
    from streams.replay.target import Refused
    from streams.replay.target import remove as removed

    live = with_settings()
    need_connect(live)
    try:
        names = removed(live, prefix)
    except Refused as error:
        raise BadValue(str(error)) from None
    out.rows([{"topic": name, "state": "deleted"} for name in names], ("topic", "state"))


def _pace(speed: float | None, interval: float | None, flat_out: bool) -> "Pace":
    from streams.replay.run import Pace

    typed = {"--speed": speed, "--interval": interval, "--flat-out": flat_out or None}
    given = [option for option, value in typed.items() if value is not None]
    if len(given) > 1:
        raise BadValue(f"{' and '.join(given)}: only one can be")
    for option, value in (("--speed", speed), ("--interval", interval)):
        if value is not None and not 0 < value < float("inf"):
            raise BadValue(f"{option}: {value:g} is not above 0", hint="--flat-out for no pause at all")
    if interval is not None:
        return Pace(interval_s=interval / 1_000)
    return Pace() if flat_out else Pace(speed=speed or 1.0)


def _keys(live: "Config", symbols: list[str] | None, known_only: bool = False) -> list[str] | None:
    """The instruments that were typed; a recorded one may have no live settings any more."""
    from producers.recorded.files import EXCHANGE
    from schemas.symbols import typed_instrument
    from streams.cli.instruments.symbols import resolve

    if not symbols:
        return None
    known = read(live)
    if known_only and known:
        return resolve(symbols, known)
    return [":".join(typed_instrument(symbol, EXCHANGE)) for symbol in symbols]


def _prepared(live: "Config", prefix: str, keys: list[str] | None) -> "World":
    from streams.replay.target import Refused
    from streams.replay.target import prepare as prepared

    need_connect(live)
    out.progress(f"preparing the topics under {prefix}…")
    try:
        return prepared(live, prefix, keys)
    except Refused as error:
        raise BadValue(str(error)) from None


def _say_who_reads(world: "World") -> None:
    """Whether a worker will see the trades, and from the first one on."""
    from streams.replay.target import await_settings, has_worker, published_before

    prefix = world.config.topic_prefix
    before = published_before(world.config)
    if before:
        out.note(f"{prefix}trades has {before:,} records already; the new ones come after them")
    if not has_worker(world.config):
        out.note(f"no worker runs under {prefix}: the trades wait in {prefix}trades until one does")
    elif not await_settings(world.config):
        out.note(f"the worker under {prefix} has not taken the settings yet; the first trades may come before them")


def _row(prefix: str, source: str, sent: "Sent") -> dict[str, Any]:
    total = sum(sent.trades.values())
    return {
        "prefix": prefix,
        "source": source,
        "trades": sent.trades,
        "published": total + sent.bad_frames,
        "acknowledged": sent.acknowledged,
        "no_trades": sent.bad_frames,
        "gaps": sent.gaps,
        "missing_ids": sent.missing,
        "seconds": round(sent.seconds, 3),
        "trades_per_s": round(total / sent.seconds, 1),
        "interrupted": sent.stopped,
    }


def _datadir(prefix: str) -> str:
    return f".hedgehog/{prefix.strip('.-_') or 'replay'}"


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, a line now and then elsewhere, nothing with `--json`."""
    with progress_bar("publishing", "trades") as bar:
        yield bar or (_silent if out.json else _Lines())


def _silent(done: int, total: int | None) -> None:
    pass


class _Lines:
    """How far it is, how fast, and how long it takes still, as lines on stderr."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._said < LINE_EVERY_S or not done:
            return
        self._said = now
        rate = done / (now - self._began)
        left = "" if total is None else f" of {total:,}, about {max(total - done, 0) / rate:,.0f} s left"
        print(f"{done:,} records{left}, {rate:,.0f} a second", file=sys.stderr)
