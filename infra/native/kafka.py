"""The broker: Apache Kafka in KRaft mode, broker and controller in one process."""

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path

from infra import probes
from infra.config import LOOPBACK, Config
from infra.errors import PartFailed
from infra.native.jars import Layout
from infra.native.java import JAVA_ENVIRONMENT, java_command, write_log4j, write_properties
from infra.native.part import Part
from infra.native.process import Command

HEAP_MB = 512
FORMAT_TIMEOUT_S = 60


def broker_properties(config: Config, log_dir: Path, bind: str = LOOPBACK) -> dict[str, object]:
    """The broker's settings for one node, all its data under `log_dir`; clients connect at an address `bind` takes."""
    broker = f"{LOOPBACK}:{config.port('kafka')}"
    controller = f"{LOOPBACK}:{config.port('kafka_controller')}"
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        # the static voter: the ports of an existing data folder may change between starts
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{bind}:{config.port('kafka')},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": log_dir,
        # a send to a topic nobody created is an error, not a topic with default settings
        "auto.create.topics.enable": "false",
        "num.partitions": config.partitions,
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # patience with a machine that is busy with something else
        "initial.broker.registration.timeout.ms": 180_000,
        "broker.session.timeout.ms": 30_000,
        # committed positions must outlive a long holiday: without them a consumer starts over
        "offsets.retention.minutes": 60 * 24 * 365,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 2000,
        # changelogs are compacted hard; the cleaner's buffer comes out of the heap
        "log.cleaner.threads": 1,
        "log.cleaner.dedupe.buffer.size": 32 * 1024 * 1024,
        "log.cleaner.backoff.ms": 5000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 4,
    }


def broker_part(config: Config, layout: Callable[[], Layout]) -> Part:
    """The broker of the native backend."""
    home = config.data_dir.resolve() / "kafka"
    return Part(
        name="broker",
        endpoint=config.bootstrap,
        ports={"kafka_port": config.port("kafka"), "kafka_controller_port": config.port("kafka_controller")},
        needs=(),
        command=partial(_command, config, home, layout),
        probe=partial(probes.broker, config.bootstrap),
        patience_s=30,
    )


def _command(config: Config, home: Path, layout: Callable[[], Layout]) -> Command:
    classpath = layout().kafka_classpath
    properties = write_properties(home / "server.properties", broker_properties(config, home / "data"))
    if not (home / "data" / "meta.properties").exists():
        _format(home, properties, classpath)
    log4j = write_log4j(home / "log4j2.properties")
    flags = [f"-Dlog4j2.configurationFile={log4j}", "-Djava.awt.headless=true"]
    argv = java_command(["kafka.Kafka", str(properties)], HEAP_MB, flags, classpath)
    return Command(argv, home, JAVA_ENVIRONMENT)


def cluster_id(unique: uuid.UUID) -> str:
    """An id as Kafka writes them, in URL-safe base64. One in 64 begins with a dash: no word of its own in a command."""
    return urlsafe_b64encode(unique.bytes).decode().rstrip("=")


def _format(home: Path, properties: Path, classpath: tuple[Path, ...]) -> None:
    cluster = cluster_id(uuid.uuid4())
    main = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--ignore-formatted", "-c", str(properties)]
    argv = java_command(main, 128, ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"], classpath)
    environment = {**os.environ, **JAVA_ENVIRONMENT}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False, env=environment)
    if done.returncode:
        raise PartFailed("broker", "its storage could not be formatted", home, (done.stdout + done.stderr).splitlines())
