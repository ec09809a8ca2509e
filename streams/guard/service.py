"""`hedgehog guard`: reads the topics, judges what it has seen, and halts what has to be.

It writes nothing but settings, and needs no worker for it. What cannot be written is written at the next look.
"""

import logging
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException, Message

from infra import metrics
from infra.config import Config
from infra.errors import StackError, Unreachable
from infra.health import PORTS, Health
from producers.halting import halt
from producers.publisher import DeliveryError
from schemas.broker import admin, check_topics, is_replay, partitions_of
from schemas.codec import CodecError
from schemas.reader import Reader
from schemas.records import Order, OrderStatus, Settings, Trade
from schemas.registry import make_codec
from schemas.topics import LEADERS, ORDERS, SETTINGS, TRADES
from schemas.units import ONE, to_units
from streams.agents.trading import TRADING
from streams.delivery.changelog import supersedes
from streams.delivery.states import UnreadableState
from streams.guard import judge
from streams.guard.judge import SECOND, Limits, Watch
from streams.guard.progress import progress

log = logging.getLogger(__name__)

LOOK_S = 0.5
PROGRESS, KEEP = 2 * SECOND, 10 * SECOND
STEP_MAX = 2 * SECOND
"""What passes between two looks beyond that, the guard has slept: it counts as nobody's silence."""
LOADED_WITHIN_S = 60.0
DAY_S = 86_400
FROM_START = (SETTINGS, LEADERS)
FROM_END = (TRADES, ORDERS)
FILE = "guard.json"


class _Kept(msgspec.Struct):
    """What survives a restart: what the leaders had earned before the day."""

    day: int = -1
    before: dict[str, int] = {}


def limits_of(config: Config) -> Limits:
    """Return the limits of a configuration."""
    money = (config.total_notional_limit, config.total_loss_limit)
    notional, loss = (to_units(text or "0", "limit") * ONE for text in money)
    return Limits(
        stale=int(config.guard_stale_s * SECOND),
        heartbeat=int(config.guard_heartbeat_s * SECOND),
        notional=notional,
        orders=config.total_orders_limit,
        minute=config.total_minute_limit,
        loss=loss,
    )


class Guard:
    """One run of the guard."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._limits = limits_of(config)
        self._full = {topic.full_name(config): topic for topic in (*FROM_START, *FROM_END)}
        self._codecs: dict[str, Any] = {kind.__name__: make_codec(config, kind) for kind in (Settings, Trade, Order)}
        self._states = TRADING.state_codec()
        self._leaders: dict[bytes, bytes] = {}
        self._file: Path = config.data_dir / FILE
        self._now, self._at = 0, time.monotonic_ns()
        self.watch = Watch(0)

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set; raise `StackError` where broker, topics or registry are not there."""
        config = self._config
        partitions = {topic: partitions_of(config, [topic.full_name(config)]) for topic in self._full.values()}
        starts = {part: OFFSET_BEGINNING for topic in FROM_START for part in partitions[topic]}
        needed = set(starts)
        starts |= {part: OFFSET_END for topic in FROM_END for part in partitions[topic]}
        with Reader(config, starts) as reader:
            self._load(reader, needed, stop)
            self._begin_day()
            with Health(config.worker_host, config.port("guard"), self._readiness, PORTS):
                log.info("watching %d traded instruments", len(self.watch.traded))
                self._until(reader, stop)
        self._keep()

    def _load(self, reader: Reader, needed: set[tuple[str, int]], stop: threading.Event) -> None:
        deadline = time.monotonic() + LOADED_WITHIN_S
        while not needed <= reader.at_end and not stop.is_set():
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"the broker at {self._config.bootstrap} did not send all within {LOADED_WITHIN_S:g} s"
                )
            self._take(reader.next(LOOK_S))

    def _until(self, reader: Reader, stop: threading.Event) -> None:
        client, looked, kept = admin(self._config), 0, 0
        self.watch.alive = self._tick()
        for key in self.watch.fresh:
            self.watch.fresh[key] = self._now
        while not stop.is_set():
            self._take(reader.next(LOOK_S))
            now = self._tick()
            if now - looked >= PROGRESS:
                looked = now
                self._look_at_workers(client)
            if now - kept >= KEEP:
                kept = now
                self._begin_day()
                self._keep()
            self._judge(now)

    def _tick(self) -> int:
        """Return the guard's own time, which stands still while it is frozen."""
        at = time.monotonic_ns()
        self._now += min((at - self._at) // 1_000, STEP_MAX)
        self._at = at
        return self._now

    def _look_at_workers(self, client: Any) -> None:
        try:
            judge.take_progress(self.watch, progress(self._config, client), self._tick())
        except (Unreachable, KafkaException, TimeoutError) as error:
            log.warning("the broker does not say how far the workers are: %s", error)

    def _judge(self, now: int) -> None:
        for verdict in list(judge.verdicts(self.watch, self._limits, now)):
            try:
                halted = halt(self._config, verdict.instruments)
            except (StackError, DeliveryError, KafkaException) as error:
                log.error("%s, and it cannot be halted yet: %s", verdict.text, error)
                return
            if halted:
                metrics.HALTS.labels(verdict.reason).inc()
                log.critical("HALTED %s: %s", ", ".join(sorted(halted)), verdict.text)

    def _take(self, messages: list[Message]) -> None:
        """Take what has arrived; of trades the newest of each instrument."""
        newest: dict[bytes, Message] = {}
        for message in messages:
            topic, key = self._full[message.topic() or ""], message.key()
            if not isinstance(key, bytes):
                continue
            if topic is TRADES:
                newest[key] = message
            elif topic is LEADERS:
                self._take_state(key, message.value())
            else:
                self._take_record(topic.record.__name__ if topic.record else "", message)
        for message in newest.values():
            self._take_record(Trade.__name__, message)

    def _take_record(self, kind: str, message: Message) -> None:
        try:
            record = self._codecs[kind].decode(message.value())
        except CodecError:
            return  # whoever handles it makes a dead letter of it
        if isinstance(record, Settings):
            judge.take_settings(self.watch, record, self._now)
        elif isinstance(record, Trade):
            judge.take_price(self.watch, record.instrument, record.price, self._now)
        elif record.status is OrderStatus.NEW and not record.cancel_requested:
            judge.take_order(self.watch, self._now)

    def _take_state(self, key: bytes, value: Any) -> None:
        if not isinstance(value, bytes) or not supersedes(value, self._leaders.get(key)):
            return
        self._leaders[key] = value
        try:
            judge.take_leader(self.watch, key.decode(errors="replace"), self._states.decode(key, value).state)
        except (UnreadableState, msgspec.DecodeError) as error:
            log.warning("the state of %s cannot be read: %s", key.decode(errors="replace"), error)

    def _begin_day(self) -> None:
        day = int(time.time() // DAY_S)
        if day == self.watch.day:
            return
        kept = self._kept() if self.watch.day < 0 else _Kept()
        judge.begin_day(self.watch, day, kept.before if kept.day == day else None)

    def _kept(self) -> _Kept:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError):
            return _Kept()

    def _keep(self) -> None:
        part = self._file.with_suffix(".part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(msgspec.json.encode(_Kept(self.watch.day, self.watch.before)))
            part.replace(self._file)
        except OSError as error:
            log.error("%s cannot be written: %s; a restart counts the day's loss from then on", self._file, error)

    def _readiness(self) -> tuple[bool, dict[str, Any]]:
        seen = self.watch.progress
        return True, {"traded": len(self.watch.traded), "workers": seen.members if seen else 0}


def check(config: Config) -> None:
    """Raise `StackError` where the guard has nothing to watch: no topics, or those of a replay."""
    check_topics(config)
    if is_replay(config):
        raise StackError(f"HEDGEHOG_TOPIC_PREFIX={config.topic_prefix} belongs to replays: nothing is traded there")
