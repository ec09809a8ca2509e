"""Lean records: every field as aiokafka's own record has it."""

import dataclasses

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import ConsumerRecord

from streams.topics.lean import LeanRecords, Record

SENT = [
    (1_700_000_000_001, b"binance:XRPUSDT", b"value", []),
    (1_700_000_000_002, None, b"\0", [("a", b"b"), ("c", b"")]),
    (1_700_000_000_002, b"", None, []),
]
UNCOMPRESSED = 0


def fetched(kind: type[PartitionRecords]) -> list:
    batch = DefaultRecordBatchBuilder(2, UNCOMPRESSED, False, -1, -1, -1, 10_000)
    for number, (timestamp, key, value, headers) in enumerate(SENT):
        batch.append(number, timestamp, key, value, headers)
    records = MemoryRecords(bytes(batch.build()))
    return list(kind(TopicPartition("trades", 3), records, [], 1, None, None, True, 0))


def test_every_field_is_that_of_aiokafka() -> None:
    stock = [dataclasses.asdict(record) for record in fetched(PartitionRecords)]
    assert [each["offset"] for each in stock] == [1, 2]
    lean = fetched(LeanRecords)
    assert [{name: getattr(record, name) for name in Record.__struct_fields__} for record in lean] == stock
    assert all(isinstance(record, Record) for record in lean)


def test_it_has_the_fields_of_this_version() -> None:
    assert Record.__struct_fields__ == tuple(field.name for field in dataclasses.fields(ConsumerRecord))
