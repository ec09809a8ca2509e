"""`hedgehog replay publish`: the past, sent through the running pipeline under a topic prefix of its own."""

from typing import Any

import typer

from infra.config import Config
from producers.recorded.errors import FileError
from producers.recorded.finding import named
from schemas.times import Between
from streams.cli.endpoints import with_settings
from streams.cli.errors import INTERRUPTED, BadValue, CliError
from streams.cli.output import Output
from streams.cli.replay.options import Publish, Tempo
from streams.cli.replay.prepare import instruments, prepared
from streams.cli.times import parse_times
from streams.replay.run import Pace, Sent, send
from streams.replay.tape import tape_of_files, tape_of_topic
from streams.replay.target import World, await_settings, has_worker, published_before


def publish(asked: Publish, out: Output) -> None:
    """Send the trades and show how many; exit code 130 when interrupted, 1 where there are none or some were none."""
    _check_source(asked)
    pace, between = _pace(asked.tempo), parse_times(asked.since, asked.until)
    live = with_settings()
    keys = instruments(live, asked.symbols, known_only=asked.topic)
    world = prepared(out, live, asked.prefix, keys)
    _say_who_reads(out, world)
    source, sent = _sent(asked, out, live, world, keys, between, pace)
    row = _row(asked.prefix, source, sent)
    out.record(row if out.json else row | {"trades": [f"{name} {count:,}" for name, count in sent.trades.items()]})
    if sent.stopped:
        raise typer.Exit(INTERRUPTED)
    if not sent.trades:
        raise CliError(f"{source} has no such trade")
    if sent.bad_records:
        raise CliError(
            f"{sent.bad_records} records were no trades", hint=f"HEDGEHOG_TOPIC_PREFIX={asked.prefix} hedgehog dlq list"
        )


def _check_source(asked: Publish) -> None:
    if bool(asked.files) == asked.topic:
        raise BadValue("one of --file FILE and --topic says where the trades are from")
    for path in asked.files or []:
        try:
            named(path)
        except FileError as error:
            raise BadValue(f"--file: {error}") from None


def _sent(
    asked: Publish, out: Output, live: Config, world: World, keys: list[str] | None, between: Between, pace: Pace
) -> tuple[str, Sent]:
    """Send the trades; return where they are from and what was sent."""
    with out.progress_lines("publishing", "trades") as progress:
        try:
            if asked.files:
                tape = tape_of_files(asked.files, keys, between, progress)
            else:
                tape = tape_of_topic(live, keys, between, progress)
            return tape.source, send(world.config, tape, pace)
        except FileError as error:
            raise BadValue(f"--file: {error}") from None


def _pace(tempo: Tempo) -> Pace:
    typed = {"--speed": tempo.speed, "--interval": tempo.interval, "--flat-out": tempo.flat_out or None}
    given = [option for option, value in typed.items() if value is not None]
    if len(given) > 1:
        raise BadValue(f"{' and '.join(given)}: only one can be")
    for option, value in (("--speed", tempo.speed), ("--interval", tempo.interval)):
        if value is not None and not 0 < value < float("inf"):
            raise BadValue(f"{option}: {value:g} is not above 0", hint="--flat-out for no pause at all")
    if tempo.interval is not None:
        return Pace(interval_s=tempo.interval / 1_000)
    return Pace() if tempo.flat_out else Pace(speed=tempo.speed or 1.0)


def _say_who_reads(out: Output, world: World) -> None:
    """Note whether a worker will see the trades, and from the first one on."""
    prefix = world.config.topic_prefix
    before = published_before(world.config)
    if before:
        out.note(f"{prefix}trades has {before:,} records already; the new ones come after them")
    if not has_worker(world.config):
        out.note(f"no worker runs under {prefix}: the trades wait in {prefix}trades until one does")
    elif not await_settings(world.config):
        out.note(f"the worker under {prefix} has not taken the settings yet; the first trades may come before them")


def _row(prefix: str, source: str, sent: Sent) -> dict[str, Any]:
    total = sum(sent.trades.values())
    return {
        "prefix": prefix,
        "source": source,
        "trades": sent.trades,
        "published": total + sent.bad_records,
        "acknowledged": sent.acknowledged,
        "no_trades": sent.bad_records,
        "gaps": sent.gaps,
        "missing_ids": sent.missing,
        "seconds": round(sent.seconds, 3),
        "trades_per_s": round(total / sent.seconds, 1),
        "interrupted": sent.stopped,
    }
