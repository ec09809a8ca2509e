"""Records of a topic between given offsets, in batches: the fast way through what is recorded.

By aiokafka: librdkafka's client for Python, which answers for each field of a record by a call, took twice as long.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra.config import Config
from streams.cli.errors import Unreachable
from streams.recordings.files import Told
from streams.topics.read import TIMEOUT_S

POLL_MS = 200
FETCH_BYTES = 4 << 20

Span = tuple[int, int]
"""The first offset, and the one that is no more part of it."""


class Record(Protocol):
    """What aiokafka makes of a record, as far as it is read here."""

    offset: int
    key: bytes | None
    value: bytes | None


def record_batches(
    config: Config, name: str, spans: Mapping[int, Span], told: Told | None = None
) -> Iterator[list[Record]]:
    """The records of a topic at some offsets of its partitions, those of a batch of one partition and in its order.

    Raises `Unreachable` when none came for `TIMEOUT_S`, and for offsets that the topic has no more.
    """
    left = {TopicPartition(name, partition): span for partition, span in spans.items() if span[0] < span[1]}
    if not left:
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            consumer = runner.run(_started(config, left))
            try:
                yield from _batches(config, runner, consumer, left, told)
            finally:
                runner.run(consumer.stop())
        except KafkaError as error:
            raise Unreachable(f"Kafka: {error}", hint="hedgehog doctor") from None


def _batches(
    config: Config, runner: asyncio.Runner, consumer: Any, left: dict[TopicPartition, Span], told: Told | None
) -> Iterator[list[Record]]:
    ends = {place: end for place, (_, end) in left.items()}
    total, done = sum(end - first for first, end in left.values()), 0
    heard = time.monotonic()
    while left:
        arrived = runner.run(_arrived(consumer, left))
        for place, records in arrived.items():
            end = ends[place]
            wanted = records if records[-1].offset < end else [record for record in records if record.offset < end]
            done += len(wanted)
            yield wanted
        if told is not None:
            told(done, total)
        if arrived:
            heard = time.monotonic()  # now: whoever takes the batches may take long
        elif time.monotonic() - heard > TIMEOUT_S:
            raise Unreachable(f"the broker at {config.bootstrap} sent no trades for {TIMEOUT_S:g} s")


async def _arrived(consumer: Any, left: dict[TopicPartition, Span]) -> dict[TopicPartition, list[Record]]:
    """What comes within `POLL_MS`; partitions that are at their end are taken out of `left`."""
    records: dict[TopicPartition, list[Record]] = await consumer.getmany(timeout_ms=POLL_MS)
    for place in [place for place in left if await consumer.position(place) >= left[place][1]]:
        del left[place]
        consumer.pause(place)
    return records


async def _started(config: Config, spans: Mapping[TopicPartition, Span]) -> Any:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=config.bootstrap,
        client_id="hedgehog-backtest",
        enable_auto_commit=False,
        # the first records may expire while they are asked for: that is to be said, not skipped
        auto_offset_reset="none",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    try:
        await consumer.start()
    except KafkaError:
        await consumer.stop()
        raise
    consumer.assign(list(spans))
    for place, (first, _) in spans.items():
        consumer.seek(place, first)
    return consumer
