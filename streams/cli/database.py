"""The warehouse, as commands reach it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine

from infra.config import load_config
from streams.cli.endpoints import need_database

CONNECT_TIMEOUT_S = 5


@contextmanager
def warehouse() -> Iterator[Engine]:
    """Connect to the database, once it was seen to listen."""
    config = load_config()
    need_database(config)
    engine = create_engine(config.database, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
    try:
        yield engine
    finally:
        engine.dispose()
