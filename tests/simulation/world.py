"""A run: workers, a scripted market, a plan of faults; then everything heals and is worked off."""

import asyncio
import random
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from infra.config import Config
from schemas import journal_records
from schemas.codec import Codec, schema_text
from schemas.journal_records import Applied
from schemas.records import DeadLetter, Fill, Instrument, Keyed, Order, Record, Settings, Trade, TradingStatus
from schemas.topics import TOPICS
from streams.agents.agent import Environment
from streams.agents.checkpoints import Pace
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING
from streams.delivery.checkpoint import Checkpoint, WriteThrough
from tests.samples import instrument, settings, trade
from tests.simulation.broker import Broker
from tests.simulation.group import Group
from tests.simulation.network import Fault, Network
from tests.simulation.worker import Worker

CODECS: dict[type[Record], Codec[Any]] = {
    kind: Codec(kind, number, lambda _, kind=kind: schema_text(kind))  # type: ignore[misc]
    for number, kind in enumerate(
        (Fill, DeadLetter, Applied, Trade, Order, Instrument, Settings, journal_records.Checkpoint), 1
    )
}
NAMES = {topic.record: topic.name for topic in TOPICS.values() if topic.record}
PARTITIONS = 2
INSTRUMENTS = ("binance:AUSDT", "binance:BUSDT", "binance:CUSDT")
INPUTS = tuple(dict.fromkeys(topic.name for agent in (TRADING, EXCHANGE) for topic in agent.inputs))
DRAINED_WITHIN_S = 300.0
NOTICED_WITHIN_S = 3.0
"""A worker looks so often whether its topics are those that it began with."""
COMPACTED_AFTER_S = 60.0
"""As `min.compaction.lag.ms` of changelogs, and like it longer than anybody is frozen."""


@dataclass(frozen=True)
class Market:
    """What a seed decides of a run besides its faults."""

    workers: int
    trades: int
    partial_fills: bool
    storing: WriteThrough | Checkpoint


def market_of(seed: int) -> Market:
    """The market of a seed."""
    rng = random.Random(f"market {seed}")
    checkpoint = Checkpoint(seconds=0.5, records=30)
    return Market(
        workers=rng.choice((2, 2, 3)),
        trades=rng.randint(100, 300),
        partial_fills=rng.random() < 0.5,
        storing=checkpoint if rng.random() < 0.25 else WriteThrough(),
    )


class World:
    """Everything in one run. `findings` says in words what went wrong."""

    def __init__(self, seed: int, market: Market, plan: Sequence[Fault], inspect: Any) -> None:
        self.market = market
        self.rng = random.Random(f"run {seed}")
        self.broker = Broker(PARTITIONS)
        self.group = Group(PARTITIONS)
        self.network = Network(plan, self.rng, self)
        config = Config(topic_prefix="", mock_partial_fills=market.partial_fills)
        topic_ids = {topic.name: f"id of {topic.name}" for topic in TOPICS.values()}
        self.environment = Environment(config, CODECS, topic_ids, Pace(trades=40, versions=30))
        self.agents = (TRADING, EXCHANGE)
        self.storing = market.storing
        self.findings: list[str] = []
        self.over = False
        self._inspect = inspect
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers: list[Worker] = []
        self._prices = dict.fromkeys(INSTRUMENTS, 10_000)
        self._clock = 0

    @property
    def now(self) -> float:
        """Simulated seconds."""
        return asyncio.get_running_loop().time()

    def finding(self, text: str) -> None:
        """Note what must not be."""
        self.findings.append(text)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin a task, which ends with the run at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def run(self) -> None:
        """Play the market through, let everything heal, and wait until it is worked off."""
        self._change_settings(first=True)
        for _ in range(self.market.workers):
            self._start_worker()
        checking = self.start(self._check_group())
        await self._play()
        self.network.healed = True
        await self._drained()
        checking.cancel()
        self.over = True
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1)

    @staticmethod
    def partition_of(key: bytes) -> int:
        """Where the records of an instrument are."""
        return INSTRUMENTS.index(key.decode()) % PARTITIONS

    def ended(self, worker: Worker) -> None:
        """A process is gone; a supervisor starts another one before long."""
        if not worker.ended and not self.over:
            worker.ended = True
            asyncio.get_running_loop().call_later(1 + 3 * self.rng.random(), self._start_worker)

    def commit(self, offsets: dict[TP, int], generation: int, topic_ids: Mapping[str, str]) -> bool:
        """Commit for the group; `False` under a generation that is over.

        Positions in a topic that has another id by now count for nothing: with them stands which they are in.
        """
        if generation != self.group.generation:
            return False
        today = self.environment.topic_ids
        offsets = {tp: end for tp, end in offsets.items() if topic_ids[tp.topic] == today[tp.topic]}
        self.broker.committed.update(offsets)
        self._inspect(self, offsets)
        return True

    def compact(self) -> None:
        """Compact what is compacted."""
        for tp, log in self.broker.logs.items():
            if tp.topic in (TRADING.changelog.name, EXCHANGE.changelog.name):
                log.compact(self.now - COMPACTED_AFTER_S)

    def expire(self, topic: str, seconds: float) -> None:
        """Let records of a topic expire that are older than so many seconds; of what workers made only what was read.

        A trade that nobody has read yet may expire, too: nobody misses it.
        """
        for number in range(PARTITIONS):
            tp = TP(topic, number)
            log = self.broker.logs[tp]
            old = sum(record.time < self.now - seconds for record in log.history)
            log.truncate(min(old, self.broker.committed.get(tp, 0)) if topic in ("orders", "fills") else old)

    def make_anew(self, topic: str) -> None:
        """Delete a topic and make it anew. Workers notice before long, and end."""
        self.broker.make_anew(topic)
        self.environment.topic_ids[topic] = f"id {self.broker.incarnations[topic]} of {topic}"
        for worker in self._workers:
            asyncio.get_running_loop().call_later(NOTICED_WITHIN_S * self.rng.random(), worker.leave)

    def _start_worker(self) -> None:
        if not self.over:
            self._workers.append(Worker(self, f"worker {len(self._workers) + 1}"))

    async def _check_group(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self.group.check(self.now)

    # The market.

    async def _play(self) -> None:
        rng, left = self.rng, self.market.trades
        while left:
            for _ in range(min(left, rng.randint(1, 20))):
                self._trade(rng.choice(INSTRUMENTS))
                left -= 1
            if rng.random() < 0.1:
                self._change_settings()
            await asyncio.sleep(rng.random() * 2)

    def _trade(self, key: str) -> None:
        self._clock += 1
        price = self._prices[key] + self.rng.choice((-400, -150, -40, 0, 40, 150, 400))
        self._prices[key] = price = min(max(price, 9_000), 11_000)
        quantity = f"{self.rng.randint(1, 20) / 10:g}"
        self._write(trade(f"{price / 100:.2f}", self._clock, key, quantity))

    def _change_settings(self, first: bool = False) -> None:
        for key in INSTRUMENTS if first else [self.rng.choice(INSTRUMENTS)]:
            status = TradingStatus.ON if first or self.rng.random() < 0.5 else self.rng.choice(list(TradingStatus))
            if first or self.rng.random() < 0.3:
                self._write(instrument(key, updated_time=self._clock))
            self._write(
                settings(
                    key,
                    status=status,
                    chunks=self.rng.randint(1, 5),
                    fee="0",
                    buy_down_interval="0.005",
                    profit_interval="0.01",
                    rebuy_interval="0.02",
                    updated_time=self._clock,
                )
            )

    def _write(self, record: Keyed) -> None:
        key = record.instrument.encode()
        data = CODECS[type(record)].encode(record)
        self.broker.append(NAMES[type(record)], self.partition_of(key), key, data, self.now, "script")

    async def _drained(self) -> None:
        until = self.now + DRAINED_WITHIN_S
        while left := self._left():
            if self.now > until:
                return self.finding(f"not worked off within {DRAINED_WITHIN_S:g} s after all was well: {left}")
            await asyncio.sleep(1)

    def _left(self) -> dict[str, str]:
        logs, committed = self.broker.logs, self.broker.committed
        tps = [TP(topic, number) for topic in INPUTS for number in range(PARTITIONS)]
        return {
            f"{tp.topic} {tp.partition}": f"{committed.get(tp, 0)} of {logs[tp].end}"
            for tp in tps
            if committed.get(tp, 0) < logs[tp].end
        }
