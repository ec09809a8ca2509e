"""What the market agent costs a worker, alone and beside trading and exchange, and how long its states take to load."""

import time
from collections.abc import Callable, Iterator

from aiokafka.partitioner import murmur2
from confluent_kafka import Producer

from producers.local_exchange.simulated import Market
from schemas.broker import create_topics
from schemas.codec import Codec
from schemas.records import Setup, Trade
from schemas.topics import MARKETS, TRADES
from streams.agents.market import MARKET, Watched
from streams.delivery.changelog import Place
from streams.market.checkpoint import change_all
from streams.market.state import MarketState, new_state
from streams.market.step import apply_trades
from tests.bench import market_step
from tests.bench.market import LOOP, encode, instruments, setups_of, trade_at_rest
from tests.bench.process import WORKER, Run, running, work_off
from tests.bench.report import Row
from tests.bench.worker_job import progress_of, settle, take_in
from tests.bench.world import Encoded, World, fill_trades, world

INSTRUMENTS = 1_500
STORED_HEADS = 600
"""Heads of an instrument that are not compacted yet: those of ten minutes."""
CHECKPOINTS, CHECKPOINT_RATE = 600, 20
"""Checkpoints that are summed up, one a second, and how many trades each is of."""
STEP_RATE, STEP_BATCH = 50, 16
OTHERS, ALL = "exchange,trading", ""

Note = Callable[[str, float], None]


class MarketAgent:
    """The trades, each of them once, for what comes again is not the market's."""

    def __init__(self, markets: tuple[Market, ...], trades: Encoded, codec: Codec[Trade]) -> None:
        self._setups = setups_of(markets, **LOOP)
        self._trades, self._codec = trades, codec

    def repeat(self, note: Note) -> None:
        """One repetition."""
        note("market_trades_per_s", self._run("market", []).per_s)
        without = self._run(OTHERS, self._setups)
        beside = self._run(ALL, self._setups)
        note("worker_with_market_trades_per_s", beside.per_s)
        note("worker_with_market_ratio", beside.per_s / without.per_s)
        note("market_step_us", market_step.step_us(STEP_RATE, STEP_BATCH))
        note("market_checkpoint_bytes_per_s", checkpoint_bytes_per_s())
        note("market_recovery_s", recovery_s(self._codec))

    def _run(self, agents: str, setups: list[Setup]) -> Run:
        with world("market") as w:
            settle(w, setups, WORKER, [], agents)
            total = fill_trades(w, self._trades)
            with running(w, WORKER, agents) as process:
                return work_off(process, progress_of(w, TRADES.full_name(w.config), agents), total)


def checkpoint_bytes_per_s() -> float:
    """Bytes of keys and values that one instrument stores a second, late trades among its trades."""
    codec, state = MARKET.state_codec(), Watched(new_state(market_step.INSTRUMENT))
    given = market_step.trades(CHECKPOINT_RATE)
    start, stored = market_step.DAY_MINUTES, 0
    apply_trades(state.market, given._replace(rows=given.rows[:start]), market_step.RULES)
    list(codec.encode_all(b"", {}, state, [], Place(1, 1)))
    for number in range(CHECKPOINTS):
        first = start + number * CHECKPOINT_RATE
        apply_trades(state.market, given._replace(rows=given.rows[first : first + CHECKPOINT_RATE]), market_step.RULES)
        values = codec.encode_all(market_step.INSTRUMENT.encode(), {"trades": first}, state, [], Place(1, number))
        stored += sum(len(key) + len(value) for key, value in values)
    return stored / CHECKPOINTS


def recovery_s(codec: Codec[Trade]) -> float:
    """Seconds by which a worker takes up its work later for all that is stored of a day of so many instruments."""
    markets = instruments(INSTRUMENTS)
    trades = encode([trade_at_rest(market, 10**6) for market in markets], codec)
    with world("recovery") as w:
        empty = _started_s(w, trades)
    with world("recovery") as w:
        create_topics(w.config, [MARKET.changelog])
        _fill_changelog(w, markets)
        return _started_s(w, trades) - empty


def _started_s(w: World, trades: Encoded) -> float:
    fill_trades(w, trades)
    start = time.monotonic()
    with running(w, WORKER, "market") as process:
        take_in(process, progress_of(w, TRADES.full_name(w.config), "market"), len(trades))
        return time.monotonic() - start


def _fill_changelog(w: World, markets: tuple[Market, ...]) -> None:
    state = Watched(market_step.full_state())
    producer = Producer(
        {
            "bootstrap.servers": w.config.bootstrap,
            "partitioner": "murmur2_random",
            "compression.type": "none",
            "linger.ms": 20,
            "queue.buffering.max.messages": 100_000,
            "queue.buffering.max.kbytes": 1 << 18,
        }
    )
    name = MARKETS.full_name(w.config)
    for market in markets:
        key = market.instrument().instrument.encode()
        home = (murmur2(key) & 0x7FFFFFFF) % w.config.partitions
        for part_key, value in _stored(key, state.market):
            while True:
                try:
                    producer.produce(name, value, part_key, home)
                    break
                except BufferError:
                    producer.poll(0.05)
            producer.poll(0)
    if producer.flush(120):
        raise RuntimeError(f"{name}: the broker did not take all that is stored")


def _stored(key: bytes, market: MarketState) -> Iterator[tuple[bytes, bytes]]:
    codec, state = MARKET.state_codec(), Watched(market)
    market.instrument = key.decode()
    change_all(state.market)
    _, *parts = codec.encode_all(key, {"trades": -1}, state, [], Place(1, 1))
    yield from parts
    (head,) = codec.encode_all(key, {"trades": -1}, state, [], Place(1, 2))
    for _ in range(STORED_HEADS):
        yield head


def rows() -> list[Row]:
    """The rows of the table."""
    step = f"{STEP_RATE} trades/s, batches of {STEP_BATCH}, 1 % late"
    heads = f"a day of {INSTRUMENTS:,} instruments and {STORED_HEADS} heads of each; beside a start with nothing"
    return [
        Row("market_trades_per_s", "", "one worker process, market agent only", at_least=150_000),
        Row("worker_with_market_trades_per_s", "", "trading, exchange and market agent"),
        Row("worker_with_market_ratio", "x", "the same by trading and exchange, each trade once", at_least=0.6),
        Row("market_step_us", "µs", f"CPU time a trade of its rules: {step}", at_most=1.5),
        Row("market_checkpoint_bytes_per_s", "", f"an instrument, {CHECKPOINT_RATE} trades/s", at_most=1_000),
        Row("market_recovery_s", "s", heads, at_most=10),
    ]
