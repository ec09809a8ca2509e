"""Records as aiokafka hands them out, made for less: they are most of what reading a topic costs."""

from collections.abc import Iterator
from typing import Any

import msgspec
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords


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


class Fetched(msgspec.Struct, gc=False):
    """What the broker sent of a partition, as it came: whole record batches, and perhaps a part of one more."""

    data: bytes


def as_fetched(value: bytes) -> bytes:
    """Given as a consumer's deserializer, has it hand out one `Fetched` for each answer of the broker."""
    return value


class HeldRecords:
    """What a broker's answer holds, and its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.records = MemoryRecords(data)
        self.has_next = self.records.has_next
        self.size_in_bytes = self.records.size_in_bytes


class LeanRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """Reads the records of a fetched partition; its consumer has no deserializers, or `as_fetched`."""

    def __init__(self, tp: Any, records: Any, *settings: Any) -> None:
        self._fetched = records.data if isinstance(records, HeldRecords) else b""
        super().__init__(tp, records.records if isinstance(records, HeldRecords) else records, *settings)

    def _unpack_records(self) -> Iterator[Any]:
        if self._value_deserializer is as_fetched:
            yield from self._whole()
        else:
            yield from super()._unpack_records()

    def _whole(self) -> Iterator[Fetched]:
        """Hand out the answer as it is. Batches of transactions have no place in topics that are read so."""
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            self.next_fetch_offset = batch.next_offset
        yield Fetched(self._fetched)

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
    fetcher.MemoryRecords = HeldRecords
