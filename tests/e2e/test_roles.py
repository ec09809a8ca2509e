"""The roles of the stack's own PostgreSQL: nobody who trades is a superuser, and no password is shown anywhere."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg2
import pytest
from sqlalchemy.engine import make_url

from infra import roles
from infra.compose.backend import PG_HBA
from infra.config import LOOPBACK, Config
from infra.errors import StackError
from infra.native import postgres
from infra.native.backend import NativeBackend
from infra.passwords import FILE, OWNER, SUPERUSER, make_passwords, password_folder, password_of
from schemas.sql.migrate import upgrade
from streams.cli.errors import UNREACHABLE
from tests.stack import ROOT, claimed_offset

FORMER = roles.FORMER_PASSWORD
OWN_SCHEMA = """
    CREATE SCHEMA own; CREATE SEQUENCE own.numbers; CREATE TYPE own.mood AS ENUM ('ok');
    CREATE TABLE own.rows (id bigint GENERATED ALWAYS AS IDENTITY, serial serial, mood own.mood);
    CREATE VIEW own.seen AS SELECT * FROM own.rows;
    CREATE FUNCTION own.one(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1';
    INSERT INTO own.rows (mood) VALUES ('ok');
"""
"""One object of each kind, as somebody may have made them beside the project's tables."""
OWNERS = """
    SELECT DISTINCT pg_get_userbyid(owner) FROM (
        SELECT relowner, relnamespace FROM pg_class UNION ALL SELECT proowner, pronamespace FROM pg_proc
        UNION ALL SELECT typowner, typnamespace FROM pg_type UNION ALL SELECT nspowner, oid FROM pg_namespace
    ) AS objects (owner, namespace)
    WHERE namespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('own') OR nspname = 'public' AND %s)
"""


@contextmanager
def cursor(config: Config, role: str, password: str | None, database: str = "postgres") -> Iterator[Any]:
    connection = psycopg2.connect(
        host=LOOPBACK, port=config.port("postgres"), user=role, password=password, dbname=database, connect_timeout=5
    )
    connection.autocommit = True
    try:
        yield connection.cursor()
    finally:
        connection.close()


def asked(config: Config, query: str, database: str = "hedgehog", values: Any = None) -> list[tuple[Any, ...]]:
    """The answer that the owner gets."""
    with cursor(config, OWNER, password_of(config.data_dir, OWNER), database) as own:
        own.execute(query, values)
        return list(own.fetchall())


def passwords(config: Config) -> list[str]:
    found = [password_of(config.data_dir, role) for role in (OWNER, SUPERUSER)]
    assert all(found)
    return [password for password in found if password]


@pytest.fixture
def own(stack: Config) -> Config:
    """The stack of the session, where its servers are the project's own."""
    if stack.infra == "external":
        pytest.skip("external servers have roles of their own")
    return stack


def test_the_owner_is_no_superuser_and_may_create_databases(own: Config) -> None:
    rights = (
        "SELECT rolsuper, rolcreaterole, rolreplication, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = %s"
    )
    assert asked(own, rights, values=(OWNER,)) == [(False, False, False, False, True)]
    assert asked(own, "SELECT rolname FROM pg_roles WHERE rolsuper OR rolname !~ '^pg_' ORDER BY 1") == [
        (OWNER,),
        (SUPERUSER,),
    ]
    groups = "SELECT count(*) FROM pg_auth_members WHERE member = %s::regrole"
    assert asked(own, groups, values=(OWNER,)) == [(0,)]
    owned = "SELECT datname FROM pg_database WHERE datdba = %s::regrole AND datname IN ('hedgehog', 'registry')"
    assert len(asked(own, owned, values=(OWNER,))) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY trades FROM PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/never'",
        "SELECT pg_read_file('postgresql.conf')",
        "ALTER ROLE hedgehog SUPERUSER",
        "CREATE ROLE another SUPERUSER",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
    ],
)
def test_what_only_a_superuser_may(own: Config, statement: str) -> None:
    with (
        cursor(own, OWNER, password_of(own.data_dir, OWNER), "hedgehog") as mine,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        mine.execute(statement)


@pytest.mark.parametrize("role", [OWNER, SUPERUSER])
@pytest.mark.parametrize("password", [FORMER, "", None])
def test_no_password_but_the_own_one_opens(own: Config, role: str, password: str | None) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password"), cursor(own, role, password):
        pass


def test_the_passwords_are_for_their_owner_alone(own: Config) -> None:
    assert len(set(passwords(own))) == 2
    for role in (OWNER, SUPERUSER):
        folder = password_folder(own.data_dir, role)
        assert [path.name for path in folder.iterdir()] == [FILE]
        modes = [path.stat().st_mode & 0o777 for path in (folder / FILE, folder, folder.parent)]
        assert modes == [0o600, 0o700, 0o700]


def test_kafka_connect_shows_no_password(own: Config) -> None:
    place = f"${{directory:{password_folder(own.data_dir, OWNER)}:{FILE}}}"
    with httpx.Client(base_url=own.connect, trust_env=False) as client:
        names = client.get("/connectors").json()
        assert names
        for name in names:
            assert client.get(f"/connectors/{name}/config").json()["connection.password"] == place
        told = "".join(client.get(f"/connectors/{name}/{what}").text for name in names for what in ("config", "tasks"))
        told += client.get("/connectors", params={"expand": ["info", "status"]}).text
    assert not [password for password in passwords(own) if password in told]


def test_kafka_connect_may_not_read_the_superusers(own: Config) -> None:
    plugin = "io.debezium.connector.jdbc.JdbcSinkConnector"
    forbidden = f"${{directory:{password_folder(own.data_dir, SUPERUSER)}:{FILE}}}"
    config = {"connector.class": plugin, "name": "reader", "topics": forbidden}
    answer = httpx.put(
        f"{own.connect}/connector-plugins/{plugin}/config/validate", json=config, trust_env=False, timeout=30
    )
    assert forbidden in answer.text, "the reference was not resolved"
    assert passwords(own)[1] not in answer.text
    allowed = forbidden.replace(f"/{SUPERUSER}:", f"/{OWNER}:")
    answer = httpx.put(
        f"{own.connect}/connector-plugins/{plugin}/config/validate",
        json=config | {"topics": allowed},
        trust_env=False,
        timeout=30,
    )
    assert passwords(own)[0] in answer.text, "this way of asking would have shown it"


def test_nothing_shows_a_password(own: Config) -> None:
    """Not the logs, nor the command lines of the servers, nor what the commands print."""
    shown = [log.read_text(errors="replace") for log in Path(own.data_dir, "logs").glob("*.log")]
    assert len(shown) == 4
    shown += [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    for words in (["-m", "infra", "status", "--json"], *(["-c", CLI, name] for name in ("status", "doctor"))):
        done = run(*words)
        assert "postgres" in done.stdout
        shown += [done.stdout, done.stderr]
    assert not [text for text in shown for password in passwords(own) if password in text]


def test_a_command_that_has_not_the_password_says_where_it_is(own: Config, tmp_path: Path) -> None:
    for words in (["orders", "list"], ["backtest", "list"]):
        done = run("-c", CLI, *words, HEDGEHOG_DATA_DIR=str(tmp_path))
        assert done.returncode == UNREACHABLE
        assert f"wants a password, and there is none in {tmp_path}" in done.stderr
        assert "HEDGEHOG_DATA_DIR" in done.stderr
        assert "Traceback" not in done.stderr


CLI = "import sys; from streams.cli.main import main; sys.exit(main())"


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def fresh() -> Iterator[Config]:
    """A data folder and ports of one's own, with nothing in it yet; what was started is stopped at the end."""
    with claimed_offset() as offset:
        config = Config(infra="native", port_offset=offset, data_dir=ROOT / f"{offset}-roles", database_url="")
        backend = NativeBackend(config)
        try:
            yield config
        finally:
            backend.down(print)
            backend.clean()
            shutil.rmtree(config.data_dir)


@contextmanager
def server(config: Config, *options: str) -> Iterator[None]:
    """PostgreSQL alone, of this data folder."""
    backend = NativeBackend(config)
    part, daemon = backend.parts["postgres"], backend.daemon("postgres")
    command = part.command()
    daemon.start(replace(command, argv=[*command.argv, *options]), part.endpoint)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                part.probe()
                break
            except psycopg2.OperationalError:
                assert time.monotonic() < deadline, daemon.log.read_text()
                time.sleep(0.05)
        yield
    finally:
        daemon.stop(part.gentle, part.patience_s)


@pytest.fixture
def former(fresh: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Data as commit 7ab30b9 made them: the superuser is `hedgehog`, its password as well; three databases of its."""
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "SUPERUSER", OWNER)
        patch.setattr(postgres, "password_of", lambda *_: FORMER)
        postgres.postgres_part(fresh).command()
    with server(fresh):
        with cursor(fresh, OWNER, FORMER) as was:
            for name in ("hedgehog", "registry", "replay_old"):
                was.execute(f"CREATE DATABASE {name}")
        url = f"postgresql+psycopg2://{OWNER}:{FORMER}@{LOOPBACK}:{fresh.port('postgres')}/hedgehog"
        upgrade(fresh.model_copy(update={"database_url": url}))
        for name in ("hedgehog", "replay_old"):
            with cursor(fresh, OWNER, FORMER, name) as was:
                was.execute(OWN_SCHEMA)
    return fresh


def check_upgraded(config: Config) -> None:
    """The databases belong to the owner, who may change all that is in them, and is a superuser no more."""
    assert asked(config, "SELECT rolname FROM pg_roles WHERE rolsuper") == [(SUPERUSER,)]
    assert asked(config, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'hedgehog%'") == [(OWNER,)]
    for name, public in (("hedgehog", True), ("replay_old", False)):
        owners = {owner for (owner,) in asked(config, OWNERS, name, (public,))} - {"pg_database_owner"}
        assert owners == {OWNER}
        assert asked(config, "SELECT serial, mood::text FROM own.rows", name) == [(1, "ok")]
        asked(config, "ALTER TABLE own.rows ADD COLUMN more int; DROP FUNCTION own.one; SELECT 1", name)
    databases = "SELECT datname FROM pg_database WHERE datdba = %s::regrole ORDER BY 1"
    assert [name for (name,) in asked(config, databases, values=(OWNER,))] == ["hedgehog", "registry", "replay_old"]
    with pytest.raises(psycopg2.OperationalError, match="password"), cursor(config, OWNER, FORMER):
        pass


@pytest.mark.long
@pytest.mark.timeout(600)
def test_data_of_the_version_before_are_upgraded_by_infra_up(former: Config) -> None:
    environment = {
        "HEDGEHOG_INFRA": "native",
        "HEDGEHOG_PORT_OFFSET": str(former.port_offset),
        "HEDGEHOG_DATA_DIR": str(former.data_dir),
        **{f"HEDGEHOG_{name}_URL": "" for name in ("DATABASE", "REGISTRY", "CONNECT")},
        "HEDGEHOG_KAFKA_BOOTSTRAP": "",
    }
    assert password_of(former.data_dir, OWNER) is None
    for _ in range(2):
        done = run("-m", "infra", "up", **environment)
        assert done.returncode == 0, done.stderr
    found = json.loads(run("-m", "infra", "status", "--json", **environment).stdout)
    assert {part["state"] for part in found["parts"]} == {"up"}
    check_upgraded(former)


@pytest.mark.timeout(600)
def test_an_upgrade_that_dies_anywhere_goes_on_the_next_time(former: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is let go a statement further each time, so that it dies after each of them once."""
    make_passwords(former.data_dir)
    execute, deaths = roles._execute, 0
    with server(former):
        while True:
            left = iter(range(deaths))

            def mortal(*words: Any, left: Iterator[int] = left) -> list[tuple[Any, ...]]:
                found = execute(*words)
                if next(left, None) is None:
                    raise KeyboardInterrupt
                return found

            monkeypatch.setattr(roles, "_execute", mortal)
            try:
                roles.set_up(former)
                break
            except KeyboardInterrupt:
                deaths += 1
        assert deaths > 10
        check_upgraded(former)


def test_the_containers_rules_let_nobody_in_without_a_password(fresh: Config) -> None:
    make_passwords(fresh.data_dir)
    cluster = postgres.data_home(fresh, postgres.account())
    postgres.postgres_part(fresh).command()
    rules = cluster / "rules.conf"
    rules.write_text(PG_HBA)
    rules.chmod(0o644)
    with server(fresh, "-c", f"hba_file={rules}"):
        roles.set_up(fresh)
        with cursor(fresh, SUPERUSER, password_of(fresh.data_dir, SUPERUSER)) as superuser:
            superuser.execute("SELECT type, auth_method, error FROM pg_hba_file_rules ORDER BY line_number")
            assert superuser.fetchall() == [("local", "scram-sha-256", None), ("host", "scram-sha-256", None)]
        with pytest.raises(psycopg2.OperationalError, match="no password"), cursor(fresh, OWNER, None):
            pass


def test_data_under_unknown_passwords_are_refused_in_one_line(fresh: Config) -> None:
    make_passwords(fresh.data_dir)
    with server(fresh):
        roles.set_up(fresh)
        (password_folder(fresh.data_dir, SUPERUSER) / FILE).write_text("another")
        with pytest.raises(StackError, match=r"^postgres: its data take no password of [^\n]*/secrets; bring [^\n]*$"):
            roles.set_up(fresh)


def test_a_lost_password_of_the_owner_is_made_anew(fresh: Config) -> None:
    make_passwords(fresh.data_dir)
    with server(fresh):
        roles.set_up(fresh)
        (password_folder(fresh.data_dir, OWNER) / FILE).unlink()
        make_passwords(fresh.data_dir)
        roles.set_up(fresh)
        assert asked(fresh, "SELECT 1") == [(1,)]
        assert make_url(fresh.database).password == password_of(fresh.data_dir, OWNER)
        log = NativeBackend(fresh).daemon("postgres").log.read_text()
    assert not [password for password in passwords(fresh) if password in log]
