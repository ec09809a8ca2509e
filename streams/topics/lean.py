"""Records as aiokafka hands them out, made for less: they are most of what reading a topic costs."""

from typing import Any

import msgspec
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords


class Record(msgspec.Struct, gc=False):
    """A record of a topic, with the fields of aiokafka's own.

    That is a frozen dataclass: each field is set by a call, and the garbage collector follows every one of them.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    headers: tuple[tuple[str, bytes], ...]


class LeanRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """Reads the records of a fetched partition; its consumer has no deserializers."""

    def _consumer_record(self, tp: Any, record: Any) -> Record:
        key, value = record.key, record.value
        return Record(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            key,
            value,
            record.checksum,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
            tuple(record.headers),
        )


def install() -> None:
    """Let every aiokafka consumer of this process hand out lean records."""
    fetcher.PartitionRecords = LeanRecords
