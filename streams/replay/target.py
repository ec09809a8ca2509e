"""The world that a replay is sent into: topics under a prefix that belongs to replays alone.

A prefix is marked before anything else is created under it, by an empty topic. Topics without the mark are taken for
live ones and never written to.
"""

import re
import time
from collections.abc import Collection
from dataclasses import dataclass

import msgspec
from confluent_kafka.cimpl import NewTopic
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from connectors.apply import apply_all, remove_all
from connectors.files import placeholders
from connectors.interface import all_connectors, database_of
from connectors.warehouse import claim
from infra.config import Config
from producers import settings_topic
from schemas.broker import REPLAY_MARK, admin, create_topics, delete, delete_topics, is_replay
from schemas.registry import register_all
from schemas.spans import TIMEOUT_S, partitions
from schemas.sql.migrate import upgrade
from schemas.topics import INSTRUMENTS, SETTINGS, SINKS, TOPICS, TRADES
from schemas.upgrade import upgrade_topics
from streams.topics.lag import behind, worker_groups
from streams.topics.read import count

LEGAL = re.compile(r"[A-Za-z0-9._-]{1,200}", re.ASCII)
DATABASE = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
SETTLED_S = 30.0
POLL_S = 0.1


class ForbiddenPrefix(ValueError):
    """Nothing is sent under this prefix; the message says why."""


@dataclass(frozen=True)
class World:
    """A replay's own world. `created` counts topics, `copied` lists the instruments whose live settings it got."""

    config: Config
    created: int
    copied: list[str]


def prepare(live: Config, prefix: str, instruments: Collection[str] | None) -> World:
    """Create and mark the topics under `prefix`, and copy live settings of instruments that have none there yet.

    Streaming is switched off in the copies: no producer belongs into a replay. Repeating it changes nothing. Raises
    `ForbiddenPrefix` for a prefix that is live, or was not made by a replay, or whose sinks write into the live tables.
    """
    target = config_of(live, prefix)
    marked = is_replay(target)
    if not marked:
        _refuse_foreign_topics(target)
    _refuse_live_tables(live, target)
    if not marked:
        _mark(target)
    created = create_topics(target)
    register_all(target)
    upgrade_topics(target)
    return World(target, len(created), _copy_settings(live, target, instruments))


def sink_into(live: Config, target: Config, database: str) -> Config:
    """Give a replay sinks into a database of its own beside the live one, created where it is missing.

    Returns the configuration that reads it. Raises `ForbiddenPrefix` for the live database, and what PostgreSQL and
    Kafka Connect say.
    """
    url = make_url(live.database)
    if database == url.database:
        raise ForbiddenPrefix(f"--database: {database!r} holds the live tables")
    if not DATABASE.fullmatch(database):
        raise ForbiddenPrefix(f"--database: {database!r} is not a letter and up to 62 of the characters a-z 0-9 _")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            known = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :it"), {"it": database})
            if known.first() is None:
                connection.execute(text(f'CREATE DATABASE "{database}"'))
    finally:
        engine.dispose()
    # made anew, as a copy would keep the endpoints that were derived before
    own = url.set(database=database).render_as_string(hide_password=False)
    config = Config(**target.model_dump() | {"database_url": own})
    upgrade(config)
    claim(config)
    apply_all(config)
    return config


def remove(live: Config, prefix: str) -> list[str]:
    """Delete the topics and sinks under the prefix of a replay; return the topics' names. A database of its own stays.

    Raises `ForbiddenPrefix` for any other prefix, and while a worker uses them.
    """
    target = config_of(live, prefix)
    if not is_replay(target):
        raise ForbiddenPrefix(f"--prefix: there is no replay under {prefix!r}")
    if has_worker(target):
        raise ForbiddenPrefix(f"--prefix: a worker runs under {prefix!r}; stop it first")
    remove_all(target)
    names = delete_topics(target)
    mark = f"{prefix}{REPLAY_MARK}"
    delete(target, [mark])  # the last one: what is broken off before can be removed again
    return [*names, mark]


def config_of(live: Config, prefix: str) -> Config:
    """Return the configuration of a world under `prefix`; `ForbiddenPrefix` where it could only be a live one."""
    if not LEGAL.fullmatch(prefix):
        raise ForbiddenPrefix(f"--prefix: {prefix!r} is not 1 to 200 of the characters a-z A-Z 0-9 . _ -")
    target = live.model_copy(update={"topic_prefix": prefix})
    ours = {topic.full_name(live) for topic in TOPICS.values()}
    both = sorted(ours & {f"{prefix}{REPLAY_MARK}", *(topic.full_name(target) for topic in TOPICS.values())})
    if both:
        raise ForbiddenPrefix(f"--prefix: {prefix!r} gives the names of live topics: {', '.join(both[:3])}")
    return target


def published_before(target: Config) -> int:
    """Return how many records its trades topic has."""
    return count(target, [TRADES])


def has_worker(target: Config) -> bool:
    """Return whether a worker runs in this world."""
    return any(worker_groups(admin(target), target).values())


def await_settings(target: Config) -> bool:
    """Wait until a worker has taken every setting, so that leaders see the first trade; return whether it has."""
    client = admin(target)
    groups = [group for group, joined in worker_groups(client, target).items() if joined]
    deadline = time.monotonic() + SETTLED_S
    while time.monotonic() < deadline:
        lags = behind(target, client, dict.fromkeys(groups, (INSTRUMENTS, SETTINGS)))
        if any(lags[group] == 0 for group in groups):
            return True
        time.sleep(POLL_S)
    return False


def _refuse_foreign_topics(target: Config) -> None:
    names = [topic.full_name(target) for topic in TOPICS.values()]
    there = sorted({name for name, _ in partitions(admin(target), names)})
    if there:
        raise ForbiddenPrefix(
            f"--prefix: the topics under {target.topic_prefix!r} were not made for a replay, they may hold live data: "
            f"{', '.join(there[:3])}, …"
        )


def _mark(target: Config) -> None:
    mark = f"{target.topic_prefix}{REPLAY_MARK}"
    topic = NewTopic(mark, num_partitions=1, replication_factor=target.copies)
    client = admin(target)
    client.create_topics([topic], operation_timeout=TIMEOUT_S, request_timeout=TIMEOUT_S)[mark].result(TIMEOUT_S)


def _refuse_live_tables(live: Config, target: Config) -> None:
    """Raise `ForbiddenPrefix` where Kafka Connect has sinks of this prefix without a database of their own."""
    ours = {topic.full_name(target) for topic in SINKS}
    tables = placeholders(live)["jdbc_url"]
    for name, config in all_connectors(live).items():
        if ours & set(config.get("topics", "").split(",")) and database_of(config) == tables:
            raise ForbiddenPrefix(
                f"--prefix: the sink {name} writes the topics under {target.topic_prefix!r} into the live tables; "
                "remove it (hedgehog replay remove), or give it a database of its own (prepare --database)"
            )


def _copy_settings(live: Config, target: Config, instruments: Collection[str] | None) -> list[str]:
    known, there = settings_topic.read_setups(live), settings_topic.read_instruments(target)
    missing = [key for key in sorted(known) if key not in there and (instruments is None or key in instruments)]
    if missing:
        # The instrument last: what is there whole is not copied again.
        settings = [msgspec.structs.replace(known[key].settings, streaming=False) for key in missing]
        watches = settings_topic.read_watches(live)
        watched = [watches[key] for key in missing if key in watches]
        settings_topic.write(target, [*settings, *watched, *(known[key].instrument for key in missing)])
    return missing
