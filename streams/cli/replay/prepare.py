"""`hedgehog replay prepare` and `remove`: the topics and sinks under a prefix."""

from collections.abc import Sequence

from infra.config import Config
from streams.cli.endpoints import need_connect, need_database, with_settings
from streams.cli.errors import BadValue
from streams.cli.instruments.select import read
from streams.cli.instruments.symbols import keys_of, resolve
from streams.cli.output import Output
from streams.cli.replay.options import Prepare, Remove
from streams.replay import target
from streams.replay.target import ForbiddenPrefix, World


def prepare(asked: Prepare, out: Output) -> None:
    """Create the topics, and the sinks if a database was named; show what was created and what to type next."""
    live = with_settings()
    world = prepared(out, live, asked.prefix, instruments(live, asked.symbols))
    if asked.database is not None:
        need_database(live)
        out.progress(f"starting sinks into the database {asked.database}…")
        try:
            target.sink_into(live, world.config, asked.database)
        except ForbiddenPrefix as error:
            raise BadValue(str(error)) from None
    copied = world.copied if out.json else len(world.copied)
    out.record(
        {
            "prefix": asked.prefix,
            "topics_created": world.created,
            "settings_copied": copied,
            "database": asked.database,
        }
    )
    datadir = f".hedgehog/{asked.prefix.strip('.-_') or 'replay'}"
    out.note(f"next: HEDGEHOG_TOPIC_PREFIX={asked.prefix} hedgehog worker --datadir {datadir} --without-web")


def remove(asked: Remove, out: Output) -> None:
    """Delete the topics and sinks of the prefix, and name the topics."""
    live = with_settings()
    need_connect(live)
    try:
        names = target.remove(live, asked.prefix)
    except ForbiddenPrefix as error:
        raise BadValue(str(error)) from None
    out.rows([{"topic": name, "state": "deleted"} for name in names], ("topic", "state"))


def instruments(live: Config, symbols: Sequence[str] | None, known_only: bool = False) -> list[str] | None:
    """Return the instruments that were typed, None for all; a recorded one may have no live settings any more."""
    if not symbols:
        return None
    known = read(live)
    return resolve(symbols, known) if known_only and known else keys_of(symbols)


def prepared(out: Output, live: Config, prefix: str, keys: list[str] | None) -> World:
    """Create what is missing under the prefix; `BadValue` where nothing may be sent under it."""
    need_connect(live)
    out.progress(f"preparing the topics under {prefix}…")
    try:
        return target.prepare(live, prefix, keys)
    except ForbiddenPrefix as error:
        raise BadValue(str(error)) from None
