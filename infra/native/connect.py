"""Kafka Connect: one distributed worker with the JDBC sink and the Avro converter on its plugin path."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from infra import clients, probes
from infra.config import LOOPBACK, Config
from infra.native.jars import Layout
from infra.native.java import JAVA_ENVIRONMENT, java_command, write_log4j, write_properties
from infra.native.part import Part
from infra.native.process import Command
from infra.passwords import OWNER, password_folder

HEAP_MB = 512
CLIENTS = ("", "consumer.", "producer.", "admin.")
"""Of the worker itself, and of its sinks: what they read by, write dead letters by, and make topics by."""


def worker_properties(config: Config, plugins: Sequence[Path], bind: str = LOOPBACK) -> dict[str, object]:
    """The worker's settings for a single worker whose REST interface listens on address `bind`."""
    topics = {name: f"connect-{name}" for name in ("configs", "offsets", "status")}
    reached = clients.java(config)
    copies = config.kafka_copies if config.own_brokers else config.copies
    return {
        **{f"{client}{name}": value for client in CLIENTS for name, value in reached.items()},
        "group.id": "hedgehog-connect",
        "listeners": f"http://{bind}:{config.port('connect')}",
        "rest.advertised.host.name": LOOPBACK,
        "plugin.path": ",".join(str(path) for path in plugins),
        # all plugins here have service files (jars.py adds the converter's); scanning them took 15 s of two cores
        "plugin.discovery": "service_load",
        "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        # the connectors' files say where the password is, and Connect shows no more than that; who it is itself for
        # the brokers is in a variable
        "config.providers": "directory,env",
        "config.providers.directory.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
        "config.providers.directory.param.allowed.paths": password_folder(config.data_dir, OWNER),
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "config.providers.env.param.allowlist.pattern": clients.JAAS,
        "connector.client.config.override.policy": "All",
        "config.storage.topic": topics["configs"],
        "config.storage.replication.factor": copies,
        "offset.storage.topic": topics["offsets"],
        "offset.storage.replication.factor": copies,
        "offset.storage.partitions": 1,
        "status.storage.topic": topics["status"],
        "status.storage.replication.factor": copies,
        "status.storage.partitions": 1,
        # what a sink has written but not committed is written again after a crash; every 5 s bounds it
        "offset.flush.interval.ms": 5000,
        # one worker: waiting for another one to come back only delays the tasks
        "scheduled.rebalance.max.delay.ms": 0,
        "session.timeout.ms": 10000,
        "task.shutdown.graceful.timeout.ms": 5000,
    }


def connect_part(config: Config, layout: Callable[[], Layout], brokers: Sequence[str]) -> Part:
    """The Connect worker of the native backend, after those brokers of the stack, and after the registry.

    A sink that cannot have a schema takes the record for one that cannot be read: it would be a dead letter.
    """
    home = config.data_dir.resolve() / "connect"
    return Part(
        name="connect",
        endpoint=config.connect,
        ports={"connect_port": config.port("connect")},
        needs=("registry", *brokers),
        command=partial(_command, config, home, layout),
        probe=partial(probes.connect, config.connect),
    )


def _command(config: Config, home: Path, layout: Callable[[], Layout]) -> Command:
    programs = layout()
    properties = write_properties(home / "worker.properties", worker_properties(config, programs.plugins))
    log4j = write_log4j(home / "log4j2.properties")
    # a sink is judged by its throughput, not by its pauses; the default collector takes a fifth of its time
    flags = ["-XX:+UseParallelGC", f"-Dlog4j2.configurationFile={log4j}", "-Djava.awt.headless=true"]
    main = ["org.apache.kafka.connect.cli.ConnectDistributed", str(properties)]
    environment = {**JAVA_ENVIRONMENT, **clients.jaas(config)}
    return Command(java_command(main, HEAP_MB, flags, programs.kafka_classpath), home, environment)
