"""Trades consumed again from the topic, those of several instruments in one pass."""

import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.config import Config
from schemas.codec import Codec
from schemas.columns import Int64s, decode_trades
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.topics import TRADES
from streams.backtest.load import Between, NoTrades, Recording, Told
from streams.cli.errors import Unreachable
from streams.scan import TIMEOUT_S, admin, bounds, client_settings, partitions

POLL_S = 0.2
BATCH = 10_000
PASSING = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)

PAST = 2**63 - 1

Offsets = Mapping[int, tuple[int, int]]
"""The first offset of some partitions, and the one that is no more part of it."""
Span = tuple[int, int]


def from_topic(
    config: Config,
    instruments: Sequence[str],
    between: Between = (None, None),
    offsets: Offsets | None = None,
    told: Told | None = None,
) -> list[Recording]:
    """The trades of each instrument, of records that were written at a time in `between`, or at these `offsets`.

    Each partition is read once, whatever the number of its instruments. What is no trade is left out, as the worker
    leaves it out, and counted. Raises `Unreachable` for a broker that stops sending, `NoTrades`, and `ValueError` for
    offsets that the topic does not have.
    """
    name, codec = TRADES.full_name(config), make_codec(config, Trade)
    known = partitions(admin(config), [name]).get(name, [])
    if not known:
        raise Unreachable(f"topic {name} on {config.bootstrap} is missing", hint="hedgehog topics create")
    number = {instrument: partition_of(instrument, len(known)) for instrument in instruments}
    places = [place for place in known if place.partition in number.values()]
    spans = spans_between(config, places, between) if offsets is None else _checked(config, places, offsets, number)
    found = {instrument.encode(): _Found() for instrument in instruments}
    for batch in record_batches(config, name, spans, told):
        values: dict[bytes, list[bytes | None]] = {}
        for message in batch:
            values.setdefault(message.key() or b"", []).append(message.value())
        for key in found.keys() & values.keys():
            found[key].add(values[key], codec)
    return [
        found[instrument.encode()].recording(
            instrument, f"{name} partition {partition} offsets {spans[partition][0]} to {spans[partition][1]}"
        )
        for instrument, partition in number.items()
    ]


def partition_of(instrument: str, partitions: int) -> int:
    """Where the records of an instrument are, as every producer of ours decides it."""
    return int(murmur2(instrument.encode()) & 0x7FFFFFFF) % partitions


class _Found:
    """The trades of one instrument while they come."""

    def __init__(self) -> None:
        self.parts: list[tuple[Int64s, ...]] = [(np.zeros(0, np.int64),) * 4]
        self.unreadable = 0

    def add(self, values: list[bytes | None], codec: Codec[Trade]) -> None:
        columns = decode_trades(values, codec)
        good = np.ones(len(values), np.bool_)
        good[list(columns.errors)] = False
        self.unreadable += len(columns.errors)
        taken = columns.price, columns.quantity, columns.trade_time, columns.trade_id
        self.parts.append(tuple(column[good] for column in taken))

    def recording(self, instrument: str, source: str) -> Recording:
        prices, quantities, times, ids = (np.concatenate(parts) for parts in zip(*self.parts, strict=True))
        recording = Recording(instrument, source, prices, quantities, times, ids, self.unreadable)
        if not len(recording):
            raise NoTrades(f"topic {source} has no trade of {instrument}")
        return recording


def _checked(
    config: Config, places: Sequence[TopicPartition], offsets: Offsets, number: Mapping[str, int]
) -> dict[int, Span]:
    """The offsets themselves, if they are those of the instruments' partitions and all there."""
    for instrument, partition in number.items():
        if partition not in offsets:
            raise ValueError(f"none for partition {partition}, where the trades of {instrument} are")
    for partition in offsets.keys() - set(number.values()):
        where = ", ".join(f"{instrument} is in {at}" for instrument, at in number.items())
        raise ValueError(f"partition {partition} has none of the symbols: {where}")
    there = bounds(admin(config), places)
    for place in places:
        first, end = offsets[place.partition]
        begins, ends = there[place.topic, place.partition]
        if not begins <= first <= end <= ends:
            raise ValueError(f"partition {place.partition} has offsets {begins} to {ends}, not {first} to {end}")
    return dict(offsets)


def spans_between(config: Config, places: Sequence[TopicPartition], between: Between) -> dict[int, Span]:
    """The first offset of each partition whose record was written at or after a time, and that of the end's."""
    there = bounds(admin(config), places)
    spans = {place.partition: there[place.topic, place.partition] for place in places}
    since, until = (_at(config, places, moment) for moment in between)
    for partition, (first, end) in spans.items():
        stop = min(until.get(partition, end), end)
        spans[partition] = (min(max(since.get(partition, first), first), stop), stop)
    return spans


def _at(config: Config, places: Sequence[TopicPartition], moment: int | None) -> dict[int, int]:
    """The first offset of each partition written at or after `moment` (µs), past all of them where there is none."""
    if moment is None:
        return {}
    # Kafka's times are milliseconds: the first that is not before a microsecond is rounded up.
    asked = [TopicPartition(place.topic, place.partition, -(-moment // 1_000)) for place in places]
    consumer = Consumer(_settings(config))
    try:
        found = consumer.offsets_for_times(asked, timeout=TIMEOUT_S)
    finally:
        consumer.close()
    for place in found:
        if place.error is not None:
            raise KafkaException(place.error)
    return {place.partition: place.offset if place.offset >= 0 else PAST for place in found}


def _settings(config: Config) -> dict[str, str | int | float | bool]:
    return {
        **client_settings(config),
        "group.id": f"{config.topic_prefix}hedgehog-backtest",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        # the first trades may expire while they are asked for: that is to be said, not skipped
        "auto.offset.reset": "error",
    }


def record_batches(config: Config, name: str, spans: Mapping[int, Span], told: Told | None) -> Iterator[list[Message]]:
    """The records of some offsets, in batches; `Unreachable` when none came for `TIMEOUT_S`."""
    left = {partition: span for partition, span in spans.items() if span[0] < span[1]}
    total, done = sum(end - first for first, end in left.values()), 0
    if not left:
        return
    consumer = Consumer(_settings(config))
    consumer.assign([TopicPartition(name, partition, first) for partition, (first, _) in left.items()])
    heard = time.monotonic()
    try:
        while left:
            first = consumer.poll(POLL_S)
            arrived = [] if first is None else [first, *consumer.consume(BATCH, 0)]
            records = [message for message in arrived if message.error() is None]
            if records:
                heard = time.monotonic()
                wanted = [m for m in records if (m.offset() or 0) < spans[m.partition() or 0][1]]
                done += len(wanted)
                yield wanted
                if told is not None:
                    told(done, total)
            for partition in _reached(arrived, spans):
                left.pop(partition, None)
            if time.monotonic() - heard > TIMEOUT_S:
                raise Unreachable(f"the broker at {config.bootstrap} sent no trades for {TIMEOUT_S:g} s")
    finally:
        consumer.close()


def _reached(arrived: list[Message], spans: Mapping[int, Span]) -> Iterator[int]:
    """The partitions whose last record is among these; raises what is no passing trouble with the connection."""
    for message in arrived:
        error, partition = message.error(), message.partition() or 0
        if error is None:
            if (message.offset() or 0) >= spans[partition][1] - 1:
                yield partition
        elif error.code() == KafkaError._PARTITION_EOF:
            yield partition
        elif error.code() not in PASSING:
            raise KafkaException(error)
