"""Trades consumed again from the topic, those of several instruments in one pass."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.config import Config
from schemas.codec import Codec
from schemas.columns import Int64s, decode_trades
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.topics import TRADES
from streams.cli.errors import Unreachable
from streams.recordings.files import Between, NoTrades, Recording, Told
from streams.topics.consume import Span, record_batches
from streams.topics.read import TIMEOUT_S, admin, bounds, client_settings, partitions

PAST = 2**63 - 1

Offsets = Mapping[int, tuple[int, int]]
"""The first offset of some partitions, and the one that is no more part of it."""


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
    with no_collections():
        for batch in record_batches(config, name, spans, told):
            values: dict[bytes | None, list[bytes | None]] = {}
            for record in batch:
                values.setdefault(record.key, []).append(record.value)
            for key in found.keys() & values.keys():
                found[key].add(values[key], codec)
    return [
        found[instrument.encode()].recording(
            instrument, f"{name} partition {partition} offsets {spans[partition][0]} to {spans[partition][1]}"
        )
        for instrument, partition in number.items()
    ]


@contextmanager
def no_collections() -> Iterator[None]:
    """No search for reference cycles: among millions of records that have none it takes as long as reading them."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


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
    consumer = Consumer({**client_settings(config), "group.id": f"{config.topic_prefix}hedgehog-backtest"})
    try:
        found = consumer.offsets_for_times(asked, timeout=TIMEOUT_S)
    finally:
        consumer.close()
    for place in found:
        if place.error is not None:
            raise KafkaException(place.error)
    return {place.partition: place.offset if place.offset >= 0 else PAST for place in found}
