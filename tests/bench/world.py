"""A world of its own on the benchmark's broker: prefixed topics, filled before anything is measured."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.cimpl import NewTopic

from infra.config import Config, load_config
from producers import settings_topic
from schemas.broker import admin, create_topics
from schemas.offsets import committed
from schemas.records import Setup
from schemas.registry import register_all
from schemas.topics import TRADES, Topic
from streams.topics.read import messages

PORT_OFFSET = "2000"
BUILD = Path("build")
ADMIN_WITHIN_S = 30

Encoded = list[tuple[str, bytes]]
"""Keys and values of records."""


@dataclass(frozen=True)
class World:
    """One prefix on the broker."""

    config: Config

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that lives in this world."""
        return {**os.environ, "HEDGEHOG_TOPIC_PREFIX": self.config.topic_prefix, "PYTHONPATH": os.getcwd()}

    @property
    def prefix(self) -> str:
        return self.config.topic_prefix


def stack_config() -> Config:
    """The configuration of the benchmark's own stack; every process that is started gets it by environment."""
    os.environ["HEDGEHOG_PORT_OFFSET"] = PORT_OFFSET
    os.environ["HEDGEHOG_DATA_DIR"] = str((BUILD / "bench-stack").resolve())
    os.environ["HEDGEHOG_TOPIC_PREFIX"] = ""
    return load_config()


@contextmanager
def world(name: str) -> Iterator[World]:
    """Topics of a fresh prefix; deleted at the end."""
    made = World(Config(topic_prefix=f"bench-{name}-{time.time_ns() // 1_000_000:x}-"))
    create_topics(made.config)
    register_all(made.config)
    try:
        yield made
    finally:
        _delete_topics(made)


def fill_trades(w: World, trades: Encoded) -> int:
    """Put `trades` into the topic; returns how many there are."""
    name = TRADES.full_name(w.config)
    producer = Producer(
        {
            "bootstrap.servers": w.config.bootstrap,
            "partitioner": "murmur2_random",
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    for i, (key, value) in enumerate(trades):
        while True:
            try:
                producer.produce(name, value, key)
                break
            except BufferError:
                producer.poll(0.05)
        if i % 1_000 == 0:
            producer.poll(0)
    if producer.flush(60):
        raise RuntimeError(f"{name}: the broker did not take all trades")
    return len(trades)


def fill_setups(w: World, setups: Sequence[Setup]) -> None:
    """Write all these instruments and their settings."""
    settings_topic.write(w.config, [record for setup in setups for record in setup])


def create_topic(w: World, name: str) -> str:
    """Create a topic that is not the project's; its full name."""
    full_name = f"{w.prefix}{name}"
    client = admin(w.config)
    client.create_topics([NewTopic(full_name, w.config.partitions, 1)])[full_name].result(ADMIN_WITHIN_S)
    deadline = time.monotonic() + ADMIN_WITHIN_S
    while full_name not in client.list_topics(timeout=ADMIN_WITHIN_S).topics:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{full_name}: created, but not in the broker's metadata")
        time.sleep(0.05)
    return full_name


def _delete_topics(w: World) -> None:
    """Delete what is in this world, the topics which other frameworks made for themselves among it."""
    client = admin(w.config)
    names = [name for name in client.list_topics(timeout=ADMIN_WITHIN_S).topics if w.prefix in name]
    for future in client.delete_topics(names, operation_timeout=ADMIN_WITHIN_S).values():
        future.result(ADMIN_WITHIN_S)


class Progress:
    """How far a consumer group is in one topic, from the broker's view."""

    def __init__(self, config: Config, group: str, topic: str) -> None:
        self._config, self._group, self._topic = config, group, topic

    def committed(self) -> int:
        """The records of all partitions that the group has committed."""
        found = committed(self._config, [self._group])[self._group]
        return sum(offset for (topic, _), offset in found.items() if topic == self._topic)


def read_topic(config: Config, topic: Topic) -> list[bytes]:
    """The values of all records that a topic has now."""
    return [message.value() or b"" for message in messages(config, [topic])]
