"""The connector files filled in for an installation, and what is told of a sink's failure."""

import json
import os
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from connectors import files
from connectors.__main__ import main
from connectors.files import load_all, placeholders
from connectors.interface import ConnectError, innermost_cause, states
from infra.config import Config
from infra.passwords import make_passwords

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_endpoints_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEDGEHOG_")]:
        monkeypatch.delenv(name)


def config(**values: object) -> Config:
    return Config(**{"_env_file": None, **values})  # type: ignore[arg-type]


def test_names_carry_the_prefix() -> None:
    names = [sink.name for sink in load_all(config(topic_prefix="p-"))]
    assert names == [
        "p-trades-sink",
        "p-orders-sink",
        "p-fills-sink",
        "p-instruments-sink",
        "p-settings-sink",
        "p-candles-sink",
        "p-watches-sink",
    ]


def test_connect_reaches_the_servers_where_we_do_unless_told_otherwise() -> None:
    here = placeholders(config(port_offset=7))
    assert here["jdbc_url"] == "jdbc:postgresql://127.0.0.1:25439/hedgehog"
    assert here["registry_url"] == "http://127.0.0.1:28088"
    inside = placeholders(config(connect_postgres="postgres:5432", connect_registry_url="http://registry:8080/"))
    assert inside["jdbc_url"] == "jdbc:postgresql://postgres:5432/hedgehog"
    assert inside["registry_url"] == "http://registry:8080"


def test_dead_letters_of_sinks_have_as_many_copies_as_topics() -> None:
    copies = {
        sink.config["errors.deadletterqueue.topic.replication.factor"] for sink in load_all(config(replication=3))
    }
    assert copies == {"3"}


def test_a_password_may_hold_any_character() -> None:
    url = "postgresql+psycopg2://user:%22%24%7Bx%7D%5C@127.0.0.1:5432/db"
    assert load_all(config(database_url=url))[0].config["connection.password"] == '"${x}\\'


OWN = "postgresql+psycopg2://hedgehog@127.0.0.1:25432/replay"


@pytest.mark.parametrize(
    ("values", "referred"),
    [
        ({}, True),
        ({"infra": "native", "database_url": OWN}, True),
        ({"connect_url": "http://127.0.0.1:28083/"}, True),
        ({"infra": "external"}, False),
        ({"connect_url": "http://connect:8083"}, False),
        ({"database_url": OWN.replace("hedgehog@", "hedgehog:typed@")}, False),
        ({"database_url": OWN.replace("hedgehog@127", "user@127")}, False),
    ],
    ids=str,
)
def test_kafka_connect_is_told_where_the_password_is(tmp_path: Path, values: dict[str, str], referred: bool) -> None:
    """Of the stack's own database, and where its own Kafka Connect can read it; anywhere else it gets the password."""
    make_passwords(tmp_path)
    made = config(data_dir=tmp_path, **values)
    typed = make_url(made.database).password or ""
    place = f"${{directory:{tmp_path.resolve()}/secrets/hedgehog:password}}"
    assert {sink.config["connection.password"] for sink in load_all(made)} == {place if referred else typed}


def test_without_a_stack_there_is_no_password(tmp_path: Path) -> None:
    assert load_all(config(data_dir=tmp_path))[0].config["connection.password"] == ""


def test_an_unknown_placeholder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trades.json").write_text(json.dumps({"name": "x", "config": {"topics": "${topic}"}}))
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"trades\.json: placeholder 'topic'"):
        load_all(config())


def test_a_bad_address_is_named() -> None:
    with pytest.raises(ValueError, match="connect_postgres"):
        config(connect_postgres="postgres")


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        ("", ""),
        ("a.B: only this\n\tat x.y(Z.java:1)\n", "a.B: only this"),
        ("a.B: outer\n\tat x\nCaused by: c.D: middle\n\t... 1 more\nCaused by: e.F: inner\n\tat z", "e.F: inner"),
    ],
)
def test_the_cause_is_the_innermost_line(trace: str, cause: str) -> None:
    assert innermost_cause(trace) == cause


def test_no_connect_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConnectError, match=f"no Kafka Connect answers at {NOWHERE}"):
        states(config(connect_url=NOWHERE))
    monkeypatch.setenv("HEDGEHOG_CONNECT_URL", NOWHERE)
    assert main(["status"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_usage() -> None:
    assert main(["sing"]) == 2
