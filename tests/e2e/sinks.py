"""A world of sinks of its own on the running stack: prefixed topics and connectors, a database of its own."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import Engine, Row, create_engine, text
from sqlalchemy.engine import make_url

from connectors.apply import apply_all, remove_all
from infra.config import Config
from schemas.broker import create_topics, delete_topics
from schemas.groups import sink_group, sink_name
from schemas.records import Keyed, Record
from schemas.registry import make_codec, register_all
from schemas.sql.migrate import upgrade
from schemas.topics import TOPICS, Topic, sink_dead_letters

DEADLINE_S = 90.0
POLL_S = 0.2
PARTITIONS = 2

T = TypeVar("T")


def until(what: str, ask: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """The first true answer; a failed assertion that shows the last one when there is none in time."""
    end = time.monotonic() + deadline_s
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {deadline_s:.0f} s: {what}; last answer {answer!r}"
        time.sleep(POLL_S)
    return answer


@contextmanager
def database(stack: Config, name: str) -> Iterator[str]:
    """The URL of a fresh, empty database on the stack's server, dropped at the end."""
    url = make_url(stack.database)
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            with server.connect() as connection:
                connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        server.dispose()


class World:
    """The sinks under test and the means to feed and to question them."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.engine: Engine = create_engine(config.database)
        self._admin = AdminClient({"bootstrap.servers": config.bootstrap})
        self._codecs: dict[type[Record], Any] = {}

    def encode(self, record: Record) -> bytes:
        """The bytes of a record under the schema of its topic."""
        if type(record) not in self._codecs:
            self._codecs[type(record)] = make_codec(self.config, type(record))
        return bytes(self._codecs[type(record)].encode(record))

    def send(self, *records: Keyed) -> None:
        """Write records to their topics, in this order, and wait for the broker."""
        topics = {topic.record: topic for topic in TOPICS.values() if topic.record}
        self.send_raw((topics[type(record)], record.instrument, self.encode(record)) for record in records)

    def send_raw(self, messages: Iterable[tuple[Topic, str, bytes | None]]) -> None:
        """Write bytes, whatever they are; (topic, key, value) each."""
        producer = Producer(
            {
                "bootstrap.servers": self.config.bootstrap,
                "partitioner": "murmur2_random",
                "message.max.bytes": 2 << 20,
            }
        )
        for topic, key, value in messages:
            producer.produce(topic.full_name(self.config), key=key, value=value)
        assert producer.flush(DEADLINE_S) == 0

    def rows(self, query: str, **values: object) -> list[Row[Any]]:
        """The answer of the database."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(query), values))

    def execute(self, statement: str) -> None:
        """Change the database."""
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def caught_up(self, topic: Topic) -> bool:
        """Whether the sink has committed the end of every partition of `topic`."""
        group = sink_group(self.config, topic)
        wanted = [TopicPartition(topic.full_name(self.config), number) for number in range(PARTITIONS)]
        future = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])[group]
        committed = future.result(DEADLINE_S).topic_partitions
        ends = [self._end(partition) for partition in wanted]
        return all(end in (found.offset, 0) for found, end in zip(committed, ends, strict=True))

    def _end(self, partition: TopicPartition) -> int:
        consumer = Consumer({"bootstrap.servers": self.config.bootstrap, "group.id": "ends"})
        try:
            return int(consumer.get_watermark_offsets(partition, DEADLINE_S)[1])
        finally:
            consumer.close()

    def dead_letters(self, topic: Topic) -> list[Message]:
        """What the sink of `topic` could not write, so far."""
        name = sink_dead_letters(topic).full_name(self.config)
        consumer = Consumer({"bootstrap.servers": self.config.bootstrap, "group.id": "letters"})
        try:
            partitions = [TopicPartition(name, number) for number in range(PARTITIONS)]
            marks = [consumer.get_watermark_offsets(partition, DEADLINE_S) for partition in partitions]
            consumer.assign([TopicPartition(name, number, low) for number, (low, _) in enumerate(marks)])
            found: list[Message] = []
            end = time.monotonic() + DEADLINE_S
            while len(found) < sum(high - low for low, high in marks) and time.monotonic() < end:
                found += [message for message in consumer.consume(100, 0.5) if message.error() is None]
            return found
        finally:
            consumer.close()

    def connect(self, method: str, path: str) -> httpx.Response:
        """Ask Kafka Connect's own interface."""
        response = httpx.request(method, f"{self.config.connect}{path}", timeout=DEADLINE_S, trust_env=False)
        response.raise_for_status()
        return response

    def pause(self, topic: Topic) -> None:
        """Pause the sink of a topic, and wait until its tasks read no more."""
        name = sink_name(self.config, topic)
        self.connect("PUT", f"/connectors/{name}/pause")
        asked = f"/connectors/{name}/status"
        until(
            f"{name} is paused",
            lambda: {task["state"] for task in self.connect("GET", asked).json()["tasks"]} == {"PAUSED"},
        )


@contextmanager
def sink_world(stack: Config) -> Iterator[World]:
    """Sinks that run, empty tables, empty topics; all of it removed at the end."""
    name = f"sinks_{time.time_ns()}"
    with database(stack, name) as url:
        values = {**stack.model_dump(), "topic_prefix": f"{name}-", "partitions": PARTITIONS, "database_url": url}
        config = Config(**values)
        create_topics(config)
        register_all(config)
        upgrade(config)
        world = World(config)
        try:
            apply_all(config, DEADLINE_S)
            yield world
        finally:
            remove_all(config)
            world.engine.dispose()
            delete_topics(config)
