"""Brings the tables of the warehouse up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from infra.config import Config
from infra.errors import StackError

SCRIPTS = Path(__file__).parent / "migrations"
LOCK = 0x4845444745
"""Two processes that migrate at once take turns on this advisory lock."""


class DatabaseUnreachable(StackError):
    """PostgreSQL does not answer, or refuses us."""


def upgrade(config: Config) -> None:
    """Apply every migration that the database of `config` lacks, all or none; harmless when there is none.

    Raises `DatabaseUnreachable`.
    """
    engine = create_engine(config.database)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            command.upgrade(alembic_config(connection), "head")
    except OperationalError as error:
        raise unreachable(config, error) from None
    finally:
        engine.dispose()


def unreachable(config: Config, error: OperationalError) -> DatabaseUnreachable:
    """Return an error of the database's client in one line."""
    url = make_url(config.database)
    reason = str(error.orig).partition("\n")[0]
    return DatabaseUnreachable(f"database {url.database} at {url.host}:{url.port}: {reason}")


def alembic_config(connection: Connection) -> AlembicConfig:
    """Alembic's configuration for our scripts, to run on `connection`."""
    alembic = AlembicConfig(attributes={"connection": connection})
    alembic.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    alembic.set_main_option("path_separator", "os")
    return alembic
