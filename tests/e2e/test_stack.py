"""The native stack: up, up again, status, down; the data survive."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.config import Config
from tests.stack import ROOT, claimed_offset

TOPIC = "survivor"


def infra(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return module(environment, "infra", *words)


def module(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", *words]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def home() -> Iterator[tuple[dict[str, str], Config]]:
    with claimed_offset() as offset:
        folder = ROOT / f"{offset}-survival"
        values = {"HEDGEHOG_INFRA": "native", "HEDGEHOG_PORT_OFFSET": str(offset), "HEDGEHOG_DATA_DIR": str(folder)}
        environment = {**os.environ, **values}
        try:
            yield environment, Config(port_offset=offset, data_dir=folder)
        finally:
            infra(environment, "down")
            infra(environment, "clean", "--yes")


def execute(config: Config, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(config.database.replace("+psycopg2", ""))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def produce(config: Config) -> None:
    admin = AdminClient({"bootstrap.servers": config.bootstrap})
    admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])[TOPIC].result(15)
    producer = Producer({"bootstrap.servers": config.bootstrap})
    producer.produce(TOPIC, b"still here")
    assert producer.flush(15) == 0


def consume(config: Config) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": config.bootstrap, "group.id": "survival"})
    try:
        consumer.assign([TopicPartition(TOPIC, 0, 0)])
        message = consumer.poll(15)
        return message.value() if message is not None and message.error() is None else None
    finally:
        consumer.close()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_up_twice_is_harmless_and_data_survive_down_and_up(home: tuple[dict[str, str], Config]) -> None:
    environment, config = home
    first = infra(environment, "up")
    assert first.returncode == 0, first.stderr
    assert first.stdout == "", "progress belongs on stderr"
    for _ in range(2):
        provisioned = module(environment, "connectors", "provision")
        assert provisioned.returncode == 0, provisioned.stderr
        assert provisioned.stdout == "", "progress belongs on stderr"
        assert [line.split() for line in provisioned.stderr.splitlines()] == [
            [step, "ready"]
            for step in ("topics", "configs", "schemas", "tables", "records", "sources", "connectors", "letters")
        ]
    pids = {part["part"]: part["pid"] for part in status(environment)["parts"]}

    again = infra(environment, "up")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("already up") == 4
    assert {part["part"]: part["pid"] for part in status(environment)["parts"]} == pids
    refused = infra(environment, "clean", "--yes")
    assert refused.returncode == 1
    assert "still running" in refused.stderr

    produce(config)
    execute(config, "CREATE TABLE survivor AS SELECT 42 AS answer")
    assert infra(environment, "down").returncode == 0
    assert {part["state"] for part in status(environment, expected=1)["parts"]} == {"down"}

    third = infra(environment, "up")
    assert third.returncode == 0, third.stderr
    assert consume(config) == b"still here"
    assert execute(config, "SELECT answer FROM survivor") == [(42,)]
    assert execute(config, "SELECT count(*) FROM trades") == [(0,)]
    assert execute(config, "SHOW timezone") == [("UTC",)]
    assert not set(pids.values()) & {part["pid"] for part in status(environment)["parts"]}


def status(environment: dict[str, str], expected: int = 0) -> dict[str, list[dict[str, object]]]:
    done = infra(environment, "status", "--json")
    assert done.returncode == expected, done.stdout + done.stderr
    found: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    return found


def test_the_log_of_each_part_is_in_the_data_folder(stack: Config) -> None:
    if stack.infra == "external":
        pytest.skip("external servers keep their logs elsewhere")
    logs = {path.stem for path in Path(stack.data_dir, "logs").glob("*.log")}
    assert logs == {"postgres", "broker", "registry", "connect"}
