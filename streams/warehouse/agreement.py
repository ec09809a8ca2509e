"""Compares the warehouse with the topics it was filled from: every message against every row, every field.

It tells what Kafka Connect left out, altered or invented. The writers should be at rest: rows that arrive from
messages after the end offsets, which are taken once at the start, count as extra.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from sqlalchemy import ColumnElement, Engine, Numeric, create_engine, extract, select
from sqlalchemy.dialects.postgresql import TIMESTAMP

from infra.config import Config
from schemas.broker import admin
from schemas.codec import Codec, CodecError
from schemas.groups import sink_group
from schemas.offsets import committed
from schemas.reader import Partition
from schemas.registry import make_codec
from schemas.spans import partitions, records, spans
from schemas.sql.models import Base, CandleRow, FillRow, InstrumentRow, OrderRow, SettingsRow, TradeRow, WatchRow
from schemas.topics import CANDLES, FILLS, INSTRUMENTS, ORDERS, SETTINGS, TRADES, WATCHES, Topic
from schemas.units import ONE

EXAMPLES = 5
PAUSE_S = 0.5

Key = tuple[Any, ...]
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Comparison:
    """How one table compares with its topic. Counts; `examples` names the first few that do not agree.

    `conflicting` counts messages that say something else under the same key (and version) than an earlier one: no
    fault of the sink, but of a writer. `undecodable` messages belong to the sink's dead letters.
    """

    table: str
    messages: int
    undecodable: int
    keys: int
    rows: int
    differing: int
    missing: int
    extra: int
    conflicting: int
    examples: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether the table holds exactly what the topic says."""
        return self.differing == self.missing == self.extra == 0


@dataclass
class Folded:
    """A topic folded by key into what its table has to hold."""

    rows: dict[Key, Values] = field(default_factory=dict)
    messages: int = 0
    undecodable: int = 0
    conflicting: int = 0
    ends: dict[Partition, int] = field(default_factory=dict)
    """Of the partitions that have any records, where they ended then."""


SOURCES: tuple[tuple[Topic, type[Base]], ...] = (
    (TRADES, TradeRow),
    (ORDERS, OrderRow),
    (FILLS, FillRow),
    (INSTRUMENTS, InstrumentRow),
    (SETTINGS, SettingsRow),
    (CANDLES, CandleRow),
    (WATCHES, WatchRow),
)
VERSIONS = {ORDERS: "version", CANDLES: "revision"}
"""The field by which a table keeps the newest of several messages. That of a fill is its place, not its age."""


def compare_with_topics(config: Config, timeout_s: float = 60.0) -> list[Comparison]:
    """Read the topics that have tables from beginning to end and compare these, row by row.

    A table that lags is read again until it agrees, its sink has committed everything, or `timeout_s` seconds are
    over. Raises `Unreachable` when the broker stops sending, database and registry errors as they come.
    """
    deadline = time.monotonic() + timeout_s
    engine = create_engine(config.database)
    try:
        folded = [(topic, model, fold_topic(config, topic, model)) for topic, model in SOURCES]
        return [_compare_in_time(config, engine, *source, deadline) for source in folded]
    finally:
        engine.dispose()


def fold_topic(config: Config, topic: Topic, model: type[Base]) -> Folded:
    """Return the topic up to its present end, folded by the table's primary key as the sink and the triggers do.

    Of orders the highest epoch and version count, and the first message that has them; of fills the last message of the
    highest epoch; of candles the highest revision; of the others the last message.
    """
    assert topic.record is not None
    codec: Codec[Any] = make_codec(config, topic.record)
    names = topic.record.__struct_fields__
    key_at = [names.index(column.name) for column in model.__table__.primary_key]
    numbers = ("epoch", VERSIONS.get(topic))
    epoch_at, version_at = (names.index(name) if name in names else None for name in numbers)
    replaced = topic in (INSTRUMENTS, SETTINGS, WATCHES)
    client = admin(config)
    found = spans(client, partitions(client, [topic.full_name(config)]))
    folded = Folded(ends={partition: end for partition, (first, end) in found.items() if first < end})
    for message in records(config, found):
        folded.messages += 1
        try:
            row = msgspec.structs.astuple(codec.decode(message.value()))
        except CodecError:
            folded.undecodable += 1
            continue
        key = tuple([row[i] for i in key_at])
        if replaced:
            folded.rows[key] = row  # one after the other, which is no conflict
        else:
            _fold(folded, key, row, epoch_at, version_at)
    return folded


def _fold(folded: Folded, key: Key, row: Values, epoch_at: int | None, version_at: int | None) -> None:
    known = folded.rows.get(key)
    if known is None or (epoch_at is not None and row[epoch_at] > known[epoch_at]):
        folded.rows[key] = row  # what was decided in an epoch that is over is no conflict
    elif epoch_at is not None and row[epoch_at] < known[epoch_at]:
        pass
    elif version_at is None:
        folded.conflicting += known != row
        folded.rows[key] = row
    elif row[version_at] > known[version_at]:
        folded.rows[key] = row
    elif row[version_at] == known[version_at]:
        folded.conflicting += known != row


def compare(table: str, folded: Folded, rows: dict[Key, Values], names: Sequence[str]) -> Comparison:
    """Return the rows of a table against a folded topic; `names` are the fields of a row, in its order."""
    missing = [key for key in folded.rows if key not in rows]
    extra = [key for key in rows if key not in folded.rows]
    differing = [key for key, row in folded.rows.items() if key in rows and rows[key] != row]
    examples = [
        *(f"{_text(key)} differs: {_differences(folded.rows[key], rows[key], names)}" for key in differing[:EXAMPLES]),
        *(f"{_text(key)} is in the topic and not in the table" for key in missing[:EXAMPLES]),
        *(f"{_text(key)} is in the table and not in the topic" for key in extra[:EXAMPLES]),
    ]
    return Comparison(
        table=table,
        messages=folded.messages,
        undecodable=folded.undecodable,
        keys=len(folded.rows),
        rows=len(rows),
        differing=len(differing),
        missing=len(missing),
        extra=len(extra),
        conflicting=folded.conflicting,
        examples=tuple(examples[:EXAMPLES]),
    )


def _text(key: Key) -> str:
    return ":".join(str(part) for part in key)


def _differences(expected: Values, found: Values, names: Sequence[str]) -> str:
    pairs = zip(names, expected, found, strict=True)
    return ", ".join(f"{name} is {b} in the table, {a} in the topic" for name, a, b in pairs if a != b)


def _compare_in_time(
    config: Config, engine: Engine, topic: Topic, model: type[Base], folded: Folded, deadline: float
) -> Comparison:
    assert topic.record is not None
    names = topic.record.__struct_fields__
    while True:
        # asked before the table is read: what is committed then is in the table
        final = _sink_is_done(config, topic, folded) or time.monotonic() > deadline
        found = compare(topic.name, folded, read_table(engine, model, names), names)
        if found.equal or final:
            return found
        time.sleep(PAUSE_S)


def read_table(engine: Engine, model: type[Base], names: Sequence[str]) -> dict[Key, Values]:
    """Return every row by primary key: the fields `names`, decimals as integers of 1e-8, times as microseconds."""
    columns = model.__table__.columns
    key_at = [list(names).index(column.name) for column in model.__table__.primary_key]
    query = select(*(_as_integer(columns[name]) for name in names)).execution_options(yield_per=10_000)
    with engine.connect() as connection:
        rows = (tuple(row) for row in connection.execute(query))
        return {tuple([row[i] for i in key_at]): row for row in rows}


def _as_integer(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column as the records have it; what is not an integer after all stays visible, as a fraction."""
    if isinstance(column.type, Numeric):
        return cast(ColumnElement[Any], column * ONE)
    if isinstance(column.type, TIMESTAMP):
        return extract("epoch", column) * 1_000_000
    return column


def _sink_is_done(config: Config, topic: Topic, folded: Folded) -> bool:
    """Return whether the sink has committed every offset that was folded."""
    group = sink_group(config, topic)
    done = committed(config, [group])[group]
    return all(done.get(partition, 0) >= end for partition, end in folded.ends.items())
