"""TLS and SASL: a broker of somebody else that wants both, and every client of the pipeline that comes to it so.

Producer, worker, sinks and their dead letters, notifier, dashboard, questions and the audit; nobody comes in otherwise,
and no log and no file of the stack has the password.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import KafkaException
from sqlalchemy import create_engine, text

from connectors.interface import all_connectors
from infra import probes
from infra.config import LOOPBACK, Config, load_config
from schemas import topics
from streams.topics.read import count
from tests.e2e.workers import Pipeline, partition_of
from tests.faults.fleet import Fleet, wait_for
from tests.samples import setup
from tests.stack import ROOT, claimed_offset, environment, running_stack

pytest.importorskip("cryptography", reason="NOT CHECKED: no certificates without the package cryptography")
from tests.e2e.secured import PASSWORD, USER, Certificates, secured_broker

INSTRUMENT = "test:SAFEUSDT"
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secured")


@pytest.fixture(scope="module")
def secured(folder: Path) -> Iterator[Config]:
    """The rest of a stack beside a broker that wants a name and a password, by TLS."""
    if load_config().infra == "external":
        pytest.skip("NOT CHECKED: external servers are as they are")
    certificates = Certificates(folder)
    (folder / "password").write_text(f"{PASSWORD}\n")
    with claimed_offset() as offset:
        own = Config(port_offset=offset, kafka_bootstrap="")
        values = {
            "HEDGEHOG_INFRA": "native",
            "HEDGEHOG_PARTITIONS": "2",
            "HEDGEHOG_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{own.port('kafka')}",
            "HEDGEHOG_KAFKA_SECURITY": "sasl_ssl",
            "HEDGEHOG_KAFKA_CA_FILE": str(certificates.ca_file),
            "HEDGEHOG_KAFKA_USERNAME": USER,
            "HEDGEHOG_KAFKA_PASSWORD_FILE": str(folder / "password"),
        }
        with secured_broker(own, folder / "broker", certificates):
            with environment(values):
                wait_for("the broker lets us in", lambda: lets_in(load_config()))
            with running_stack(offset, ROOT / f"{offset}-secured", **values) as config:
                yield config


def lets_in(config: Config) -> bool:
    try:
        probes.broker(config)
    except (KafkaException, ConnectionError):
        return False
    return True


def hedgehog(*words: str, **variables: str) -> tuple[int, Any]:
    """Run a command with `--json`; its exit code and what it printed."""
    argv = [sys.executable, "-m", "streams.cli.main", *words, "--json"]
    variables = {**os.environ, "PYTHONPATH": os.getcwd(), **variables}
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert PASSWORD not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout or done.stderr)


@contextmanager
def running(log: Path, *words: str) -> Iterator[None]:
    """A program of hedgehog that goes on for as long as the context."""
    argv = [sys.executable, "-m", "streams.cli.main", *words]
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, env={**os.environ, "PYTHONPATH": os.getcwd()}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(30)


def ready(url: str) -> bool:
    try:
        return bool(httpx.get(url, timeout=5).json()["ready"])
    except httpx.HTTPError:
        return False


@pytest.mark.timeout(600)
def test_every_client_comes_in_by_tls_and_with_its_password(secured: Config, folder: Path) -> None:
    with Fleet(secured, folder) as fleet:
        pipeline = Pipeline(secured, fleet)
        pipeline.start_worker()
        pipeline.wait_until_ready()
        pipeline.set_all(*setup(INSTRUMENT))
        pipeline.until("the leader is on", lambda: pipeline.trades_on(INSTRUMENT))
        pipeline.trade(INSTRUMENT, "100")
        pipeline.until_statuses(INSTRUMENT, b1="NEW")
        pipeline.trade(INSTRUMENT, "98")
        pipeline.until_statuses(INSTRUMENT, b1="FILLED", s1="NEW")
        # the worker makes a dead letter of it, and so does the sink
        pipeline.write_raw(topics.TRADES, INSTRUMENT, b"poison", partition_of(INSTRUMENT, secured.partitions))
        sunk = topics.sink_dead_letters(topics.TRADES)
        wait_for("two dead letters", lambda: (count(secured, [sunk]), count(secured, [topics.DEAD_LETTERS])) == (1, 1))
        pipeline.trade(INSTRUMENT, "101")
        pipeline.until("it sold", lambda: pipeline.statuses(INSTRUMENT)["1:S"] == "FILLED")
        wait_for("Postgres has the orders", lambda: _orders(secured) == len(pipeline.orders(INSTRUMENT)))
        pipeline.close()
        with running(folder / "notify.log", "notify", "--sink", "stdout"):
            wait_for("the notifier reads", lambda: ready(f"http://{LOOPBACK}:{secured.port('notifier')}/readyz"))
        with running(folder / "dashboard.log", "dashboard", "--without-audit"):
            wait_for("the dashboard reads", lambda: ready(f"http://{LOOPBACK}:{secured.port('dashboard')}/healthz"))
        _, found = hedgehog("doctor")
        asked = ("broker", "topics", "copies", "schemas", "connectors", "readers")
        assert [row for row in found if row["check"] in asked and row["state"] != "ok"] == []
        code, _ = hedgehog("audit")
        assert code == 0
    _assert_nobody_tells_the_password(secured, folder)


def _orders(config: Config) -> int:
    engine = create_engine(config.database)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM orders")).scalar_one())
    finally:
        engine.dispose()


def _assert_nobody_tells_the_password(config: Config, folder: Path) -> None:
    assert PASSWORD not in json.dumps(all_connectors(config))
    files = [path for path in config.data_dir.rglob("*") if path.suffix in (".log", ".properties", ".json")]
    files += folder.glob("*.log")
    names = {path.name for path in files}
    assert {"connect.log", "worker.properties", "worker.log", "notify.log", "dashboard.log"} <= names
    assert [path for path in files if PASSWORD in path.read_text(errors="replace")] == []


def test_nobody_comes_in_otherwise(secured: Config) -> None:
    assert lets_in(secured)
    assert lets_in(secured.model_copy(update={"kafka_mechanism": "PLAIN"}))
    wrong = {"kafka_password": "guessed", "kafka_password_file": ""}
    for mechanism in ("SCRAM-SHA-512", "PLAIN"):
        with pytest.raises(ConnectionError, match="uthentication"):
            probes.broker(secured.model_copy(update={**wrong, "kafka_mechanism": mechanism}))
    with pytest.raises(ConnectionError, match="certificate"):
        probes.broker(secured.model_copy(update={"kafka_ca_file": ""}))
    assert not lets_in(secured.model_copy(update={"kafka_security": "plaintext"}))


def test_who_is_not_let_in_is_told_why(secured: Config) -> None:
    wrong = {"HEDGEHOG_KAFKA_PASSWORD": "guessed", "HEDGEHOG_KAFKA_PASSWORD_FILE": ""}
    code, found = hedgehog("doctor", **wrong)
    (broker,) = [row for row in found if row["check"] == "broker"]
    assert (code, broker["state"]) == (1, "problem")
    assert "uthentication" in broker["finding"]
    code, failed = hedgehog("topics", "create", **wrong)
    assert (code, failed["exit_code"]) == (3, 3)
    assert "uthentication" in failed["error"]
    assert "guessed" not in json.dumps([found, failed])
