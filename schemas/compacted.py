"""Compacted topics of records about instruments, read from their beginning on: what there is now, then what follows."""

import logging
from collections.abc import Collection, Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Message

from infra.config import Config
from schemas.broker import partitions_of
from schemas.codec import Codec, CodecError
from schemas.reader import FETCH_WAIT_MS, Reader
from schemas.records import Keyed
from schemas.registry import make_codec
from schemas.topics import Topic

log = logging.getLogger(__name__)

TIMEOUT_S = 20.0

Found = tuple[Message, Keyed | CodecError]
"""A message, and the record that it holds or why it holds none."""


class CompactedTopics:
    """Some topics from their beginning on. Use it in a `with` block.

    Raises `Unreachable` without a broker, `TopicsMissing` for a topic that there is not, `RegistryUnavailable` without
    a schema registry.
    """

    def __init__(self, config: Config, topics: Collection[Topic], fetch_wait_ms: int = FETCH_WAIT_MS) -> None:
        self._config = config
        self._codecs: dict[str, Codec[Any]] = {
            topic.full_name(config): make_codec(config, topic.record) for topic in topics if topic.record
        }
        self._keys = {topic.full_name(config): topic.key for topic in topics}
        self._partitions = set(partitions_of(config, self._codecs))
        self._reader = Reader(config, dict.fromkeys(self._partitions, OFFSET_BEGINNING), fetch_wait_ms)

    def __enter__(self) -> "CompactedTopics":
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def present(self) -> Iterator[Found]:
        """Yield what there is up to the present end; raise `Unreachable` when that is not reached in time."""
        yield from map(self._found, self._reader.present(self._partitions, TIMEOUT_S))

    def next(self, wait_s: float) -> list[Found]:
        """Return what has arrived, or arrives within `wait_s` seconds; perhaps nothing. What is no record is logged."""
        return list(map(self._found, self._reader.next(wait_s)))

    def as_written(self, message: Message) -> dict[str, Any]:
        """Return all fields of a message with a record, by the schema under which it was written."""
        return self._codecs[message.topic() or ""].decode_as_written(_bytes(message.value()) or b"")

    def _found(self, message: Message) -> Found:
        record = self._record(message)
        if isinstance(record, CodecError):
            place = message.topic(), message.partition(), message.offset()
            log.warning("topic %s, partition %s, offset %s: %s", *place, record)
        return message, record

    def _record(self, message: Message) -> Keyed | CodecError:
        key = message.key()
        try:
            record: Keyed = self._codecs[message.topic() or ""].decode(_bytes(message.value()))
        except CodecError as error:
            return error
        expected = self._keys[message.topic() or ""](record)
        if key != expected.encode():
            return CodecError(f"the key {key!r} is not that of the record, {expected}")
        return record


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None
