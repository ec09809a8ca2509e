"""Every schema of today reads what was written under those of commit 7ab30b9; the registry holds later ones to it."""

import json
from typing import Any

import avro.schema
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.codec import Codec, schema_text
from schemas.topics import TOPICS
from tests.first_layout import OLD_SCHEMAS, records

OURS, OLD = 7, 3


def readable(reader: str, writer: str) -> bool:
    """Whether the reference implementation says that one schema reads what was written under another."""
    parsed = avro.schema.parse(reader), avro.schema.parse(writer)
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    return checker.get_compatibility(*parsed).compatibility is SchemaCompatibilityType.compatible


def schema_of(topic: str) -> str:
    record = TOPICS[topic].record
    assert record is not None
    return schema_text(record)


@pytest.mark.parametrize("topic", OLD_SCHEMAS)
def test_every_schema_reads_what_was_written(topic: str) -> None:
    assert readable(schema_of(topic), OLD_SCHEMAS[topic])


@pytest.mark.parametrize("topic", OLD_SCHEMAS)
def test_one_more_field_without_a_default_would_not(topic: str) -> None:
    schema = json.loads(schema_of(topic))
    schema["fields"].append({"name": "more", "type": "string"})
    assert not readable(json.dumps(schema), OLD_SCHEMAS[topic])


@pytest.mark.parametrize("topic", ["settings", "trades", "orders", "fills", "applied"])
def test_the_bytes_of_that_day_are_records(topic: str) -> None:
    kind: Any = TOPICS[topic].record
    codec = Codec(kind, OURS, {OLD: OLD_SCHEMAS[topic]}.__getitem__)
    found = [(key, codec.decode(value).instrument) for key, value in records(topic, OLD)]
    assert found
    assert all(key == instrument for key, instrument in found)
