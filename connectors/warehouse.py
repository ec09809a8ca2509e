"""Holds the tables against the topics: rows of topics that are no more are not mixed with those of today."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from connectors.moving import read_again
from infra.config import Config
from infra.errors import StackError
from schemas.broker import topic_ids
from schemas.sql import sources
from schemas.sql.migrate import unreachable
from schemas.topics import SINKS

LOCK = 0x4845444746
COMMAND = "hedgehog sinks set-aside --yes"


class ForeignRows(StackError):
    """Tables hold rows of topics that are no more."""


def claim(config: Config) -> None:
    """Note of each table which topic it is filled from; what an empty table lacks is read again.

    Rows of before this was noted are taken for those of today's topics. Raises `ForeignRows` for rows of others.
    """
    today = _today(config)
    with _connection(config) as connection:
        noted, empty = sources.sources(connection), sources.empty(connection)
        foreign = _foreign(noted, today) - empty
        if foreign:
            raise ForeignRows(_said(config, {name: (noted[name], today[name]) for name in sorted(foreign)}))
        new = {name: topic_id for name, topic_id in today.items() if noted.get(name) != topic_id}
        read_again(config, [topic for topic in SINKS if topic.name in new.keys() & empty])
        sources.note(connection, new)


def set_aside(config: Config) -> dict[str, str]:
    """Move the tables with rows of topics that are no more into schemas of their own, and begin with empty ones.

    Returns the names of the schemas by those of the tables.
    """
    with _connection(config) as connection:
        noted = sources.sources(connection)
        foreign = _foreign(noted, _today(config)) - sources.empty(connection)
        moved = {name: sources.set_aside(connection, name) for name in sorted(foreign)}
    claim(config)
    return moved


def _today(config: Config) -> dict[str, str]:
    """Return the ids of today's topics, by the names of the tables."""
    found = topic_ids(config, [topic.full_name(config) for topic in SINKS])
    return {topic.name: found[topic.full_name(config)] for topic in SINKS if topic.full_name(config) in found}


def _foreign(noted: dict[str, str], today: dict[str, str]) -> set[str]:
    return {name for name, topic_id in noted.items() if name in today and today[name] != topic_id}


def _said(config: Config, foreign: dict[str, tuple[str, str]]) -> str:
    url = make_url(config.database)
    which = ", ".join(f"{name} (topic {was}, now {now})" for name, (was, now) in foreign.items())
    return (
        f"database {url.database} at {url.host}:{url.port} has rows of topics that are not those of the broker at "
        f"{config.bootstrap}: {which}; keep them beside and begin with empty tables: {COMMAND}"
    )


@contextmanager
def alone(config: Config) -> Iterator[bool]:
    """Whether no other process is in here beside the same tables. Raises `DatabaseUnreachable`."""
    with _connection(config) as connection:
        yield connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": LOCK}).scalar_one()


@contextmanager
def _connection(config: Config) -> Iterator[Connection]:
    """A transaction in the warehouse. Raises `DatabaseUnreachable`."""
    engine = create_engine(config.database)
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise unreachable(config, error) from None
    finally:
        engine.dispose()
