"""Who may do what in the stack's own PostgreSQL: the role that owns the databases is no superuser.

A superuser runs programs on the machine (`COPY … TO PROGRAM`) and reads its files. `set_up` alone connects as one, and
takes the rank from the role of clusters that versions before have made.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extensions import encrypt_password
from psycopg2.sql import SQL, Composed, Identifier, Literal

from infra.config import DATABASE, LOOPBACK, Config
from infra.errors import StackError
from infra.passwords import OWNER, SUPERUSER, password_folder, password_of

REGISTRY_DATABASE = "registry"
MAINTENANCE = "postgres"
"""The database that every cluster has and that everybody may connect to."""
CONNECT_TIMEOUT_S = 5

FORMER_PASSWORD = "hedgehog"  # noqa: S105 - of versions before, whose superuser was `hedgehog`
HELPER = "hedgehog_upgrade"
"""Renames the former superuser, which cannot rename itself; there for a moment only."""
WRONG_PASSWORD = "password authentication failed"  # noqa: S105
REFUSED = (WRONG_PASSWORD, "no password supplied")

FOREIGN_DATABASES = """
    SELECT datname FROM pg_database
    WHERE datdba = %s::regrole AND datname <> %s AND datallowconn AND NOT datistemplate
"""
# What belongs to the former superuser beside system catalogues. Sequences of columns go with their tables.
FOREIGN_OBJECTS = """
    WITH ours AS (
        SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    )
    SELECT format('ALTER SCHEMA %%I', nspname) FROM pg_namespace JOIN ours USING (oid, nspname)
        WHERE nspowner = %(superuser)s::regrole
    UNION ALL
    SELECT format('ALTER TABLE %%s', c.oid::regclass) FROM pg_class c JOIN ours ON relnamespace = ours.oid
        WHERE relowner = %(superuser)s::regrole AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                        AND c.relkind = 'S' AND d.deptype IN ('a', 'i'))
    UNION ALL
    SELECT format('ALTER ROUTINE %%s', p.oid::regprocedure) FROM pg_proc p JOIN ours ON pronamespace = ours.oid
        WHERE proowner = %(superuser)s::regrole
    UNION ALL
    SELECT format('ALTER TYPE %%s', t.oid::regtype) FROM pg_type t JOIN ours ON typnamespace = ours.oid
        WHERE typowner = %(superuser)s::regrole AND typtype IN ('e', 'd', 'r')
"""


def answers(config: Config) -> None:
    """Raise while the server takes no connections. One that wants another password takes them."""
    try:
        with _connection(config, OWNER, password_of(config.data_dir, OWNER)):
            pass
    except psycopg2.OperationalError as error:
        if not any(text in str(error) for text in REFUSED):
            raise


def set_up(config: Config) -> None:
    """Make the owner's role and its databases, where they are missing; hand over what a superuser owned before.

    Raises `StackError` where the server takes no password that there is, and for what it refuses.
    """
    try:
        with _superuser(config) as connection:
            _execute(connection, SQL("DROP ROLE IF EXISTS {}").format(Identifier(HELPER)))
            _make_owner(connection, config)
            for name in (DATABASE, REGISTRY_DATABASE):
                _make_database(connection, name)
            foreign = _execute(connection, FOREIGN_DATABASES, (SUPERUSER, MAINTENANCE))
        for (name,) in foreign:
            _hand_over(config, name)
    except psycopg2.Error as error:
        raise StackError(f"postgres: its roles cannot be set up: {str(error).splitlines()[0]}") from error


@contextmanager
def _connection(config: Config, role: str, password: str | None, database: str = MAINTENANCE) -> Iterator[Any]:
    connection = psycopg2.connect(
        host=LOOPBACK,
        port=config.port("postgres"),
        user=role,
        password=password,
        dbname=database,
        connect_timeout=CONNECT_TIMEOUT_S,
    )
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


def _execute(connection: Any, statement: str | SQL | Composed, values: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _superuser(config: Config) -> Iterator[Any]:
    """A connection as the superuser; a cluster of a version before gets that superuser first."""
    if not _takes(config, SUPERUSER, password_of(config.data_dir, SUPERUSER)):
        _rename_former(config)
    with _connection(config, SUPERUSER, password_of(config.data_dir, SUPERUSER)) as connection:
        yield connection


def _takes(config: Config, role: str, password: str | None) -> bool:
    try:
        with _connection(config, role, password):
            return True
    except psycopg2.OperationalError as error:
        if WRONG_PASSWORD in str(error):
            return False
        raise


def _rename_former(config: Config) -> None:
    """Make the former superuser, `hedgehog`, the superuser of now; all or nothing, and again after a crash.

    It is the role that initdb made, which PostgreSQL takes the rank from in no other way.
    """
    if not _takes(config, OWNER, FORMER_PASSWORD):
        raise StackError(
            f"postgres: its data take no password of {password_folder(config.data_dir, SUPERUSER).parent}; "
            "bring these files back, or remove the data (make infra-clean)"
        )
    password = password_of(config.data_dir, SUPERUSER)
    with _connection(config, OWNER, FORMER_PASSWORD) as connection:
        _execute(connection, SQL("DROP ROLE IF EXISTS {}").format(Identifier(HELPER)))
        _alter(connection, "CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}", HELPER, password)
    with _connection(config, HELPER, password) as connection, connection:
        _execute(connection, SQL("ALTER ROLE {} RENAME TO {}").format(Identifier(OWNER), Identifier(SUPERUSER)))
        _alter(connection, "ALTER ROLE {} PASSWORD {}", SUPERUSER, password)


def _make_owner(connection: Any, config: Config) -> None:
    known = _execute(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,))
    rank = "LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    password = password_of(config.data_dir, OWNER)
    _alter(connection, f"{'ALTER' if known else 'CREATE'} ROLE {{}} {rank} PASSWORD {{}}", OWNER, password)


def _alter(connection: Any, statement: str, role: str, password: str | None) -> None:
    """Run a statement about a role and its password, which reaches neither the server nor its log in plain text."""
    hashed = encrypt_password(password, role, connection, "scram-sha-256")
    _execute(connection, SQL(statement).format(Identifier(role), Literal(hashed)))


def _make_database(connection: Any, name: str) -> None:
    if not _execute(connection, "SELECT 1 FROM pg_database WHERE datname = %s", (name,)):
        _execute(connection, SQL("CREATE DATABASE {} OWNER {}").format(Identifier(name), Identifier(OWNER)))


def _hand_over(config: Config, database: str) -> None:
    """Give a database and what is in it to the owner; the database last, which is what a crash is noticed by."""
    owner = SQL(" OWNER TO {}").format(Identifier(OWNER))
    with _connection(config, SUPERUSER, password_of(config.data_dir, SUPERUSER), database) as connection:
        for (statement,) in _execute(connection, FOREIGN_OBJECTS, {"superuser": SUPERUSER}):
            _execute(connection, SQL(statement) + owner)
        _execute(connection, SQL("ALTER DATABASE {}").format(Identifier(database)) + owner)
