"""Avro schema, record, table and connector say the same about every field."""

import json
from typing import Any, get_type_hints

import pytest
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Integer, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from connectors.files import FOLDER, load_all
from infra.config import Config
from schemas.codec import AVRO_DIR, schema_text
from schemas.records import Record
from schemas.sql.models import Base
from schemas.topics import SINKS, TOPICS, Topic, sink_dead_letters

Field = tuple[str, str, bool]
"""Name, kind and whether it may be null."""

MICROSECONDS = {"logicalType": "timestamp-micros", "connect.name": "io.debezium.time.MicroTimestamp"}
CONNECT_DECIMAL = "org.apache.kafka.connect.data.Decimal"
RECORDS = [topic.record for topic in TOPICS.values() if topic.record is not None]


def avro_fields(record: type[Record]) -> list[Field]:
    """The fields of the Avro schema; decimals as `decimal(precision,scale)`, enumerations with their symbols."""
    named: dict[str, dict[str, Any]] = {}
    fields = []
    for field in json.loads(schema_text(record))["fields"]:
        kind, nullable = field["type"], False
        if isinstance(kind, list):
            assert kind[0] == "null", field
            assert field["default"] is None, field
            kind, nullable = kind[1], True
        if isinstance(kind, dict) and "name" in kind:
            named[kind["name"]] = kind
        fields.append((field["name"], _avro_kind(named.get(kind, kind) if isinstance(kind, str) else kind), nullable))
    return fields


def _avro_kind(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    match kind["type"]:
        case "fixed":
            assert (kind["logicalType"], kind["connect.name"]) == ("decimal", CONNECT_DECIMAL)
            assert 10 ** kind["precision"] <= 2 ** (8 * kind["size"] - 1), "the bytes hold fewer digits"
            return f"decimal({kind['precision']},{kind['scale']})"
        case "enum":
            return "one of " + ",".join(kind["symbols"])
        case "long":
            assert kind == {**MICROSECONDS, "type": "long"}
            return "time"
    raise AssertionError(f"unexpected type {kind}")


def table_fields(table: Table) -> list[Field]:
    """The columns in the words of `avro_fields`."""
    return [(column.name, _sql_kind(table, column), bool(column.nullable)) for column in table.columns]


def _sql_kind(table: Table, column: Any) -> str:
    match column.type:
        case Numeric():
            return f"decimal({column.type.precision},{column.type.scale})"
        case TIMESTAMP():
            assert (column.type.timezone, column.type.precision) == (True, 6)
            return "time"
        case BigInteger():
            return "long"
        case Integer():
            return "int"
        case Boolean():
            return "boolean"
        case Text():
            return _known_values(table, column.name) or "string"
    raise AssertionError(f"unexpected type {column.type!r} of {column}")


def _known_values(table: Table, column: str) -> str:
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint) and constraint.name == f"{table.name}_{column}_known":
            inside = str(constraint.sqltext).partition("(")[2].rstrip(")")
            return "one of " + inside.replace("'", "").replace(" ", "")
    return ""


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_record_and_avro_schema_agree(record: type[Record]) -> None:
    python = {"string": str, "long": int, "int": int, "boolean": bool, "bytes": bytes, "time": int}
    hints = get_type_hints(record)
    fields = avro_fields(record)
    assert sorted(name for name, _, _ in fields) == sorted(record.__struct_fields__)
    for name, kind, nullable in fields:
        if kind.startswith("one of "):
            assert ",".join(hints[name]) == kind.removeprefix("one of ")
            continue
        expected = int if kind.startswith("decimal") else python[kind]
        assert hints[name] == (expected | None if nullable else expected), name


def test_every_schema_file_belongs_to_a_record() -> None:
    texts = {schema_text(record) for record in RECORDS}
    assert {path.read_text() for path in AVRO_DIR.glob("*.avsc")} == texts


@pytest.mark.parametrize("topic", SINKS, ids=lambda topic: topic.name)
def test_table_and_avro_schema_agree(topic: Topic) -> None:
    assert topic.record is not None
    assert sorted(table_fields(Base.metadata.tables[topic.name])) == sorted(avro_fields(topic.record))


@pytest.mark.parametrize("topic", SINKS, ids=lambda topic: topic.name)
def test_connector_topic_and_table_agree(topic: Topic) -> None:
    config = Config(topic_prefix="test-", _env_file=None)
    sink = next(sink for sink in load_all(config) if sink.name == f"test-{topic.name}-sink")
    table = Base.metadata.tables[sink.config["collection.name.format"]]
    assert table.name == topic.name
    assert sink.config["topics"] == topic.full_name(config)
    assert sink.config["primary.key.fields"].split(",") == [column.name for column in table.primary_key]
    letters = sink_dead_letters(topic)
    assert letters.name in TOPICS
    assert sink.config["errors.deadletterqueue.topic.name"] == letters.full_name(config)


def test_every_table_and_every_file_has_its_sink() -> None:
    names = {topic.name for topic in SINKS}
    own = {model.__tablename__ for model in Base.__subclasses__() if model.__module__ == Base.__module__}
    assert own == names
    assert {path.stem for path in FOLDER.glob("*.json")} == names


def test_connectors_differ_only_where_their_tables_do() -> None:
    own = {"topics", "collection.name.format", "primary.key.fields", "errors.deadletterqueue.topic.name"}
    # all but trades leave it to their triggers which snapshot is the newer one
    tuned = {"tasks.max", "use.reduction.buffer", "connection.url"}
    # settings may be read that were written when they said what the exchange says, too
    tuned.add("field.exclude.list")
    sinks = [sink.config for sink in load_all(Config(topic_prefix="", _env_file=None))]
    shared = [{key: value for key, value in sink.items() if key not in own | tuned} for sink in sinks]
    assert all(each == shared[0] for each in shared)


@pytest.mark.parametrize(
    ("table", "buffered"),
    [("trades", 1), ("orders", 0), ("fills", 0), ("instruments", 0), ("settings", 0), ("candles", 0), ("watches", 0)],
)
def test_snapshots_that_may_step_back_are_written_one_by_one(table: str, buffered: bool) -> None:
    """A buffer keeps the last of a batch, not the newest; without it, rewritten inserts would meet a key twice."""
    sink = next(
        sink.config for sink in load_all(Config(topic_prefix="", _env_file=None)) if sink.config["topics"] == table
    )
    assert sink["use.reduction.buffer"] == str(bool(buffered)).lower()
    rewritten = "?reWriteBatchedInserts=true&options=-c%20plan_cache_mode=force_generic_plan"
    assert sink["connection.url"].endswith(rewritten) == bool(buffered)
    assert ("?" in sink["connection.url"]) == bool(buffered)
