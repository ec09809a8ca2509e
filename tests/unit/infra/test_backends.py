"""Which backend is taken, what it is given, and the compose file."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.compose.backend import COMPOSE_FILE, compose_environment
from infra.config import LOOPBACK, Config
from infra.errors import StackError
from infra.native.backend import NativeBackend
from infra.native.connect import worker_properties
from infra.native.kafka import broker_properties
from infra.native.postgres import OLDEST_MAJOR, candidates, reachable, version_of
from infra.native.process import Account, Command
from infra.passwords import OWNER, SUPERUSER, make_passwords, password_of
from infra.stack import STARTED_WITH, Stack, choose_backend, started_with

ENDPOINTS = {
    "kafka_bootstrap": "127.0.0.1:1",
    "registry_url": "http://127.0.0.1:2",
    "connect_url": "http://127.0.0.1:3",
    "database_url": "postgresql+psycopg2://u:p@127.0.0.1:4/d",
}


@pytest.mark.parametrize(
    ("infra", "docker", "chosen"),
    [
        ("auto", True, "compose"),
        ("auto", False, "native"),
        ("native", True, "native"),
        ("compose", False, "compose"),
        ("external", True, "external"),
    ],
)
def test_backend_choice(tmp_path: Path, infra: str, docker: bool, chosen: str) -> None:
    endpoints = ENDPOINTS if infra == "external" else {}
    config = Config.model_validate({"infra": infra, "data_dir": tmp_path, **endpoints})
    assert choose_backend(config, docker=lambda: docker).name == chosen


@pytest.mark.parametrize(
    ("infra", "docker", "kept", "chosen"),
    [
        ("auto", True, "native", "native"),
        ("auto", False, "compose", "compose"),
        ("compose", True, "native", "native"),
        ("native", False, "compose", "compose"),
        ("external", True, "native", "external"),
    ],
)
def test_a_data_folder_stays_with_the_backend_that_started_it(
    tmp_path: Path, infra: str, docker: bool, kept: str, chosen: str
) -> None:
    (tmp_path / STARTED_WITH).write_text(f"{kept}\n")
    config = Config.model_validate({"infra": infra, "data_dir": tmp_path, **ENDPOINTS})
    assert choose_backend(config, docker=lambda: docker).name == chosen


@pytest.mark.parametrize(
    ("folders", "known"), [((), None), (("run",), "native"), (("compose",), "compose"), (("run", "compose"), None)]
)
def test_a_folder_from_before_is_known_by_what_is_in_it(
    tmp_path: Path, folders: tuple[str, ...], known: str | None
) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    assert started_with(tmp_path) == known


def test_it_is_not_started_as_another_one(tmp_path: Path) -> None:
    (tmp_path / STARTED_WITH).write_text("native\n")
    with pytest.raises(StackError, match=r"^HEDGEHOG_INFRA=compose: the data of [^\n]* was started as native; [^\n]*$"):
        Stack(Config(infra="compose", data_dir=tmp_path)).up()


@pytest.mark.parametrize(
    ("infra", "docker", "kept", "why"),
    [
        ("auto", True, "native", ", as it was started before"),
        ("auto", False, "native", ""),
        ("native", True, "native", ""),
    ],
)
def test_up_says_why_a_backend_is_taken_where_another_could_be_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, infra: str, docker: bool, kept: str, why: str
) -> None:
    monkeypatch.setattr("infra.stack.docker_answers", lambda: docker)
    monkeypatch.setattr(NativeBackend, "up", lambda *_: None)
    (tmp_path / STARTED_WITH).write_text(f"{kept}\n")
    stack = Stack(Config.model_validate({"infra": infra, "data_dir": tmp_path}))
    said: list[str] = []
    stack.up(said.append)
    assert said[0] == f"hedgehog: starting the stack (native{why})"


def test_clean_says_what_it_removed(tmp_path: Path) -> None:
    (tmp_path / STARTED_WITH).write_text("native\n")
    (tmp_path / "kafka").mkdir()
    (tmp_path / "secrets").mkdir()
    assert Stack(Config(infra="auto", data_dir=tmp_path)).clean() == [str(tmp_path.resolve() / "kafka")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secrets", "stack.lock"]
    assert Stack(Config(infra="native", data_dir=tmp_path)).clean() == []


def test_external_names_the_endpoints_it_misses() -> None:
    config = Config.model_validate({"infra": "external", **ENDPOINTS, "connect_url": "", "database_url": ""})
    with pytest.raises(StackError, match="not set: HEDGEHOG_CONNECT_URL, HEDGEHOG_DATABASE_URL"):
        choose_backend(config)


def test_every_server_listens_on_loopback_only(tmp_path: Path) -> None:
    config = Config(port_offset=11)
    broker = broker_properties(config, tmp_path)
    addresses = [part.split("://")[1] for part in str(broker["listeners"]).split(",")]
    assert addresses == [f"{LOOPBACK}:{config.port('kafka')}", f"{LOOPBACK}:{config.port('kafka_controller')}"]
    assert broker["auto.create.topics.enable"] == "false"
    assert worker_properties(config, [])["listeners"] == f"http://{LOOPBACK}:{config.port('connect')}"


def test_kafka_connect_reads_the_owners_password_and_no_other(tmp_path: Path) -> None:
    allowed = worker_properties(Config(data_dir=tmp_path / "dätä"), [])[
        "config.providers.directory.param.allowed.paths"
    ]
    assert allowed == tmp_path.resolve() / "dätä" / "secrets" / "hedgehog"


def test_a_stack_that_a_version_before_started_is_to_be_stopped_first(tmp_path: Path) -> None:
    backend = NativeBackend(Config(infra="native", data_dir=tmp_path))
    daemon = backend.daemon("registry")
    daemon.start(Command([sys.executable, "-c", "input()"], tmp_path, {}), backend.parts["registry"].endpoint)
    try:
        with pytest.raises(StackError, match=r"^the stack of [^\n]* was started by a version before[^\n]*infra-down"):
            backend.up(print)
        assert not (tmp_path / "secrets").exists()
    finally:
        daemon.stop(signal.SIGKILL, 5)


def test_a_closed_home_is_out_of_reach_for_another_account(tmp_path: Path) -> None:
    other = Account("other", tmp_path.stat().st_uid + 12345, tmp_path.stat().st_gid + 12345)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not reachable(closed / "data", other)
    assert reachable(closed / "data", None)
    owner = Account("owner", closed.stat().st_uid, closed.stat().st_gid)
    assert reachable(closed / "data", owner) == reachable(closed, owner)


def test_the_wheel_brings_a_postgres_that_is_new_enough() -> None:
    majors = [major for folder in candidates() if (major := version_of(folder))]
    assert max(majors) >= OLDEST_MAJOR


def compose_variables(tmp_path: Path) -> dict[str, str]:
    make_passwords(tmp_path)
    return compose_environment(Config(data_dir=tmp_path, port_offset=5), tmp_path / "sink", tmp_path / "converter")


def test_the_compose_file_bounds_memory_and_publishes_on_loopback(tmp_path: Path) -> None:
    text = COMPOSE_FILE.read_text()
    services = yaml.safe_load(text)["services"]
    assert set(services) == {"postgres", "broker", "registry", "connect"}
    for service in services.values():
        assert service["mem_limit"]
        assert all(port.startswith(f"{LOOPBACK}:") for port in service.get("ports", []))
    assert not [line for line in text.splitlines() if "PASSWORD:" in line and "${HEDGEHOG_" not in line]
    used = {word.split(":")[0].split("}")[0] for word in text.split("${")[1:]}
    assert used == set(compose_variables(tmp_path))


def test_the_containers_get_the_passwords_of_the_data_folder(tmp_path: Path) -> None:
    variables = compose_variables(tmp_path)
    assert variables["HEDGEHOG_SUPERUSER_PASSWORD"] == password_of(tmp_path, SUPERUSER)
    assert variables["HEDGEHOG_OWNER_PASSWORD"] == password_of(tmp_path, OWNER)
    assert Path(variables["HEDGEHOG_OWNER_PASSWORD_FILE"]).read_text() == password_of(tmp_path, OWNER)


def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
    if shutil.which("docker") is None or subprocess.run(["docker", "compose", "version"], check=False).returncode:
        pytest.skip("NOT CHECKED: there is no `docker compose` here to validate infra/compose/compose.yaml")
    argv = ["docker", "compose", "--file", str(COMPOSE_FILE), "config", "--quiet"]
    # `compose` may be a plugin in the user's own home
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEHOG_")}
    environment = {**kept, **compose_variables(tmp_path)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
