"""Follows trades, orders and fills as they come, for the live view."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, Message

from infra.config import Config
from producers.binance.protocol import EXCHANGE
from schemas.codec import Codec
from schemas.reader import Reader
from schemas.records import Fill, Order, OrderStatus, Side, Trade
from schemas.registry import make_codec
from schemas.topics import FILLS, ORDERS, TRADES

RATE_OVER_S = 5.0
R = TypeVar("R", Trade, Order, Fill)
OPEN = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


@dataclass
class Activity:
    """What one symbol has done so far. `price` in units of 10^-8."""

    trades: int = 0
    price: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    fills: set[str] = field(default_factory=set)

    def running(self, side: Side) -> int:
        """Return how many orders are open on one side. Every running trader has exactly one."""
        return sum(order.side is side and order.status in OPEN for order in self.orders.values())

    def cycles(self) -> int:
        """Return how many sells were completely filled: traders that have bought and sold."""
        return sum(o.side is Side.SELL and o.status is OrderStatus.FILLED for o in self.orders.values())


class Tail:
    """Reads three topics from their beginnings, as far as they go at each `refresh`."""

    def __init__(self, config: Config, symbols: Sequence[str], watched: Sequence[str]) -> None:
        self.symbols = {symbol: Activity() for symbol in symbols}
        self.watched = {instrument: Activity() for instrument in watched}
        """By `exchange:SYMBOL`."""
        traded = {f"{EXCHANGE}:{symbol}": activity for symbol, activity in self.symbols.items()}
        self._of = {key.encode(): activity for key, activity in (traded | self.watched).items()}
        self._trade = make_codec(config, Trade)
        self._order = make_codec(config, Order)
        self._fill = make_codec(config, Fill)
        self._topics = {topic.full_name(config): topic for topic in (TRADES, ORDERS, FILLS)}
        self._history: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        numbers = range(config.partitions)
        self._reader = Reader(config, {(name, n): OFFSET_BEGINNING for name in self._topics for n in numbers})

    def close(self) -> None:
        """Let go of the broker."""
        self._reader.close()

    def refresh(self, wait_s: float) -> None:
        """Take in what has arrived, or arrives within `wait_s` seconds."""
        last: dict[bytes, Message] = {}
        until = time.monotonic() + wait_s
        while (left_s := until - time.monotonic()) > 0:
            for message in self._reader.next(left_s):
                self._take(message, last)
        for key, message in last.items():
            self._of[key].price = _decoded(self._trade, message).price
        now, trades = time.monotonic(), sum(activity.trades for activity in self._of.values())
        self._history.append((now, trades))
        while now - self._history[0][0] > RATE_OVER_S and len(self._history) > 2:
            self._history.popleft()

    @property
    def trades_per_s(self) -> float:
        """How many trades a second went through the topic in the last five seconds."""
        (began, before), (ended, after) = self._history[0], self._history[-1]
        return (after - before) / (ended - began) if ended > began else 0.0

    def _take(self, message: Message, last: dict[bytes, Message]) -> None:
        key = message.key() or b""
        activity = self._of.get(key)
        if activity is None:
            return
        topic = self._topics[message.topic() or ""]
        if topic is TRADES:
            activity.trades += 1
            last[key] = message
        elif topic is FILLS:
            activity.fills.add(_decoded(self._fill, message).fill_id)
        else:
            order = _decoded(self._order, message)
            known = activity.orders.get(order.client_order_id)
            if known is None or known.version < order.version:
                activity.orders[order.client_order_id] = order


def _decoded(codec: Codec[R], message: Message) -> R:
    return codec.decode(message.value())
