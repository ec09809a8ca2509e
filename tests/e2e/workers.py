"""A pipeline to test: topics of its own on the session's stack, real workers, and everything they write read along."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, ConsumerGroupState, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.config import Config
from producers import settings_topic
from producers.publisher import Publisher
from schemas import topics
from schemas.broker import client_settings, create_topics, delete_topics
from schemas.groups import worker_group
from schemas.journal_records import LEADER, Applied
from schemas.order_ids import read_id
from schemas.records import DeadLetter, Instrument, Order, Record, Settings, Trade, TradingStatus
from schemas.registry import make_codec, register_all
from schemas.topics import TOPICS, Topic
from tests import samples
from tests.faults.fleet import Fleet

READY_TIMEOUT_S = 60.0
TIMEOUT_S = 30.0
SOURCES = (topics.TRADES, topics.ORDERS, topics.FILLS, topics.INSTRUMENTS, topics.SETTINGS)

R = TypeVar("R", bound=Record)


class Pipeline:
    """The topics of one test module, its workers, and all that is in them. Trades get the ids after `trade_ids`."""

    def __init__(self, config: Config, fleet: Fleet, trade_ids: int = 0) -> None:
        self.config = config
        self.fleet = fleet
        self.codecs: dict[type[Record], Any] = {
            topic.record: make_codec(config, topic.record) for topic in TOPICS.values() if topic.record
        }
        self.messages: dict[str, list[Message]] = {name: [] for name in TOPICS}
        self._names = {topic.full_name(config): name for name, topic in TOPICS.items()}
        client = client_settings(config)
        self._admin = AdminClient(client)
        # The broker judges the size of what is packed.
        wide = {"message.max.bytes": 16 << 20, "compression.type": "zstd"}
        self._producer = Producer({**client, **wide, "partitioner": "murmur2_random"})
        self._publisher = Publisher(config)
        self._tail = Consumer(
            {
                **client,
                "group.id": f"{config.topic_prefix}test",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 20,
            }
        )
        partitions = range(config.partitions)
        self._tail.assign([TopicPartition(name, number, 0) for name in self._names for number in partitions])
        self._trade_ids = trade_ids
        self._raw: set[tuple[str, int | None, int | None]] = set()

    def close(self) -> None:
        self._tail.close()

    # Workers

    def start_worker(self, name: str = "worker") -> None:
        self.fleet.start(name)

    def stop_worker(self, how: signal.Signals, name: str = "worker") -> None:
        self.fleet.stop(name, how)

    def wait_until_ready(self, workers: int = 1, agents: str = "", sources: Sequence[Topic] = SOURCES) -> None:
        """Wait until so many workers with these agents share all partitions of the sources among them."""
        expected = {
            (topic.full_name(self.config), number) for topic in sources for number in range(self.config.partitions)
        }
        group = worker_group(self.config, agents)

        def assigned() -> bool:
            self.fleet.assert_alive()
            found = self._admin.describe_consumer_groups([group])[group].result(TIMEOUT_S)
            places = {
                (place.topic, place.partition)
                for member in found.members
                for place in member.assignment.topic_partitions
            }
            return found.state is ConsumerGroupState.STABLE and len(found.members) == workers and places >= expected

        self.until(f"{workers} worker(s) have all partitions", assigned, READY_TIMEOUT_S)

    # Writing

    def set_all(self, *changed: Instrument | Settings) -> None:
        settings_topic.write(self.config, changed)

    def trade(self, instrument: str, *prices: str, quantity: str = "1000") -> None:
        """Publish market trades, as a producer does, and wait for the broker."""
        for price in prices:
            self._trade_ids += 1
            trade = samples.trade(price, self._trade_ids, instrument, quantity)
            self._publisher.publish(topics.TRADES, instrument, self.codecs[Trade].encode(trade))
        self._publisher.flush(TIMEOUT_S)

    def write_raw(self, topic: Topic, key: str | None, value: bytes | None, partition: int) -> tuple[int, int]:
        """Write any bytes; the partition and the offset that they got."""
        placed: list[Message] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error.str()
            placed.append(message)

        self._producer.produce(topic.full_name(self.config), value, key, partition, on_delivery=delivered)
        self._producer.flush(TIMEOUT_S)
        offset = placed[0].offset()
        assert offset is not None
        self._raw.add((topic.name, partition, offset))
        return partition, offset

    def hedgehog(self, *words: str) -> Any:
        """Run the command in this pipeline's world; what it printed, from JSON."""
        command = [sys.executable, "-m", "streams.cli.main", *words, "--json"]
        environment = self.fleet.environment("cli")
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"hedgehog {' '.join(words)}: {done.stderr}"
        return json.loads(done.stdout)

    # Reading

    def until(self, what: str, condition: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
        """Read along until the condition holds; an `AssertionError` names what did not happen in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._read_along()
            if condition():
                return
            self.fleet.assert_alive()
            assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}\n{self._newest()}"

    def records(self, topic: Topic, record_type: type[R], key: str | None = None) -> list[R]:
        """All records of a topic, or those under a key, in the order of their partition; not what was `write_raw`."""
        wanted = None if key is None else key.encode()
        return [
            self.codecs[record_type].decode(message.value())
            for message in self.messages[topic.name]
            if (wanted is None or message.key() == wanted)
            and (topic.name, message.partition(), message.offset()) not in self._raw
        ]

    def journal(self, instrument: str) -> list[Applied]:
        """What the instrument's leader wrote down; the exchange's book keeps a journal of its own in the same topic."""
        return [event for event in self.records(topics.APPLIED, Applied, instrument) if event.agent == LEADER]

    def orders(self, instrument: str) -> dict[str, Order]:
        """The newest snapshot of each order, by its short id (`1:B`), in the order in which they were placed."""
        newest: dict[str, Order] = {}
        for order in self.records(topics.ORDERS, Order, instrument):
            short = short_id(order.client_order_id)
            if short not in newest or order.version > newest[short].version:
                newest[short] = order
        return newest

    def statuses(self, instrument: str) -> dict[str, str]:
        return {short: order.status.value for short, order in self.orders(instrument).items()}

    def resting(self, instrument: str) -> set[str]:
        """The orders in the mock exchange's book, by short id."""
        stored = self._state(topics.BOOKS, instrument)
        return {short_id(order["client_order_id"]) for order in stored.get("orders", ())}

    def until_statuses(self, instrument: str, **expected: str) -> None:
        """Wait for orders: `until_statuses(instrument, b1="FILLED", s1="NEW")`; the open ones also rest in the book."""
        wanted = {f"{name[1:]}:{name[0].upper()}": status for name, status in expected.items()}
        still_open = {short for short, status in wanted.items() if status == "NEW"}
        self.until(
            f"{instrument}: {wanted}",
            lambda: self.statuses(instrument) == wanted and self.resting(instrument) == still_open,
        )

    def _state(self, changelog: Topic, instrument: str) -> dict[str, Any]:
        for message in reversed(self.messages[changelog.name]):
            if message.key() == instrument.encode():
                state: dict[str, Any] = json.loads(message.value() or b"{}")["state"]
                return state
        return {}

    def leader(self, instrument: str) -> dict[str, Any]:
        """The leader's state as it was last stored."""
        return self._state(topics.LEADERS, instrument)

    def knows(self, instrument: str) -> bool:
        """Whether the leader, as it was last stored, has both its instrument and its settings."""
        stored = self.leader(instrument)
        return bool(stored.get("instrument") and stored.get("settings"))

    def trades_on(self, instrument: str) -> bool:
        """Whether the leader, as it was last stored, knows its instrument and that trading is on."""
        return self.knows(instrument) and self.leader(instrument)["settings"]["status"] == TradingStatus.ON.value

    def _read_along(self) -> None:
        for message in self._tail.consume(1_000, timeout=0.05):
            if message.error() is None:
                self.messages[self._names[message.topic() or ""]].append(message)

    def _newest(self) -> str:
        orders = self.records(topics.ORDERS, Order)[-5:]
        letters = self.records(topics.DEAD_LETTERS, DeadLetter)[-3:]
        return "\n".join(["the newest orders and dead letters:", *(repr(record) for record in [*orders, *letters])])


@contextmanager
def pipeline_at_rest(stack: Config, folder: Path, name: str) -> Iterator[Pipeline]:
    """A pipeline with empty topics and no worker yet; everything of it is stopped and removed at the end."""
    config = stack.model_copy(update={"topic_prefix": f"{name}-{time.time_ns()}-"})
    aside(create_topics, config)
    register_all(config)
    with Fleet(config, folder) as fleet:
        pipeline = Pipeline(config, fleet)
        try:
            yield pipeline
        finally:
            pipeline.close()
    aside(delete_topics, config)


def aside(work: Callable[[Config], object], config: Config) -> None:
    """Do it in a thread of its own: in that of a browser's test a loop runs, which `asyncio.run` does not take."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work, config).result()


@contextmanager
def running_pipeline(stack: Config, folder: Path, name: str) -> Iterator[Pipeline]:
    """The same with one worker that is ready."""
    with pipeline_at_rest(stack, folder, name) as pipeline:
        pipeline.start_worker()
        pipeline.wait_until_ready()
        yield pipeline


def short_id(client_order_id: str) -> str:
    """What tells orders of one leader apart: `12:B`."""
    named = read_id(client_order_id)
    return f"{named.trader}:{named.side}" if named else client_order_id


def partition_of(key: str, partitions: int) -> int:
    """Where Kafka's own clients put a key."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % partitions
