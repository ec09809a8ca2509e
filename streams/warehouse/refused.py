"""The record that stops a sink: the first one after what the sink has committed that its table does not take."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from confluent_kafka import Message
from sqlalchemy import Connection, Table, create_engine
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DataError, IntegrityError

from infra.config import Config
from schemas.broker import admin
from schemas.codec import Codec
from schemas.dead_letters import CONNECT
from schemas.groups import sink_group, sink_name
from schemas.offsets import committed
from schemas.reader import Partition
from schemas.registry import make_codec
from schemas.spans import Span, partitions, records, spans
from schemas.sql.models import Base
from schemas.times import EPOCH, MICROSECOND
from schemas.topics import Topic, sink_dead_letters
from schemas.units import to_decimal
from schemas.writer import ToWrite, write


@dataclass(frozen=True)
class Refused:
    """A record that its table does not take, and what Postgres says."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    reason: str


def first_refused(config: Config, topic: Topic) -> Refused | None:
    """Return the first record after the sink's committed offsets that its table refuses; None where it takes all.

    The records before it are written, as the sink would have done: who skips this one loses none of them. What is no
    record is passed over: the sink makes dead letters of those by itself.
    """
    assert topic.record is not None
    codec: Codec[Any] = make_codec(config, topic.record)
    engine = create_engine(config.database)
    try:
        with engine.begin() as connection:
            return _write_until_refused(connection, topic, codec, records(config, _behind(config, topic)))
    finally:
        engine.dispose()


def _behind(config: Config, topic: Topic) -> dict[Partition, Span]:
    """Return the offsets of each partition that the sink has not committed."""
    client, group = admin(config), sink_group(config, topic)
    done = committed(config, [group])[group]
    found = spans(client, partitions(client, [topic.full_name(config)]))
    return {at: (min(max(first, done.get(at, first)), end), end) for at, (first, end) in found.items()}


def _write_until_refused(
    connection: Connection, topic: Topic, codec: Codec[Any], messages: Iterable[Message]
) -> Refused | None:
    table = Base.metadata.tables[topic.name]
    for message in messages:
        value = message.value()
        values = _values(codec, value)
        if values is None:
            continue
        assert isinstance(value, bytes), "it was read"
        try:
            row = _row(table, values)
            with connection.begin_nested():
                connection.execute(_upsert(table, row))
        except (DataError, IntegrityError, ValueError, OverflowError) as error:
            reason = str(getattr(error, "orig", error)).splitlines()[0]
            key = message.key()
            return Refused(
                message.partition() or 0, message.offset() or 0, key if isinstance(key, bytes) else None, value, reason
            )
    return None


def _values(codec: Codec[Any], value: Any) -> dict[str, Any] | None:
    """Return what a record says, within its limits or not; None for bytes that are none."""
    if not isinstance(value, bytes) or value[:1] != b"\x00":
        return None
    try:
        return codec.decode_as_written(value)
    except (EOFError, IndexError, KeyError, TypeError, ValueError, OverflowError):
        return None


def _row(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that the sink writes of a record; raise `OverflowError` for a time that is none."""
    row = {}
    for name in values.keys() & table.columns.keys():
        value = values[name]
        if table.columns[name].type.python_type is Decimal:
            value = to_decimal(value)
        elif name.endswith("_time"):
            value = EPOCH + value * MICROSECOND
        row[name] = value
    return row


def _upsert(table: Table, row: dict[str, Any]) -> Insert:
    statement = insert(table).values(row)
    key = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(index_elements=key, set_={name: statement.excluded[name] for name in row})


def bury(config: Config, topic: Topic, refused: Refused) -> str:
    """Write a record to the dead letters of the sink of `topic`; return the letter's id. Raises `NotTaken`."""
    name = sink_dead_letters(topic).name
    headers = {
        "topic": topic.full_name(config),
        "partition": str(refused.partition),
        "offset": str(refused.offset),
        "connector.name": sink_name(config, topic),
        "exception.message": refused.reason,
    }
    letter = ToWrite(refused.value, refused.key, headers=[(f"{CONNECT}{of}", said) for of, said in headers.items()])
    (taken,) = write(config, f"{config.topic_prefix}{name}", [letter])
    return f"{name}:{taken.partition()}:{taken.offset()}"
