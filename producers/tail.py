"""The end of the topic of trades as the producer's memory: what was published of each instrument, and what was not.

Holes among the last trades are seen too, so that those of a producer that was killed, or whose broker was away, close.
"""

import logging
import time
from collections.abc import Iterable, Mapping

from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from infra.config import Config
from infra.errors import Unreachable
from producers.gap_records import read_gaps
from producers.holes import Memory
from schemas.broker import client_settings, partitions_of
from schemas.codec import CodecError
from schemas.groups import readers_group
from schemas.reader import Partition, Reader, partition_of_message
from schemas.records import Gap, Trade
from schemas.registry import make_codec
from schemas.topics import TRADES

log = logging.getLogger(__name__)

TAIL = 50_000
"""So many records of each partition are read."""
TIMEOUT_S = 20.0
POLL_S = 0.2
MARGIN_MS = 1_000
"""The clocks of the broker and of the producer are no further apart."""

Span = tuple[int, int]
"""The first offset, and the one that is no more part of it."""


def restore(config: Config, memories: Mapping[str, Memory]) -> None:
    """Teach the memories, by exchange, what the topic ends with.

    Raises `Unreachable` when the broker stops sending, and what `CompactedTopics` raises.
    """
    began = time.monotonic()
    gaps = read_gaps(config)
    count = 0
    for trade in _trades(config, _spans(config, partitions_of(config, [TRADES.full_name(config)]))):
        memory = memories.get(trade.exchange)
        if memory is not None:
            memory.take(trade, 0, waiting=False)
            count += 1
    for name, memory in memories.items():
        memory.settle((gap.symbol, gap.first_id, gap.last_id) for gap in gaps if gap.exchange == name)
    log.info("read the last %d trades of the topic in %.1f s", count, time.monotonic() - began)


def published_since(config: Config, gap: Gap) -> set[int]:
    """Return the ids of a gap's trades that were published since it was noticed. Raises what `restore` raises."""
    partitions = partitions_of(config, [TRADES.full_name(config)])
    number = int(murmur2(gap.instrument.encode()) & 0x7FFFFFFF) % len(partitions)
    own = [(topic, of) for topic, of in partitions if of == number]
    trades = _trades(config, _spans(config, own, gap.opened_time // 1_000 - MARGIN_MS))
    wanted = range(gap.first_id, gap.last_id + 1)
    return {trade.trade_id for trade in trades if trade.instrument == gap.instrument and trade.trade_id in wanted}


def _spans(config: Config, wanted: Iterable[Partition], since_ms: int | None = None) -> dict[Partition, Span]:
    """Return the first offset to read of each partition, and its end: the last ones, or those since a time."""
    consumer = Consumer({**client_settings(config), "group.id": readers_group(config)})
    try:
        found = {}
        for name, number in wanted:
            low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=TIMEOUT_S)
            first = high - TAIL
            if since_ms is not None:
                (at,) = consumer.offsets_for_times([TopicPartition(name, number, since_ms)], timeout=TIMEOUT_S)
                first = at.offset if at.offset >= 0 else high
            found[name, number] = max(low, first), high
        return found
    except KafkaException as error:
        raise Unreachable(f"the broker at {config.bootstrap} does not answer: {error.args[0].str()}") from None
    finally:
        consumer.close()


def _trades(config: Config, spans: Mapping[Partition, Span]) -> Iterable[Trade]:
    """Yield the trades of these spans, those of a partition in its order; what is no trade is passed over."""
    codec = make_codec(config, Trade)
    for message in _messages(config, spans):
        value = message.value()
        try:
            yield codec.decode(value if isinstance(value, bytes) else None)
        except CodecError:
            continue


def _messages(config: Config, spans: Mapping[Partition, Span]) -> Iterable[Message]:
    left = {partition for partition, (first, end) in spans.items() if first < end}
    if not left:
        return
    with Reader(config, {partition: spans[partition][0] for partition in left}) as reader:
        heard = time.monotonic()
        while left:
            arrived = reader.next(POLL_S)
            for message in arrived:
                partition, offset = partition_of_message(message), message.offset() or 0
                if offset < spans[partition][1]:
                    yield message
                if offset >= spans[partition][1] - 1:
                    left.discard(partition)
            left -= reader.at_end
            if arrived:
                heard = time.monotonic()
            elif left and time.monotonic() - heard > TIMEOUT_S:
                raise Unreachable(f"the broker at {config.bootstrap} sent no trades for {TIMEOUT_S:g} s")
