"""The brokers: Apache Kafka in KRaft mode, broker and controller in one process each."""

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path

from infra import probes
from infra.brokers import FOLDER, Cluster, keep_cluster, kept_cluster
from infra.config import LOOPBACK, Config, all_but_one
from infra.errors import PartFailed
from infra.native.jars import Layout
from infra.native.java import JAVA_ENVIRONMENT, java_command, write_log4j, write_properties
from infra.native.part import Part
from infra.native.process import Command

HEAP_MB = 512
HEAP_OF_SEVERAL_MB = 320
"""Each of several has a part of the work, and they share the machine."""
FORMAT_TIMEOUT_S = 60
NAME = "broker"
PORTS = ("kafka_port", "kafka_controller_port")


def broker_properties(config: Config, log_dir: Path, bind: str = LOOPBACK, number: int = 1) -> dict[str, object]:
    """The settings of broker `number`, all its data under `log_dir`; clients connect at an address `bind` takes."""
    port, several = config.broker_port(number), config.own_brokers > 1
    controllers = [f"{LOOPBACK}:{config.broker_port(n + 1, 'kafka_controller')}" for n in range(config.own_brokers)]
    copies = config.kafka_copies
    in_sync = all_but_one(copies)
    return {
        "process.roles": "broker,controller",
        "node.id": number,
        # the static voters: the ports of an existing data folder may change between starts
        "controller.quorum.voters": ",".join(f"{n}@{at}" for n, at in enumerate(controllers, 1)),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{bind}:{port},CONTROLLER://{controllers[number - 1]}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": log_dir,
        # a send to a topic nobody created is an error, not a topic with default settings
        "auto.create.topics.enable": "false",
        "num.partitions": config.partitions,
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 1,
        # patience with a machine that is busy with something else; where others could go on, no more than needed
        "initial.broker.registration.timeout.ms": 180_000,
        "broker.session.timeout.ms": 9_000 if several else 30_000,
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


def broker_parts(config: Config, layout: Callable[[], Layout]) -> list[Part]:
    """The brokers of the native backend; none where those of somebody else are used."""
    return [_part(config, number, layout) for number in range(1, config.own_brokers + 1)]


def _part(config: Config, number: int, layout: Callable[[], Layout]) -> Part:
    # one alone is where it was before there could be several
    home, several = config.data_dir.resolve() / FOLDER, config.own_brokers > 1
    endpoint = f"{LOOPBACK}:{config.broker_port(number)}"
    return Part(
        name=f"{NAME}-{number}" if several else NAME,
        endpoint=endpoint,
        ports={name: config.broker_port(number, name.removesuffix("_port")) for name in PORTS},
        needs=(),
        command=partial(_command, config, number, home / str(number) if several else home, layout),
        probe=partial(probes.broker, config, endpoint),
        patience_s=30,
    )


def claim_data(config: Config) -> None:
    """Note how many brokers the data are of, in a folder without any."""
    if kept_cluster(config.data_dir) is None:
        keep_cluster(config.data_dir, Cluster(config.own_brokers, cluster_id(uuid.uuid4())))


def _command(config: Config, number: int, home: Path, layout: Callable[[], Layout]) -> Command:
    classpath = layout().kafka_classpath
    settings = broker_properties(config, home / "data", number=number)
    properties = write_properties(home / "server.properties", settings)
    if not (home / "data" / "meta.properties").exists():
        _format(home, properties, classpath, config)
    log4j = write_log4j(home / "log4j2.properties")
    flags = [f"-Dlog4j2.configurationFile={log4j}", "-Djava.awt.headless=true"]
    heap_mb = HEAP_OF_SEVERAL_MB if config.own_brokers > 1 else HEAP_MB
    argv = java_command(["kafka.Kafka", str(properties)], heap_mb, flags, classpath)
    return Command(argv, home, JAVA_ENVIRONMENT)


def cluster_id(unique: uuid.UUID) -> str:
    """An id as Kafka writes them, in URL-safe base64. One in 64 begins with a dash: no word of its own in a command."""
    return urlsafe_b64encode(unique.bytes).decode().rstrip("=")


def _format(home: Path, properties: Path, classpath: tuple[Path, ...], config: Config) -> None:
    kept = kept_cluster(config.data_dir)
    cluster = (kept and kept.cluster_id) or cluster_id(uuid.uuid4())
    main = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--ignore-formatted", "-c", str(properties)]
    argv = java_command(main, 128, ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"], classpath)
    environment = {**os.environ, **JAVA_ENVIRONMENT}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False, env=environment)
    if done.returncode:
        raise PartFailed("broker", "its storage could not be formatted", home, (done.stdout + done.stderr).splitlines())
