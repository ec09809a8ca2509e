"""The audit: reads what was recorded, replays it, and says where the two differ.

It is the referee of every fault test: whatever was killed and started again, the recorded inputs must give the
recorded orders.

Everything about an instrument is in the same partition of every topic, so one partition is read and compared at a
time. Memory is bounded by the largest one: 32 bytes for each trade of an instrument with a leader, and the orders,
fills and journal entries as they are.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from aiokafka.partitioner import murmur2
from confluent_kafka import Message, TopicPartition

from infra.config import Config
from schemas import topics
from schemas.codec import Codec, CodecError
from schemas.columns import Int64s, decode_trades
from schemas.records import Applied, Fill, Order, Trade
from schemas.registry import make_codec
from streams.audit.journal import Difference, Recorded, Trades, compare
from streams.topics.read import admin, bounds, partitions, to_the_end

R = TypeVar("R")

DECODED_AT_ONCE = 50_000
"""Trades whose bytes are kept until there are enough to decode."""


@dataclass
class Audit:
    """What was compared.

    `trades`, `fills` and `settings` are the inputs; `orders` counts orders, `snapshots` the records about them and
    `journal` the entries of the leaders, each once. Repeats are records sent more than once, with the same content.
    """

    instruments: int = 0
    trades: int = 0
    fills: int = 0
    settings: int = 0
    orders: int = 0
    snapshots: int = 0
    journal: int = 0
    repeats: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.differences

    def add(self, recorded: Recorded) -> None:
        """Compare one instrument."""
        snapshots = {order.version for order in recorded.orders}
        journal = {entry.version: entry for entry in recorded.journal}
        self.instruments += 1
        self.trades += len(recorded.trades.offsets)
        self.fills += len(recorded.fills)
        self.settings += sum(entry.settings is not None for entry in journal.values())
        self.orders += len({order.client_order_id for order in recorded.orders})
        self.snapshots += len(snapshots)
        self.journal += len(journal)
        self.repeats += len(recorded.orders) + len(recorded.journal) - len(snapshots | journal.keys())
        self.differences += compare(recorded)


def audit(config: Config, instruments: Collection[str] | None = None) -> Audit:
    """Replay what was recorded under this configuration's topics and compare it with the recorded orders.

    All of it, or that of some `instruments` (`exchange:SYMBOL`). The pipeline should be at rest: a trade that no worker
    has seen yet counts as seen.
    """
    result = Audit()
    for recorded in read_recorded(config, instruments):
        result.add(recorded)
    return result


def read_recorded(config: Config, instruments: Collection[str] | None = None) -> Iterator[Recorded]:
    """Everything recorded of every instrument that ever had a leader, or of those among `instruments`."""
    reader = _Reader(config, instruments)
    for partition in reader.partitions():
        yield from reader.read(partition)


Found = dict[bytes, list[tuple[int, R]]]
"""Offset and record by key, in the order of the partition."""


class _Reader:
    """Reads one partition of every topic at a time."""

    def __init__(self, config: Config, instruments: Collection[str] | None) -> None:
        self._config = config
        self._wanted = None if instruments is None else {instrument.encode() for instrument in instruments}
        self._trades = make_codec(config, Trade)
        kinds = ((topics.ORDERS, Order), (topics.APPLIED, Applied), (topics.FILLS, Fill))
        self._codecs: dict[str, Codec[Any]] = {t.full_name(config): make_codec(config, k) for t, k in kinds}
        client = admin(config)
        self._places = partitions(client, [topics.TRADES.full_name(config), *self._codecs])
        self._bounds = bounds(client, [place for some in self._places.values() for place in some])

    def partitions(self) -> list[int]:
        """Where there are orders or journal entries, of the instruments asked for."""
        sources = [topic.full_name(self._config) for topic in (topics.ORDERS, topics.APPLIED)]
        numbers = {n for (topic, n), (first, end) in self._bounds.items() if topic in sources and first < end}
        if self._wanted is None:
            return sorted(numbers)
        count = len(self._places[sources[0]])
        return sorted(numbers & {(murmur2(key) & 0x7FFFFFFF) % count for key in self._wanted})

    def read(self, partition: int) -> Iterator[Recorded]:
        """Everything recorded in a partition, instrument by instrument."""
        orders, journal, fills = self._records(partition)
        keys = sorted(orders.keys() | journal.keys())
        trades = self._read_trades(partition, keys) if keys else {}
        for key in keys:
            yield Recorded(
                instrument=key.decode(),
                partition=partition,
                trades=trades[key],
                orders=[order for _, order in orders.get(key, [])],
                journal=[entry for _, entry in journal.get(key, [])],
                fills=dict(fills.get(key, [])),
            )

    def _records(self, partition: int) -> tuple[Found[Order], Found[Applied], Found[Fill]]:
        """Orders, journal and fills without what the worker leaves out: no record, or another's key."""
        found: dict[str, Found[Any]] = {name: {} for name in self._codecs}
        for message in self._messages(partition, *self._codecs):
            name, key = message.topic() or "", message.key()
            if key is None or (self._wanted is not None and key not in self._wanted):
                continue
            try:
                record = self._codecs[name].decode(message.value())
            except CodecError:
                continue
            if key == record.instrument.encode():
                found[name].setdefault(key, []).append((message.offset() or 0, record))
        orders, journal, fills = found.values()
        return orders, journal, fills

    def _messages(self, partition: int, *names: str) -> Iterator[Message]:
        edges = [(name, *self._bounds.get((name, partition), (0, 0))) for name in names]
        places = [TopicPartition(name, partition, first) for name, first, end in edges if first < end]
        return to_the_end(self._config, places)

    def _read_trades(self, partition: int, keys: list[bytes]) -> dict[bytes, Trades]:
        """The trades of these instruments; what is no trade is left out, as the worker leaves it out."""
        columns = {key: _Columns(self._trades) for key in keys}
        for message in self._messages(partition, topics.TRADES.full_name(self._config)):
            column = columns.get(message.key() or b"")
            if column is not None:
                column.add(message.offset() or 0, message.value())
        return {key: column.trades() for key, column in columns.items()}


class _Columns:
    """The trades of one instrument, as they are read."""

    def __init__(self, codec: Codec[Trade]) -> None:
        self._codec = codec
        self._offsets: list[int] = []
        self._values: list[bytes | None] = []
        self._parts: list[Trades] = []

    def add(self, offset: int, value: bytes | None) -> None:
        self._offsets.append(offset)
        self._values.append(value)
        if len(self._values) == DECODED_AT_ONCE:
            self._decode()

    def trades(self) -> Trades:
        self._decode()
        return Trades(*(np.concatenate(parts) for parts in zip(*self._parts, strict=True)))

    def _decode(self) -> None:
        columns = decode_trades(self._values, self._codec)
        good = np.ones(len(self._values), np.bool_)
        good[list(columns.errors)] = False
        offsets: Int64s = np.array(self._offsets, np.int64)
        self._parts.append(Trades(offsets[good], columns.price[good], columns.trade_time[good], columns.trade_id[good]))
        self._offsets, self._values = [], []
