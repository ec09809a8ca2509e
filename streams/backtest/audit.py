"""The audit: reads what was recorded, replays it, and says where the two differ.

It is the referee of every fault test: whatever was killed and started again, the recorded inputs must give the
recorded orders.
"""

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from infra.config import Config
from schemas import topics
from schemas.codec import Codec, CodecError
from schemas.columns import decode_trades
from schemas.records import Applied, Fill, Order, Trade
from schemas.registry import make_codec
from streams.backtest.replay import Difference, Recorded, Trades, compare
from streams.scan import messages

R = TypeVar("R", Order, Applied, Fill)


@dataclass
class Audit:
    """What was compared. Repeats are records sent more than once, with the same content."""

    instruments: int = 0
    trades: int = 0
    orders: int = 0
    fills: int = 0
    repeats: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.differences


def audit(config: Config) -> Audit:
    """Replay everything recorded under this configuration's topics and compare it with the recorded orders.

    The pipeline should be at rest: a trade that no worker has seen yet counts as seen.
    """
    result = Audit()
    for recorded in read_recorded(config):
        versions = {order.version for order in recorded.orders} | {entry.version for entry in recorded.journal}
        result.instruments += 1
        result.trades += len(recorded.trades.offsets)
        result.orders += len({order.client_order_id for order in recorded.orders})
        result.fills += len(recorded.fills)
        result.repeats += len(recorded.orders) + len(recorded.journal) - len(versions)
        result.differences += compare(recorded)
    return result


def read_recorded(config: Config) -> list[Recorded]:
    """Everything recorded of every instrument that ever had a leader."""
    orders = _by_key(config, topics.ORDERS, make_codec(config, Order))
    journal = _by_key(config, topics.APPLIED, make_codec(config, Applied))
    fills = _by_key(config, topics.FILLS, make_codec(config, Fill))
    keys = journal.keys() | orders.keys()
    trades = _trades(config, keys)
    return [
        Recorded(
            instrument=key.decode(),
            partition=(journal[key] if key in journal else orders[key])[0][1].input_partition,
            trades=trades[key],
            orders=[order for _, order in orders.get(key, [])],
            journal=[entry for _, entry in journal.get(key, [])],
            fills=dict(fills.get(key, [])),
        )
        for key in sorted(keys)
    ]


def _by_key(config: Config, topic: topics.Topic, codec: Codec[R]) -> dict[bytes, list[tuple[int, R]]]:
    """Offset and record, in topic order, by key, without what the worker leaves out: no record, or another's key."""
    found: dict[bytes, list[tuple[int, R]]] = {}
    for message in messages(config, [topic.full_name(config)]):
        try:
            record = codec.decode(message.value())
        except CodecError:
            continue
        key = record.instrument.encode()
        if message.key() == key:
            found.setdefault(key, []).append((message.offset() or 0, record))
    return found


def _trades(config: Config, keys: set[bytes]) -> dict[bytes, Trades]:
    """The trades of these instruments; what is no trade is left out, as the worker leaves it out."""
    codec = make_codec(config, Trade)
    values: dict[bytes, list[bytes | None]] = {key: [] for key in keys}
    offsets: dict[bytes, list[int]] = {key: [] for key in keys}
    for message in messages(config, [topics.TRADES.full_name(config)]):
        key = message.key()
        if key in values:
            values[key].append(message.value())
            offsets[key].append(message.offset() or 0)
    return {key: _columns(offsets[key], values[key], codec) for key in keys}


def _columns(offsets: list[int], values: list[bytes | None], codec: Codec[Trade]) -> Trades:
    columns = decode_trades(values, codec)
    good = np.ones(len(values), np.bool_)
    good[list(columns.errors)] = False
    return Trades(np.array(offsets, np.int64)[good], columns.price[good], columns.trade_time[good])
