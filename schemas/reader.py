"""Reads records of topics from given offsets on, as they come. Nothing is committed and no group is joined."""

import time
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.config import Config
from infra.errors import Unreachable
from schemas.broker import client_settings
from schemas.groups import readers_group

Partition = tuple[str, int]
"""The full name of a topic and the number of one of its partitions."""

BATCH = 2_000
QUEUED_KB = 8 << 10
"""Bounds what waits here where the records are taken slowly, as in a replay at the recorded pace."""
FETCH_WAIT_MS = 10
POLL_S = 0.2
LEADERS_WITHIN_S = 1.0


class Reader:
    """One client that reads some partitions, each from an offset of its own. Close it, or use it in a `with` block."""

    def __init__(self, config: Config, starts: Mapping[Partition, int], fetch_wait_ms: int = FETCH_WAIT_MS) -> None:
        settings: dict[str, Any] = {
            **client_settings(config),
            "group.id": readers_group(config),
            "enable.auto.commit": False,
            # the last offset below an end may be of no record any more: the broker says where the end is
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": fetch_wait_ms,
            "queued.max.messages.kbytes": QUEUED_KB,
        }
        self._bootstrap = config.bootstrap
        self._consumer = Consumer(settings)
        if any(offset < 0 for offset in starts.values()):
            self._learn_leaders()
        self._consumer.assign([TopicPartition(topic, number, offset) for (topic, number), offset in starts.items()])
        self.at_end: set[Partition] = set()
        """The partitions that were read up to an end they had at that time."""

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def next(self, wait_s: float) -> list[Message]:
        """Return what has arrived, or arrives within `wait_s` seconds, in order per partition; perhaps nothing.

        Raises `KafkaException` for what the client does not overcome by itself, such as an offset that is not there any
        more; an outage it waits out.
        """
        # `consume` alone would wait that long for a full batch
        first = self._consumer.poll(wait_s)
        arrived = [] if first is None else [first, *self._consumer.consume(BATCH, 0)]
        return [message for message in arrived if self._is_record(message)]

    def present(self, partitions: Set[Partition], within_s: float) -> Iterator[Message]:
        """Yield what there is up to the present ends; raise `Unreachable` when they are not reached in time."""
        deadline = time.monotonic() + within_s
        while not partitions <= self.at_end:
            if time.monotonic() > deadline:
                names = " and ".join(sorted({topic for topic, _ in partitions}))
                raise Unreachable(f"the broker at {self._bootstrap} did not send all of {names} within {within_s:g} s")
            yield from self.next(POLL_S)

    def leave(self, partition: Partition) -> None:
        """Read no more of a partition."""
        self._consumer.pause([TopicPartition(*partition)])

    def _learn_leaders(self) -> None:
        """Learn who leads the partitions; librdkafka asks for a beginning or an end half a second later otherwise."""
        with suppress(KafkaException):  # an outage is waited out by what reads
            self._consumer.list_topics(timeout=LEADERS_WITHIN_S)

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self.at_end.add(partition_of_message(message))
        elif error.fatal() or error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise KafkaException(error)
        return False


def partition_of_message(message: Message) -> Partition:
    """Return the partition that a message is from."""
    return message.topic() or "", message.partition() or 0
