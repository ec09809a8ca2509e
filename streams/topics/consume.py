"""Records of a topic between given offsets, in batches, and trades in columns: the fast way through what is recorded.

By aiokafka: librdkafka's client for Python, which answers for each field of a record by a call, took twice as long.
"""

import asyncio
import gc
import time
from collections import defaultdict
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra import clients
from infra.config import Config
from infra.errors import ServiceError, Unreachable
from infra.progress import Progress
from schemas.codec import Codec
from schemas.columns import Int64s, decode_trades
from schemas.reader import Partition
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.spans import TIMEOUT_S, Span, Spans
from streams.topics import lean
from streams.topics.batches import Found, Keys, trades_in
from streams.topics.lean import Record

T = TypeVar("T")

POLL_MS = 200
FETCH_BYTES = 4 << 20

OFFSET = "offset"
"""The column of the records' offsets; the others have the names of `schemas.columns.TradeColumns`."""


class Gathered:
    """The trades under one key in columns, while its records come; what is no trade of it is left out and counted."""

    def __init__(self, key: bytes, names: Sequence[str]) -> None:
        self._key = key
        self._names = names
        self._parts: list[list[Int64s]] = [[np.zeros(0, np.int64) for _ in names]]
        self.unreadable = 0

    def add(self, records: Sequence[Record], codec: Codec[Trade]) -> None:
        """Take in further records of the instrument."""
        values = [record.value for record in records]
        trades = decode_trades(values, [self._key], np.ones(len(records), np.int16), codec)
        columns = [self._column(name, records, trades._asdict()) for name in self._names]
        if trades.errors:
            good = np.ones(len(records), np.bool_)
            good[list(trades.errors)] = False
            columns = [column[good] for column in columns]
            self.unreadable += len(trades.errors)
        self._parts.append(columns)

    def columns(self) -> dict[str, Int64s]:
        """Return the columns so far, by name and of equal length."""
        return dict(zip(self._names, map(np.concatenate, zip(*self._parts, strict=True)), strict=True))

    @staticmethod
    def _column(name: str, records: Sequence[Record], trades: Mapping[str, Int64s]) -> Int64s:
        return np.array([record.offset for record in records], np.int64) if name == OFFSET else trades[name]


def trade_columns(
    config: Config,
    wanted: Spans,
    instruments: Collection[str],
    names: Sequence[str],
    progress: Progress | None = None,
) -> dict[str, Gathered]:
    """Return the trades of each instrument in these spans of the topic of trades, each partition read once.

    `names` are the columns to keep, 8 bytes a trade each. Raises what `record_batches` raises.
    """
    codec = make_codec(config, Trade)
    found = {key: Gathered(key, names) for key in map(str.encode, instruments)}
    with _no_collections():
        for batch in record_batches(config, wanted, progress):
            by_key: defaultdict[bytes | None, list[Record]] = defaultdict(list)
            for record in batch:
                by_key[record.key].append(record)
            for key in found.keys() & by_key.keys():
                found[key].add(by_key[key], codec)
    return {key.decode(): gathered for key, gathered in found.items()}


@contextmanager
def _no_collections() -> Iterator[None]:
    """Search for no reference cycles: among millions of records that have none it takes as long as reading them."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def record_batches(config: Config, wanted: Spans, progress: Progress | None = None) -> Iterator[list[Record]]:
    """Yield the records of these spans, those of a batch of one partition and in its order.

    Raises `Unreachable` when none came for `TIMEOUT_S`, `ServiceError` for offsets that the topic has no more.
    """
    if any(first < end for first, end in wanted.values()):
        with Consuming(config) as consuming:
            yield from consuming.batches(wanted, progress)


def trade_batches(
    config: Config, partition: Partition, span: Span, instruments: Sequence[str], codec: Codec[Trade]
) -> Iterator[tuple[int, Found]]:
    """Yield the trades of some instruments in a span of a partition, and each time up to which offset it was read.

    Their keys are the places of the instruments in the list. Raises what `record_batches` raises.
    """
    first, end = span
    if first >= end:
        return
    keys = Keys([instrument.encode() for instrument in instruments])
    with Consuming(config, whole=True) as consuming:
        for position, fetched in consuming.answers(partition, span):
            yield min(position, end) - 1, trades_in(fetched.data, first, end, keys, codec)
            first = position


class Consuming:
    """One client, which reads one set of spans after another; with `whole` the broker's answers as they come.

    Closed at the end of its `with` block. Its methods raise what `record_batches` raises.
    """

    def __init__(self, config: Config, whole: bool = False) -> None:
        self._config = config
        self._whole = whole
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._consumer: AIOKafkaConsumer = None

    def __enter__(self) -> "Consuming":
        self._runner.__enter__()
        try:
            with _told():
                self._consumer = self._run(_started(self._config, self._whole))
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._run(self._consumer.stop())
        finally:
            self._runner.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns. (The runner's own `run` describes each result in words, megabytes too.)"""
        return self._runner.get_loop().run_until_complete(work)

    def batches(self, wanted: Spans, progress: Progress | None = None) -> Iterator[list[Record]]:
        """Yield the records of these spans, those of a batch of one partition and in its order."""
        left = self._assigned(wanted)
        ends = {partition: end for partition, (_, end) in left.items()}
        total, done = sum(end - first for first, end in left.values()), 0
        for arrived in self._arrivals(left):
            for partition, records in arrived.items():
                end = ends[partition]
                within = records if records[-1].offset < end else [record for record in records if record.offset < end]
                done += len(within)
                yield within
            if progress is not None:
                progress(done, total)

    def answers(self, partition: Partition, span: Span) -> Iterator[tuple[int, lean.Fetched]]:
        """Yield what the broker sends of a span, and the offset that follows each answer."""
        left = self._assigned({partition: span})
        place = TopicPartition(*partition)
        for arrived in self._arrivals(left):
            for fetched in arrived.get(place, []):
                yield self._run(self._consumer.position(place)), fetched

    def _assigned(self, wanted: Spans) -> dict[TopicPartition, Span]:
        left = {TopicPartition(*partition): span for partition, span in wanted.items() if span[0] < span[1]}
        if left:
            self._run(_assign(self._consumer, left))
        return left

    def _arrivals(self, left: dict[TopicPartition, Span]) -> Iterator[dict[TopicPartition, list[Any]]]:
        """Yield what comes, until `left` is empty."""
        heard = time.monotonic()
        while left:
            with _told():
                arrived = self._run(_arrived(self._consumer, left))
            yield arrived
            if arrived:
                heard = time.monotonic()  # now: whoever takes the batches may take long
            elif time.monotonic() - heard > TIMEOUT_S:
                text = f"the broker at {self._config.bootstrap} sent no trades for {TIMEOUT_S:g} s"
                raise Unreachable(text)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise ServiceError(f"Kafka: {error}") from None


async def _assign(consumer: AIOKafkaConsumer, wanted: Mapping[TopicPartition, Span]) -> None:
    """Read these from their first offsets on, and nothing else any more."""
    consumer.assign(list(wanted))
    for partition, (first, _) in wanted.items():
        consumer.seek(partition, first)


async def _arrived(consumer: AIOKafkaConsumer, left: dict[TopicPartition, Span]) -> dict[TopicPartition, list[Any]]:
    """Return what comes within `POLL_MS`; partitions that are at their end are taken out of `left`."""
    records: dict[TopicPartition, list[Any]] = await consumer.getmany(timeout_ms=POLL_MS)
    for partition in [partition for partition in left if await consumer.position(partition) >= left[partition][1]]:
        del left[partition]
        consumer.pause(partition)
    return records


async def _started(config: Config, whole: bool) -> AIOKafkaConsumer:
    lean.install()
    consumer = AIOKafkaConsumer(
        **clients.aiokafka(config),
        client_id="hedgehog",
        enable_auto_commit=False,
        # the first records may expire while they are asked for: that is to be said, not skipped
        auto_offset_reset="none",
        max_partition_fetch_bytes=FETCH_BYTES,
        value_deserializer=lean.as_fetched if whole else None,
    )
    try:
        await consumer.start()
    except KafkaError:
        await consumer.stop()
        raise
    return consumer
