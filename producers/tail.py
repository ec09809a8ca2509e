"""The end of the topic of trades as the producer's memory: what was published of each instrument, and what was not.

Holes among the last trades are seen too, so that those of a producer that was killed, or whose broker was away, close.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from functools import partial

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from infra.config import Config
from infra.errors import Unreachable
from producers import settings_topic
from producers.gap_records import read_gaps
from producers.holes import Memory
from producers.series import DISORDER_US, RECALLED_US
from schemas.broker import admin, client_settings, partitions_of
from schemas.codec import Codec, CodecError
from schemas.gap_records import Gap, GapStatus
from schemas.groups import readers_group
from schemas.reader import Partition, partition_of_message
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.spans import TIMEOUT_S, Span, partition_of, records, spans
from schemas.topics import TRADES

log = logging.getLogger(__name__)

TAIL = 10_000
"""So many records of each partition are read: those of the last seconds where much is traded."""
FURTHER = (100_000, 1_000_000)
"""So many before them are searched for instruments that trade seldom, the more only for those still not found; and
at most the smaller number where the last minutes of an instrument are compared with what the exchange has."""
CERTAIN_AFTER = 100
"""A hole behind fewer trades of an instrument may be filled before what is read: trades may be out of order."""
CLOCKS_US = 10_000_000
"""The clocks of an exchange and of the producer are no further apart, in microseconds."""
MARGIN_MS = 1_000
"""The clocks of the broker and of the producer are no further apart."""


def restore(config: Config, memories: Mapping[str, Memory]) -> None:
    """Teach the memories, by exchange, what the topic ends with: the last trades of each partition, and the newest one
    of each instrument to be streamed that is not among these.

    Raises `Unreachable` when the broker stops sending, and what `CompactedTopics` raises.
    """
    began = time.monotonic()
    gaps, wanted = read_gaps(config), _wanted(config, memories)
    partitions = partitions_of(config, [TRADES.full_name(config)])
    ends = _spans(config, partitions)
    codec = make_codec(config, Trade)
    compared = {key for key in wanted if memories[key.partition(":")[0]].ids == "global"}
    count, certain = 0, dict[int, int]()
    for trade in _trades(codec, _recalled(config, ends, compared, certain)):
        memory = memories.get(trade.exchange)
        if memory is not None:
            memory.recall(trade)
            count += 1
    missing = {key for key in wanted if memories[key.partition(":")[0]].of(key.partition(":")[2]).newest < 0}
    for streamed, *since in _published_before(config, codec, ends, missing) if missing else ():
        memories[streamed.exchange].recall_before(streamed, since, CERTAIN_AFTER)
    from_beginning = all(first == 0 for first, _ in ends.values())
    for name, memory in memories.items():
        recorded = [
            (gap.symbol, gap.first_id, gap.last_id) for gap in gaps if gap.exchange == name and not gap.begins_anew
        ]
        memory.settle(
            recorded,
            0 if from_beginning else CERTAIN_AFTER,
            partial(_certain_since, certain, len(partitions), name),
        )
        for gap in gaps:
            if gap.exchange == name and gap.status is GapStatus.OPEN and gap.instrument in wanted:
                memory.cut_short(gap)
    log.info("read the last %d trades of the topic in %.1f s", count, time.monotonic() - began)


def _certain_since(certain: Mapping[int, int], partitions: int, exchange: str, symbol: str) -> int:
    return certain.get(partition_of(f"{exchange}:{symbol}", partitions), 0)


def _recalled(
    config: Config, wanted: Mapping[Partition, Span], compared: Collection[str], certain: dict[int, int]
) -> Iterator[Message]:
    """Yield the records of the spans, and before them those of the last minutes of the instruments that are compared:
    where much is traded the spans are shorter than the time after which a producer compares anything.

    Minutes are counted from the newest record: nobody knows for how long no producer ran. `certain` is told by
    partition since when a trade was published only if it is among these: nothing later can have been published before.
    """
    keys = {key.encode() for key in compared}
    numbers = {partition_of(key, len(wanted)) for key in compared}
    ends = {at: (end - 1, end) for at, (first, end) in wanted.items() if at[1] in numbers and first < end}
    newest_ms = max((message.timestamp()[1] for message in records(config, ends)), default=0)
    # from earlier on, so that all of these minutes are certain, however far apart the clocks are
    longer = _spans(config, ends, max(0, newest_ms - (RECALLED_US + 2 * CLOCKS_US) // 1_000))
    reach = dict(wanted)
    for at, (first, end) in longer.items():
        reach[at] = min(wanted[at][0], max(first, end - FURTHER[0])), wanted[at][1]
    for message in records(config, reach):
        at = partition_of_message(message)
        if at[1] not in certain:
            certain[at[1]] = message.timestamp()[1] * 1_000 + CLOCKS_US if reach[at][0] else 0
        if (message.offset() or 0) >= wanted[at][0] or message.key() in keys:
            yield message


def _wanted(config: Config, memories: Mapping[str, Memory]) -> list[str]:
    """Return the keys of the instruments that these exchanges are to stream."""
    settings = settings_topic.read_all(config)
    return [key for key, each in settings.items() if each.streaming and each.exchange in memories]


def _published_before(
    config: Config, codec: Codec[Trade], wanted: Mapping[Partition, Span], missing: Set[str]
) -> list[list[Trade]]:
    """Return of each of these instruments the newest trade that its stream brought and what was published after it, as
    far back as `FURTHER` reaches before the spans; nothing where there is none."""
    kept = {partition: first for partition, (first, _) in spans(admin(config), list(wanted)).items()}
    found: dict[str, list[Trade]] = {}
    later: defaultdict[str, list[Trade]] = defaultdict(list)
    before = {partition: first for partition, (first, _) in wanted.items()}
    for more in FURTHER:
        left = missing - found.keys()
        keys, numbers = {key.encode() for key in left}, {partition_of(key, len(wanted)) for key in left}
        reach = {
            partition: (max(kept.get(partition, first), first - more), first)
            for partition, first in before.items()
            if partition[1] in numbers
        }
        came: defaultdict[str, list[Trade]] = defaultdict(list)
        for trade in _trades(codec, (message for message in records(config, reach) if message.key() in keys)):
            published = came[trade.instrument]
            if not trade.filled and (not published or published[0].filled or is_newer(trade, published[0])):
                published.clear()
            published.append(trade)
        for key, published in came.items():
            later[key] = published + later[key]
            if not published[0].filled:
                found[key] = later[key]
        before |= {partition: first for partition, (first, _) in reach.items()}
    return list(found.values())


def is_newer(trade: Trade, other: Trade) -> bool:
    """Return whether a trade is the newer one of two of an instrument: by its id, as trades may be out of order; by its
    time where they are further apart, as ids may have begun anew."""
    apart_us = trade.trade_time - other.trade_time
    return trade.trade_id > other.trade_id if abs(apart_us) <= DISORDER_US["global"] else apart_us > 0


def published_since(config: Config, gap: Gap) -> set[int]:
    """Return the ids of a gap's trades that were published since it was noticed. Raises what `restore` raises."""
    partitions = partitions_of(config, [TRADES.full_name(config)])
    own = [(topic, of) for topic, of in partitions if of == partition_of(gap.instrument, len(partitions))]
    messages = records(config, _spans(config, own, gap.opened_time // 1_000 - MARGIN_MS))
    trades = _trades(make_codec(config, Trade), messages)
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


def _trades(codec: Codec[Trade], messages: Iterable[Message]) -> Iterator[Trade]:
    """Yield the trades that messages hold; what is no trade is passed over."""
    for message in messages:
        value = message.value()
        try:
            yield codec.decode(value if isinstance(value, bytes) else None)
        except CodecError:
            continue
