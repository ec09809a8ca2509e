"""The end of the topic of trades as the producer's memory: what was published of each instrument, and what was not.

Holes among the last trades are seen too, so that those of a producer that was killed, or whose broker was away, close.
"""

import logging
import time
from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, Message, TopicPartition

from infra.config import Config
from infra.errors import Unreachable
from producers.holes import Memory
from schemas.broker import client_settings, partitions_of
from schemas.codec import CodecError
from schemas.compacted import CompactedTopics
from schemas.groups import readers_group
from schemas.reader import Partition, Reader, partition_of_message
from schemas.records import Gap, GapStatus, Trade
from schemas.registry import make_codec
from schemas.topics import GAPS, TRADES

log = logging.getLogger(__name__)

TAIL = 50_000
"""So many records of each partition are read."""
TIMEOUT_S = 20.0
POLL_S = 0.2


def restore(config: Config, memories: Mapping[str, Memory]) -> list[Gap]:
    """Teach the memories, by exchange, what the topic ends with. Returns the gaps that were open at the end.

    Raises `Unreachable` when the broker stops sending, and what `CompactedTopics` raises.
    """
    began = time.monotonic()
    gaps = read_gaps(config)
    count = 0
    for trade in _trades(config, _tails(config)):
        memory = memories.get(trade.exchange)
        if memory is not None:
            memory.take(trade, 0, waiting=False)
            count += 1
    for name, memory in memories.items():
        memory.settle((gap.symbol, gap.first_id, gap.last_id) for gap in gaps if gap.exchange == name)
    log.info("read the last %d trades of the topic in %.1f s", count, time.monotonic() - began)
    return [gap for gap in gaps if gap.status is GapStatus.OPEN]


def read_gaps(config: Config) -> list[Gap]:
    """Return every gap that was ever recorded, as it is now, in the order of being noticed."""
    newest: dict[str, Gap] = {}
    with CompactedTopics(config, [GAPS]) as reader:
        for _, record in reader.present():
            if isinstance(record, Gap):
                newest[record.key] = record
    return sorted(newest.values(), key=lambda gap: gap.opened_time)


def _tails(config: Config) -> dict[Partition, tuple[int, int]]:
    """Return the first offset to read of each partition, and its end."""
    consumer = Consumer({**client_settings(config), "group.id": readers_group(config)})
    try:
        found = {}
        for name, number in partitions_of(config, [TRADES.full_name(config)]):
            low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=TIMEOUT_S)
            found[name, number] = max(low, high - TAIL), high
        return found
    finally:
        consumer.close()


def _trades(config: Config, spans: Mapping[Partition, tuple[int, int]]) -> Iterable[Trade]:
    """Yield the trades of these spans, those of a partition in its order; what is no trade is passed over."""
    codec = make_codec(config, Trade)
    for message in _messages(config, spans):
        value = message.value()
        try:
            yield codec.decode(value if isinstance(value, bytes) else None)
        except CodecError:
            continue


def _messages(config: Config, spans: Mapping[Partition, tuple[int, int]]) -> Iterable[Message]:
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
