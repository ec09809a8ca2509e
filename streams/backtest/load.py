"""Market prices to test on: from a recorded file, or consumed again from the topic of trades."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.config import Config
from producers.files import read_trades
from schemas.codec import Codec
from schemas.columns import Int64s, decode_trades
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.topics import TRADES
from streams.cli.errors import Unreachable
from streams.scan import TIMEOUT_S, admin, bounds, client_settings, partitions

POLL_S = 0.2
BATCH = 10_000
PASSING = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)


@dataclass(frozen=True)
class Recording:
    """The trades of one instrument in their order: int64 columns, prices in 1e-8, times in µs since the epoch, UTC.

    `source` says where they are from, `unreadable` how many records of the instrument were no trades and left out.
    """

    instrument: str
    source: str
    prices: Int64s
    times: Int64s
    ids: Int64s
    unreadable: int = 0

    def __len__(self) -> int:
        return len(self.prices)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the trades' ids, then their prices, as little-endian int64: the same for file and topic."""
        digest = hashlib.sha256(self.ids.astype("<i8").tobytes())
        digest.update(self.prices.astype("<i8").tobytes())
        return digest.hexdigest()

    def split(self, moment: int) -> tuple["Recording", "Recording"]:
        """The trades up to the first one at or after `moment` (µs), and the others."""
        late = np.flatnonzero(self.times >= moment)
        cut = int(late[0]) if len(late) else len(self)
        return self._part(0, cut), self._part(cut, len(self))

    def _part(self, first: int, end: int) -> "Recording":
        prices, times, ids = (column[first:end] for column in (self.prices, self.times, self.ids))
        return Recording(self.instrument, self.source, prices, times, ids)


def from_file(path: Path, instrument: str, since: int | None = None, until: int | None = None) -> Recording:
    """The instrument's trades with `since` <= trade time < `until` (µs), in the order of the file.

    Raises `producers.files.FileError` for what is no recording, and `ValueError` when it has no such trade.
    """
    rows: list[tuple[int, int, int]] = []
    others: set[str] = set()
    for trade in read_trades(path):
        if trade.instrument != instrument:
            others.add(trade.instrument)
        elif (since is None or trade.trade_time >= since) and (until is None or trade.trade_time < until):
            rows.append((trade.price, trade.trade_time, trade.trade_id))
    if not rows:
        has = f"; it has {', '.join(sorted(others)[:5])}" if others else ""
        raise ValueError(f"{path} has no trade of {instrument}{has}")
    prices, times, ids = np.ascontiguousarray(np.array(rows, np.int64).T)
    return Recording(instrument, str(path), prices, times, ids)


def from_topic(config: Config, instrument: str, since: int | None = None, until: int | None = None) -> Recording:
    """The instrument's trades in the topic, of the offsets whose records were written between `since` and `until` (µs).

    What is no trade is left out, as the worker leaves it out, and counted. Raises `Unreachable` for a broker that stops
    sending, and `ValueError` when there is no such trade.
    """
    name, codec = TRADES.full_name(config), make_codec(config, Trade)
    known = partitions(admin(config), [name]).get(name, [])
    if not known:
        raise Unreachable(f"topic {name} on {config.bootstrap} is missing", hint="hedgehog topics create")
    place = known[(murmur2(instrument.encode()) & 0x7FFFFFFF) % len(known)]
    first, end = _range(config, place, since, until)
    key = instrument.encode()
    columns: list[tuple[Int64s, ...]] = [(np.zeros(0, np.int64),) * 3]
    unreadable = 0
    for batch in _batches(config, TopicPartition(name, place.partition, first), end):
        good, bad = _columns([m.value() for m in batch if m.key() == key], codec)
        columns.append(good)
        unreadable += bad
    prices, times, ids = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    source = f"{name} partition {place.partition} offsets {first} to {end}"
    if not len(prices):
        raise ValueError(f"topic {source} has no trade of {instrument}")
    return Recording(instrument, source, prices, times, ids, unreadable)


def _range(config: Config, place: TopicPartition, since: int | None, until: int | None) -> tuple[int, int]:
    """The first offset whose record was written at or after `since`, and that of `until`; as far as there are any."""
    first, end = bounds(admin(config), [place])[place.topic, place.partition]
    consumer = Consumer(_settings(config))
    try:
        for at_end, moment in enumerate((since, until)):
            if moment is None:
                continue
            # Kafka's times are milliseconds: the first that is not before a microsecond is rounded up.
            asked = TopicPartition(place.topic, place.partition, -(-moment // 1_000))
            (found,) = consumer.offsets_for_times([asked], timeout=TIMEOUT_S)
            if found.error is not None:
                raise KafkaException(found.error)
            offset = found.offset if found.offset >= 0 else end
            first, end = (first, min(offset, end)) if at_end else (min(offset, end), end)
    finally:
        consumer.close()
    return min(first, end), end


def _settings(config: Config) -> dict[str, str | int | float | bool]:
    return {
        **client_settings(config),
        "group.id": f"{config.topic_prefix}hedgehog-backtest",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        # the first trades may expire while they are asked for: that is to be said, not skipped
        "auto.offset.reset": "error",
    }


def _batches(config: Config, place: TopicPartition, end: int) -> Iterator[list[Message]]:
    """The records from a place up to an end, in batches; `Unreachable` when none came for `TIMEOUT_S`."""
    if place.offset >= end:
        return
    consumer = Consumer(_settings(config))
    consumer.assign([place])
    heard = time.monotonic()
    try:
        while True:
            first = consumer.poll(POLL_S)
            arrived = [] if first is None else [first, *consumer.consume(BATCH, 0)]
            records = [message for message in arrived if message.error() is None]
            if records:
                heard = time.monotonic()
                yield [message for message in records if (message.offset() or 0) < end]
            if _reached(arrived, end):
                return
            if time.monotonic() - heard > TIMEOUT_S:
                raise Unreachable(f"the broker at {config.bootstrap} sent no trades for {TIMEOUT_S:g} s")
    finally:
        consumer.close()


def _reached(arrived: list[Message], end: int) -> bool:
    """Whether these are the last ones; raises what is no passing trouble with the connection."""
    for message in arrived:
        error = message.error()
        if error is None:
            if (message.offset() or 0) >= end - 1:
                return True
        elif error.code() == KafkaError._PARTITION_EOF:
            return True
        elif error.code() not in PASSING:
            raise KafkaException(error)
    return False


def _columns(values: list[bytes | None], codec: Codec[Trade]) -> tuple[tuple[Int64s, ...], int]:
    """Prices, times and ids of the records that are trades, and how many are none."""
    columns = decode_trades(values, codec)
    good = np.ones(len(values), np.bool_)
    good[list(columns.errors)] = False
    return (columns.price[good], columns.trade_time[good], columns.trade_id[good]), len(columns.errors)
