"""The command itself, where no server answers: help, usage, exit codes, one line instead of a traceback."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.config import Config
from schemas.records import OrderStatus
from streams.cli.errors import BadValue
from streams.cli.main import app
from streams.cli.orders.rows import parse_statuses
from streams.cli.pipeline.options import Worker
from streams.cli.pipeline.worker import faust_command

ENV_EXAMPLE = Path(__file__).parents[4] / ".env.example"
NEEDING_A_BROKER = (
    "settings seed",
    "settings show",
    "settings set XRPUSDT --chunks 3",
    "streaming start XRPUSDT",
    "streaming stop XRPUSDT",
    "streaming status",
    "trading start XRPUSDT",
    "trading stop XRPUSDT",
    "trading shutdown XRPUSDT",
    "trading halt --all",
    "trading status",
    "watch list",
    "watch add XRPUSDT",
    "watch remove XRPUSDT",
    "watch set XRPUSDT --deviation 0.01",
    "watch snooze 1h",
    "notify --sink stdout",
    "topics create",
    "topics list",
    "dlq list",
    "dlq show dead-letters:0:1",
    "dlq requeue dead-letters:0:1",
    "produce",
    "guard",
    "worker",
)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[int]:
    """A configuration whose servers do not exist; the port that nobody listens at."""
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        for name in ("KAFKA", "REGISTRY", "CONNECT", "POSTGRES"):
            monkeypatch.setenv(f"HEDGEHOG_{name}_PORT", str(port))
        for name in ("KAFKA_BOOTSTRAP", "REGISTRY_URL", "CONNECT_URL", "DATABASE_URL", "PORT_OFFSET"):
            monkeypatch.delenv(f"HEDGEHOG_{name}", raising=False)
        yield port


def hedgehog(line: str) -> Result:
    return CliRunner().invoke(app, line.split())


@pytest.mark.parametrize("line", NEEDING_A_BROKER)
def test_a_broker_that_is_down_is_one_line_with_its_endpoint(line: str, nowhere: int) -> None:
    result = hedgehog(line)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr == f"hedgehog: no Kafka broker listens at 127.0.0.1:{nowhere}\n  try: make infra-up\n"


@pytest.mark.parametrize(
    "line", ["orders list", "candles list --symbol XRPUSDT", "candles export a.csv --symbol XRPUSDT"]
)
def test_a_database_that_is_down_is_one_line(line: str, nowhere: int) -> None:
    result = hedgehog(line)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"hedgehog: no PostgreSQL listens at 127.0.0.1:{nowhere}\n")


@pytest.mark.parametrize("line", ["--json topics list", "topics list --json"])
def test_with_json_the_error_is_an_object(line: str, nowhere: int) -> None:
    result = hedgehog(line)
    assert result.stdout == ""
    error = json.loads(result.stderr)
    assert str(nowhere) in error["error"]
    assert error["exit_code"] == result.exit_code == 3


def test_status_shows_what_is_down_and_exits_1(nowhere: int) -> None:
    result = hedgehog("status --json")
    page = json.loads(result.stdout)
    assert result.exit_code == 1
    assert page["ok"] is False
    assert [part["state"] for part in page["parts"]] == ["down"] * 4
    assert len(page["problems"]) == 4


def test_doctor_names_each_problem_and_what_to_type(nowhere: int) -> None:
    result = hedgehog("doctor --json")
    lines = {row["check"]: row for row in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert lines["python"]["state"] == "ok"
    for name in ("broker", "registry", "connect", "postgres"):
        assert lines[name]["state"] == "problem"
        assert str(nowhere) in lines[name]["finding"]
        assert lines[name]["type"] == "make infra-up"
    assert lines["topics"]["state"] == "skipped"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("settings set XRPUSDT", "--chunks"),
        ("candles list --symbol XRPUSDT --interval 7m", "--interval: '7m' is none of 1m, 5m, 15m, 1h, 4h, 1d"),
        ("candles list --symbol XRPUSDT --from noon", "--from: 'noon' is not an ISO 8601 time"),
        ("candles export a.txt --symbol XRPUSDT", "FILE: a.txt ends neither with .csv nor with .parquet"),
        ("settings set XRPUSDT --budget 1e3", "--budget: '1e3'"),
        ("settings set XRPUSDT --fee 0.123456789", "--fee: '0.123456789'"),
        ("settings seed --exchange nowhere", "--exchange: 'nowhere'"),
        ("produce --exchange nowhere", "--exchange: 'nowhere' is none of the exchanges binance"),
        ("produce --exchange binance --exchange x", "--exchange: 'x' is none of the exchanges binance"),
        ("orders list --status done", "--status: 'done'"),
        ("trading stop --all", "--yes"),
        ("worker --log-level loud", "--log-level: 'loud'"),
        ("worker --agents trading,mining", "agents: 'mining' is none of trading, exchange, market"),
        ("worker --without-web --web-port 7000", "--web-port 7000 or --without-web, not both"),
        ("replay publish --prefix r.", "one of --file FILE and --topic"),
        ("replay publish --prefix r. --file gone.csv", "--file: gone.csv: no such file or folder"),
        ("replay publish --prefix r. --topic --speed 2 --flat-out", "--speed and --flat-out: only one can be"),
        ("replay publish --prefix r. --topic --interval 0", "--interval: 0 is not above 0"),
        ("watch set XRPUSDT", "nothing to set: give one of --deviation"),
        ("watch set XRPUSDT --deviation 2%", "--deviation: '2%' is not a plain decimal"),
        ("watch set XRPUSDT --cooldown 5", "--cooldown: '5' is not a duration such as 90s, 15m, 2h or 1d"),
        ("watch snooze soon", "DURATION: 'soon' is not a duration such as 90s, 15m, 2h or 1d"),
        ("watch add XRPUSDT --digest 1.5", "--digest: '1.5' is not a whole number"),
        ("notify --sink pigeon", "--sink: 'pigeon' is none of telegram, webhook, apprise, stdout"),
        ("orders list --limit 0", "--limit"),
        ("dlq show", "ID"),
    ],
)
def test_a_wrong_value_is_named_and_exits_2(line: str, words: str, nowhere: int) -> None:
    result = hedgehog(line)
    assert result.exit_code == 2
    assert words in result.stderr


def test_an_archive_that_is_not_there_is_named(nowhere: int) -> None:
    result = hedgehog("archive prune gone --keep-days 1")
    assert (result.exit_code, result.stderr) == (1, "hedgehog: gone: no such folder\n")


@pytest.mark.parametrize("line", ["produce", "settings seed"])
def test_a_stream_url_with_a_path_is_refused_at_the_start(
    line: str, monkeypatch: pytest.MonkeyPatch, nowhere: int
) -> None:
    monkeypatch.setenv("HEDGEHOG_BINANCE_STREAM_URL", "wss://stream.binance.com:9443/ws")
    result = hedgehog(line)
    assert result.exit_code == 2
    assert "HEDGEHOG_BINANCE_STREAM_URL=wss://stream.binance.com:9443/ws" in result.stderr
    assert "not of the form wss://host or wss://host:port" in result.stderr
    (check,) = [row for row in json.loads(hedgehog("doctor --json").stdout) if row["check"] == "configuration"]
    assert check["state"] == "problem"
    assert "not of the form wss://host" in check["finding"]


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEHOG_PARTITIONS", "twelve")
    result = hedgehog("settings show")
    assert result.exit_code == 2
    assert "HEDGEHOG_PARTITIONS=twelve" in result.stderr


def test_help_documents_the_exit_codes() -> None:
    result = hedgehog("--help")
    assert result.exit_code == 0
    for words in ("Exit codes", "wrong usage", "cannot be reached", "found a problem"):
        assert words in result.stdout


def test_help_does_not_wait_for_the_libraries() -> None:
    code = (
        "import sys, streams.cli.main\n"
        "heavy = {'confluent_kafka', 'faust', 'numba', 'numpy', 'pydantic', 'sqlalchemy', 'httpx', 'fastavro'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("typed", "statuses"),
    [
        ([], []),
        (["open"], [OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED]),
        (["filled", "Partially-Filled"], [OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED]),
    ],
)
def test_statuses_are_typed_in_any_case(typed: list[str], statuses: list[OrderStatus]) -> None:
    assert parse_statuses(typed) == statuses
    with pytest.raises(BadValue, match="'shut'"):
        parse_statuses(["shut"])


@pytest.mark.parametrize(
    ("asked", "end"),
    [
        (Worker(), "-l info worker"),
        (Worker(Path("w2"), 26067, log_level="warn"), "-l warn --datadir w2 worker --web-port 26067"),
        (Worker(without_web=True), "-l info worker --without-web"),
    ],
)
def test_the_worker_is_started_as_faust_starts_it(asked: Worker, end: str) -> None:
    assert " ".join(faust_command(asked)) == f"{sys.executable} -m faust -A streams {end}"


def test_env_example_names_every_variable_with_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEDGEHOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    lines = [line.removeprefix("# ") for line in ENV_EXAMPLE.read_text().splitlines()]
    variables = [line for line in lines if line.startswith("HEDGEHOG_") and "=" in line]
    names = [line.partition("=")[0] for line in variables]
    assert names == [f"HEDGEHOG_{field.upper()}" for field in Config.model_fields]

    (tmp_path / ".env").write_text("\n".join(variables))
    given, default = Config(), Config.model_construct()
    assert given.model_dump(exclude={"cache_dir"}) == default.model_dump(exclude={"cache_dir"})
