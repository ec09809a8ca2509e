"""From a trade to the order it caused, at a fixed rate; and a bare produce and consume at the same rate.

Both are timed by one process on one clock: from the call that produces a record to the return of the poll that
brings the answer. The answer names its cause by partition and offset.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from infra.config import Config
from producers.local_exchange.simulated import Market
from schemas.codec import Codec
from schemas.records import Order, Trade
from schemas.registry import make_codec
from schemas.topics import ORDERS, TRADES
from tests.bench.market import LOOP, RATE, encode, instruments, setups_of, trade_at_rest
from tests.bench.process import WORKER, running
from tests.bench.worker_job import take_in_setups
from tests.bench.world import Encoded, World, create_topic, fill_setups, world

SECONDS = 20
WARM_UP_S = 8
"""Topics have just been made: for some three seconds the broker takes up to 0.1 s for an acknowledgement."""
DRAIN_S = 5
EVERY = 10
"""One trade of so many is the first of its instrument, at which the leader's first trader places its order."""
RESTING = 20
"""Instruments of all other trades, whose order rests unfilled."""

Place = tuple[int, int]
"""Partition and offset of a record."""


class Latency(NamedTuple):
    """Milliseconds, and of how many answers."""

    p50_ms: float
    p99_ms: float
    answers: int


def markets_traded() -> tuple[Market, ...]:
    """The instruments of `offered_trades`."""
    return instruments(RESTING + RATE * SECONDS // EVERY)


def offered_trades(markets: tuple[Market, ...]) -> list[Trade]:
    """`RATE * SECONDS` trades, of which one in `EVERY` causes an order, at the market's own price.

    So what is waited for does not depend on how fast orders were filled before.
    """
    resting, fresh = markets[:RESTING], markets[RESTING:]
    return [
        trade_at_rest(fresh[i // EVERY] if i % EVERY == EVERY - 1 else resting[i % RESTING], i)
        for i in range(RATE * SECONDS)
    ]


def bare(trades: Sequence[Trade]) -> Latency:
    """Produce and consume, with nobody in between."""
    with world("bare") as w:
        topic = create_topic(w, "bare")
        sent = encode(list(trades), make_codec(w.config, Trade))
        return _measure(w.config, topic, topic, sent, _place)


def through_worker(
    markets: tuple[Market, ...],
    trades: Sequence[Trade],
    beside: Callable[[World], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Latency:
    """Produce trades, consume the orders that they cause, with something `beside` the worker."""
    with world("latency") as w:
        setups = setups_of(markets, **LOOP)
        fill_setups(w, setups)
        sent = encode(list(trades), make_codec(w.config, Trade))
        orders = make_codec(w.config, Order)
        with running(w, WORKER) as process, beside(w):
            take_in_setups(w, process, len(setups))
            return _measure(
                w.config, TRADES.full_name(w.config), ORDERS.full_name(w.config), sent, lambda m: _cause(m, orders)
            )


def _place(message: Message) -> Place:
    return message.partition() or 0, message.offset() or 0


def _cause(message: Message, orders: Codec[Order]) -> Place | None:
    """The trade that caused the first snapshot of an order; `None` for what a fill caused."""
    value = message.value()
    order = orders.decode(value if isinstance(value, bytes) else None)
    return (order.input_partition, order.trades_offset) if order.cause_topic == "trades" else None


class _Offered:
    """Sends records at `RATE` from a thread of its own and notes when each was handed to the producer."""

    def __init__(self, config: Config, topic: str, records: Encoded) -> None:
        self.sent: dict[Place, float] = {}
        self.lost = 0
        self._topic, self._records = topic, records
        self._producer = Producer(
            {
                "bootstrap.servers": config.bootstrap,
                "partitioner": "murmur2_random",
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 0,
            }
        )
        self._producer.list_topics(timeout=10)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        begin = time.perf_counter()
        for i, (key, value) in enumerate(self._records):
            due = begin + i / RATE
            if (left := due - time.perf_counter()) > 0:
                time.sleep(left)  # `poll` with less than a millisecond left would spin, and take a core from the others
            self._producer.poll(0)
            now = time.perf_counter()
            self._producer.produce(self._topic, value, key, on_delivery=self._note(now))
        self._producer.flush(DRAIN_S)

    def _note(self, sent_at: float) -> Callable[[KafkaError | None, Message], None]:
        def note(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self.sent[_place(message)] = sent_at
            else:
                self.lost += 1

        return note


def _measure(
    config: Config, into: str, out_of: str, records: Encoded, cause: Callable[[Message], Place | None]
) -> Latency:
    consumer = Consumer({"bootstrap.servers": config.bootstrap, "group.id": f"{out_of}-latency"})
    consumer.assign([TopicPartition(out_of, number, 0) for number in range(config.partitions)])
    consumer.poll(0)
    received: dict[Place, float] = {}
    offered = _Offered(config, into, records)
    begin = time.perf_counter()
    offered.thread.start()
    end = begin + len(records) / RATE + DRAIN_S
    try:
        while time.perf_counter() < end and not (into == out_of and len(received) == len(records)):
            message = consumer.poll(0.05)
            now = time.perf_counter()
            if message is not None and message.error() is None and (place := cause(message)) is not None:
                received.setdefault(place, now)
    finally:
        offered.thread.join()
        consumer.close()
    if offered.lost:
        raise RuntimeError(f"{into}: {offered.lost} records were not delivered")
    waits = [
        1_000 * (at - offered.sent[place]) for place, at in received.items() if offered.sent[place] > begin + WARM_UP_S
    ]
    if len(waits) < 100:
        raise RuntimeError(f"{out_of}: {len(waits)} answers are too few for percentiles")
    p50, p99 = np.percentile(waits, [50, 99])
    return Latency(float(p50), float(p99), len(waits))
