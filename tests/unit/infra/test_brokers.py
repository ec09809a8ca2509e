"""How many brokers a stack has, where they listen, what they keep together, and what is refused."""

import os
import signal
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.brokers import FILE, FOLDER, Cluster, keep_cluster, kept_cluster
from infra.compose.backend import ComposeBackend
from infra.config import Config, problems
from infra.errors import BadConfiguration, StackError
from infra.native.backend import NativeBackend
from infra.native.connect import worker_properties
from infra.native.kafka import broker_properties, claim_data
from infra.native.ports import require_apart
from infra.native.process import Command
from infra.stack import choose_backend

THREE = "127.0.0.1:29099,127.0.0.1:29101,127.0.0.1:29103"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEDGEHOG_")]:
        monkeypatch.delenv(name)


def config(folder: Path, **values: object) -> Config:
    return Config(**{"_env_file": None, "data_dir": folder, "port_offset": 7, **values})  # type: ignore[arg-type]


def test_a_stack_has_one_broker_unless_more_are_asked_for(tmp_path: Path) -> None:
    one, three = config(tmp_path), config(tmp_path, brokers=3)
    assert (one.own_brokers, one.bootstrap) == (1, "127.0.0.1:29099")
    assert (three.own_brokers, three.bootstrap) == (3, THREE)
    assert [three.broker_port(number, "kafka_controller") for number in (1, 2, 3)] == [29100, 29102, 29104]


@pytest.mark.parametrize("number", [2, 4, 10, -1])
def test_a_number_without_a_majority_is_refused(tmp_path: Path, number: int) -> None:
    with pytest.raises(ValidationError) as raised:
        config(tmp_path, brokers=number)
    (said,) = problems(raised.value)
    assert said.startswith(f"HEDGEHOG_BROKERS={number}: ")


@pytest.mark.parametrize(
    ("values", "copies", "in_sync"),
    [
        ({}, 1, 1),
        ({"brokers": 3}, 3, 2),
        ({"brokers": 5}, 3, 2),
        ({"brokers": 3, "replication": 1}, 1, 1),
        ({"brokers": 3, "min_insync_replicas": 1}, 3, 1),
        ({"brokers": 5, "replication": 5}, 5, 4),
        ({"infra": "external", "kafka_bootstrap": "a:1,b:1,c:1"}, 1, 1),
        ({"infra": "external", "kafka_bootstrap": "a:1,b:1,c:1", "replication": 3}, 3, 2),
        ({"infra": "external", "kafka_bootstrap": "a:1", "replication": 2}, 2, 1),
    ],
    ids=str,
)
def test_any_one_broker_may_be_missing_where_there_are_others(
    tmp_path: Path, values: dict[str, object], copies: int, in_sync: int
) -> None:
    made = config(tmp_path, **values)
    assert (made.copies, made.min_insync) == (copies, in_sync)


@pytest.mark.parametrize(
    ("values", "own"),
    [
        ({"kafka_bootstrap": "127.0.0.1:29099"}, 1),
        ({"kafka_bootstrap": "localhost:29099, localhost:29101", "brokers": 3}, 3),
        ({"kafka_bootstrap": "kafka.example.com:9092"}, 0),
        ({"kafka_bootstrap": "127.0.0.1:29092"}, 0),
        ({"kafka_bootstrap": "127.0.0.1:29101"}, 0),
        ({"kafka_bootstrap": "127.0.0.1:29099", "kafka_security": "ssl"}, 0),
        ({"infra": "external", "kafka_bootstrap": "127.0.0.1:29099"}, 0),
    ],
    ids=str,
)
def test_brokers_of_somebody_else_are_not_the_stacks(tmp_path: Path, values: dict[str, object], own: int) -> None:
    made = config(tmp_path, **values)
    assert made.own_brokers == own
    brokers = [name for name in NativeBackend(made).parts if name.startswith("broker")]
    assert len(brokers) == own
    assert NativeBackend(made).parts["connect"].needs == ("registry", *brokers)


def test_the_number_belongs_to_the_data(tmp_path: Path) -> None:
    assert kept_cluster(tmp_path) is None
    claim_data(config(tmp_path, brokers=3))
    kept = kept_cluster(tmp_path)
    assert kept is not None
    claim_data(config(tmp_path, brokers=3))
    assert kept_cluster(tmp_path) == kept, "its id stays"
    assert (config(tmp_path).own_brokers, config(tmp_path).bootstrap) == (3, THREE)
    # whoever stops it with another number would leave two running
    assert list(NativeBackend(config(tmp_path, brokers=1)).parts)[1:4] == ["broker-1", "broker-2", "broker-3"]


def test_a_folder_from_before_has_one_broker(tmp_path: Path) -> None:
    (tmp_path / FOLDER / "data").mkdir(parents=True)
    (tmp_path / FOLDER / "data" / "meta.properties").write_text("")
    assert kept_cluster(tmp_path) == Cluster(1, "")
    assert config(tmp_path, brokers=3).own_brokers == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"brokers": "three", "cluster_id": "x"}'])
def test_a_spoiled_note_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / FILE).write_text(text)
    with pytest.raises(BadConfiguration, match=FILE):
        kept_cluster(tmp_path)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"brokers": 1}, r"^HEDGEHOG_BROKERS=1: the data of \S+ are those of 3, .*HEDGEHOG_DATA_DIR"),
        ({"brokers": 5}, r"^HEDGEHOG_BROKERS=5: the data of \S+ are those of 3, "),
        ({"replication": 4}, r"^HEDGEHOG_REPLICATION=4: the stack has 3 brokers"),
        ({"brokers": 3, "kafka_bootstrap": "b:1"}, r"^HEDGEHOG_BROKERS=3: .*HEDGEHOG_KAFKA_BOOTSTRAP=b:1"),
    ],
    ids=str,
)
def test_what_does_not_fit_the_data_is_not_started(tmp_path: Path, values: dict[str, object], said: str) -> None:
    keep_cluster(tmp_path, Cluster(3, "id"))
    with pytest.raises(StackError, match=said):
        NativeBackend(config(tmp_path, **values)).up(print)
    assert kept_cluster(tmp_path) == Cluster(3, "id")


def test_containers_are_one_broker(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="HEDGEHOG_BROKERS"):
        ComposeBackend(config(tmp_path, infra="compose", brokers=3)).up(print)
    assert choose_backend(config(tmp_path, brokers=3), docker=lambda: True).name == "native"
    assert choose_backend(config(tmp_path, kafka_bootstrap="b:1"), docker=lambda: True).name == "native"
    assert choose_backend(config(tmp_path), docker=lambda: True).name == "compose"


def test_several_brokers_know_each_other_and_keep_copies(tmp_path: Path) -> None:
    made = config(tmp_path, brokers=3)
    second = broker_properties(made, tmp_path, number=2)
    assert second["node.id"] == 2
    assert second["controller.quorum.voters"] == "1@127.0.0.1:29100,2@127.0.0.1:29102,3@127.0.0.1:29104"
    assert second["listeners"] == "PLAINTEXT://127.0.0.1:29101,CONTROLLER://127.0.0.1:29102"
    assert second["advertised.listeners"] == "PLAINTEXT://127.0.0.1:29101"
    copies = {name: value for name, value in second.items() if name.endswith("replication.factor")}
    assert len(copies) == 4
    assert set(copies.values()) == {3}
    in_sync = {name: value for name, value in second.items() if name.endswith((".min.isr", "min.insync.replicas"))}
    assert len(in_sync) == 3
    assert set(in_sync.values()) == {2}
    of_connect = worker_properties(made, [])
    assert [of_connect[f"{name}.storage.replication.factor"] for name in ("config", "offset", "status")] == [3, 3, 3]


def test_one_broker_is_where_it_was(tmp_path: Path) -> None:
    part = NativeBackend(config(tmp_path)).parts["broker"]
    assert (part.endpoint, part.ports) == ("127.0.0.1:29099", {"kafka_port": 29099, "kafka_controller_port": 29100})
    alone = broker_properties(config(tmp_path), tmp_path)
    assert alone["controller.quorum.voters"] == "1@127.0.0.1:29100"
    assert {value for name, value in alone.items() if name.endswith("replication.factor")} == {1}


def test_ports_that_meet_are_named(tmp_path: Path) -> None:
    parts = NativeBackend(config(tmp_path, brokers=3, kafka_controller_port=29094)).parts.values()
    with pytest.raises(StackError, match=r"^port 29101 is wanted by broker-1 \(HEDGEHOG_KAFKA_CONTROLLER_PORT\) and"):
        require_apart(parts)
    require_apart(NativeBackend(config(tmp_path, brokers=3)).parts.values())


def test_status_and_logs_know_each_broker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backend = NativeBackend(config(tmp_path, infra="native", brokers=3))
    daemon = backend.daemon("broker-2")
    daemon.start(Command([sys.executable, "-c", "print('here', flush=True); input()"], tmp_path, {}), "there")
    try:
        states = {part.part: part.state for part in backend.status() if part.part.startswith("broker")}
        # nobody reads its standard input, so it ends by itself: what was started and is gone is not just down
        assert states["broker-1"] == states["broker-3"] == "down"
        assert states["broker-2"] != "down"
        backend.logs("broker", follow=False)
    finally:
        daemon.stop(signal.SIGKILL, 5)
    assert "broker-2 | here" in capsys.readouterr().out
