"""The audit: reads what was recorded, refolds it, and says where the two differ.

It is the referee of every fault test: whatever was killed and started again, the recorded inputs must give the
recorded orders.

Everything about an instrument is in the same partition of every topic, so one partition is read and compared at a
time. Memory is bounded by the largest one: 32 bytes for each trade of an instrument with a leader, and the orders,
fills and journal entries as they are.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from infra.config import Config
from schemas import topics
from schemas.broker import admin
from schemas.codec import Codec, CodecError
from schemas.reader import Partition
from schemas.records import Applied, Fill, Order
from schemas.registry import make_codec
from streams.audit.journal import Difference, Recorded, Trades, compare, counting, made_anew
from streams.topics.consume import OFFSET, trade_columns
from streams.topics.read import Span, partition_of, partitions, records, spans

R = TypeVar("R")

COLUMNS = (OFFSET, "price", "trade_time", "trade_id")
"""Those of `Trades`, in its order."""


@dataclass
class Audit:
    """What was compared.

    `trades`, `fills`, `settings` and `seeds` (what the exchange says, as `hedgehog settings seed` wrote it) are the
    inputs; `orders` counts orders, `snapshots` the records about them and `journal` the entries of the leaders, each
    once. Repeats are records sent more than once, with the same content; superseded are those of an epoch that was
    over, which every reader drops. `made_anew` names by instrument the topic that was deleted and made anew: what was
    recorded of it cannot be replayed, and is not compared.
    """

    instruments: int = 0
    trades: int = 0
    fills: int = 0
    settings: int = 0
    seeds: int = 0
    orders: int = 0
    snapshots: int = 0
    journal: int = 0
    repeats: int = 0
    superseded: int = 0
    differences: list[Difference] = field(default_factory=list)
    made_anew: dict[str, str] = field(default_factory=dict)

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
        self.seeds += sum(entry.instrument_taken is not None for entry in journal.values())
        self.orders += len({order.client_order_id for order in recorded.orders})
        self.snapshots += len(snapshots)
        self.journal += len(journal)
        self.repeats += len(recorded.orders) + len(recorded.journal) - len(snapshots | journal.keys())
        self.superseded += recorded.superseded
        anew = made_anew(recorded)
        if anew is None:
            self.differences += compare(recorded)
        else:
            self.made_anew[recorded.instrument] = anew


def audit(config: Config, instruments: Collection[str] | None = None) -> Audit:
    """Refold what was recorded under this configuration's topics and compare it with the recorded orders.

    All of it, or that of some `instruments` (`exchange:SYMBOL`). The pipeline should be at rest: a trade that no worker
    has seen yet counts as seen.
    """
    result = Audit()
    for recorded in read_recorded(config, instruments):
        result.add(recorded)
    return result


def read_recorded(config: Config, instruments: Collection[str] | None = None) -> Iterator[Recorded]:
    """Yield everything recorded of every instrument that ever had a leader, or of those among `instruments`."""
    reader = _Reader(config, instruments)
    for partition in reader.partitions():
        yield from reader.read(partition)


Found = dict[str, list[tuple[int, R]]]
"""Offset and record by instrument, in the order of the partition."""


class _Reader:
    """Reads one partition of every topic at a time."""

    def __init__(self, config: Config, instruments: Collection[str] | None) -> None:
        self._config = config
        self._wanted = instruments
        kinds = ((topics.ORDERS, Order), (topics.APPLIED, Applied), (topics.FILLS, Fill))
        self._codecs: dict[str, Codec[Any]] = {t.full_name(config): make_codec(config, k) for t, k in kinds}
        self._trades = topics.TRADES.full_name(config)
        client = admin(config)
        self._spans = spans(client, partitions(client, [self._trades, *self._codecs]))

    def partitions(self) -> list[int]:
        """Return the partitions that have orders or journal entries, of the instruments asked for."""
        sources = [topic.full_name(self._config) for topic in (topics.ORDERS, topics.APPLIED)]
        numbers = {n for (topic, n), (first, end) in self._spans.items() if topic in sources and first < end}
        if self._wanted is None:
            return sorted(numbers)
        count = sum(topic == sources[0] for topic, _ in self._spans)
        return sorted(numbers & {partition_of(instrument, count) for instrument in self._wanted})

    def read(self, partition: int) -> Iterator[Recorded]:
        """Yield everything recorded in a partition, instrument by instrument."""
        orders, journal, fills = self._records(partition)
        instruments = sorted(orders.keys() | journal.keys())
        trades = self._read_trades(partition, instruments) if instruments else {}
        for instrument in instruments:
            found = orders.get(instrument, []), journal.get(instrument, []), fills.get(instrument, [])
            counted = counting(found[0]), counting(found[1]), counting(found[2])
            yield Recorded(
                instrument=instrument,
                partition=partition,
                trades=trades[instrument],
                orders=list(counted[0].values()),
                journal=list(counted[1].values()),
                fills=counted[2],
                superseded=sum(len(kind) for kind in found) - sum(len(kind) for kind in counted),
            )

    def _records(self, partition: int) -> tuple[Found[Order], Found[Applied], Found[Fill]]:
        """Return orders, journal and fills without what the worker leaves out: no record, or another's key."""
        found: dict[str, Found[Any]] = {name: {} for name in self._codecs}
        for message in records(self._config, self._in(partition, self._codecs)):
            name, key = message.topic() or "", message.key()
            try:
                record = self._codecs[name].decode(message.value())
            except CodecError:
                continue
            instrument = record.instrument
            if key == instrument.encode() and (self._wanted is None or instrument in self._wanted):
                found[name].setdefault(instrument, []).append((message.offset() or 0, record))
        orders, journal, fills = found.values()
        return orders, journal, fills

    def _read_trades(self, partition: int, instruments: list[str]) -> dict[str, Trades]:
        """Return the trades of these instruments; what is no trade is left out, as the worker leaves it out."""
        found = trade_columns(self._config, self._in(partition, [self._trades]), instruments, COLUMNS)
        return {instrument: Trades(*gathered.columns().values()) for instrument, gathered in found.items()}

    def _in(self, partition: int, names: Iterable[str]) -> dict[Partition, Span]:
        return {(name, partition): self._spans.get((name, partition), (0, 0)) for name in names}
