"""The replica: loads a board, follows the topics, and begins anew where that is the only exact way.

One loop reads and folds; the servers' answers that block are waited for in threads. `board` is replaced as a whole when
it was loaded anew: whoever shows it compares it with the one that was shown before.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from infra import clients, probes
from infra.config import Config
from infra.errors import StackError, Unreachable
from schemas import topics
from schemas.broker import admin, partitions_of, topic_ids
from schemas.codec import Codec
from schemas.groups import sink_group, worker_group
from schemas.offsets import Committed, committed
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.topics import Topic
from streams.agents.groups import positions
from streams.agents.market import MARKET, compile_steps
from streams.agents.trades import compile_reading
from streams.topics import lean
from streams.topics.lag import worker_groups
from streams.web.model import profits
from streams.web.model.board import PARTS, PIPELINE, TRADED, Board, Deals, add_cycle, take_fill, take_order
from streams.web.model.pipeline import facts_of
from streams.web.replica import warehouse
from streams.web.replica.pace import Latencies, Rate, Stamps, Written
from streams.web.replica.records import COMPACTED, TAILED, Records
from streams.web.replica.trades import States, fold

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
RETRY_S = 2.0
WAIT_MS = 250
RECORDS_MAX = 4_000
STOP_S = 3.0
EVENTS_BACK_US = DAY_MS * 1_000
FOLLOWED = (topics.TRADES, topics.MARKETS, *COMPACTED, *TAILED)
FETCH_BYTES = 4 << 20
GATHER: dict[str, int] = {"fetch_min_bytes": 1 << 20, "fetch_max_wait_ms": 60}
"""Trades that come meanwhile are folded together: each batch, and each frame after it, costs more than its trades. The
broker gathers them; what is gathered here would be as old as the last answer."""

Places = dict[TopicPartition, int]


class Reload(Exception):
    """Something is there that was not, or is another one: what is known has to be read anew."""


class Replica:
    """The board, and what keeps it as the topics are."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.board = Board()
        self.ready = asyncio.Event()
        """Set once a board was loaded."""
        self.changed = asyncio.Event()
        """Set when something was folded; whoever waits for it clears it."""
        self.rates: dict[str, Rate] = {}
        """Of trades, `feed` and the exchange, and of `fills`."""
        self.stamps: dict[tuple[str, int], Stamps] = {}
        """By topic without prefix and partition."""
        self.rows, self.latencies = Written(), Latencies()
        self.received: dict[str, int] = {}
        """By exchange, when its newest trade was written (ms)."""
        self.ids: dict[str, str] = {}
        self.reload = asyncio.Event()
        self._warehouse: Engine | None = None
        self._past_missing = False

    @property
    def engine(self) -> Engine:
        """The warehouse."""
        if self._warehouse is None:
            self._warehouse = warehouse.connect(self.config)
        return self._warehouse

    async def run(self, stop: asyncio.Event) -> None:
        """Load and follow until `stop` is set; outages are waited out and said on the board."""
        try:
            while not stop.is_set():
                try:
                    await self._once(stop)
                except Reload as why:
                    log.info("reading everything anew: %s", why)
                    continue
                except (StackError, KafkaError, KafkaException, OSError, TimeoutError) as error:
                    self._say(str(error) or type(error).__name__)
                    log.warning("%s", error or type(error).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RETRY_S)
        finally:
            if self._warehouse is not None:
                await asyncio.to_thread(self._warehouse.dispose)

    def _say(self, loading: str) -> None:
        facts_of(self.board).loading = loading
        self.board.touch(PARTS)
        self.changed.set()

    async def _once(self, stop: asyncio.Event) -> None:
        self._say("reading the topics")
        await asyncio.to_thread(_need_broker, self.config)
        board = Board()
        board.facts = dict(self.board.facts)
        self.reload.clear()
        self.stamps.clear()
        codecs = await asyncio.to_thread(self._codecs)
        names = {topic.full_name(self.config): topic for topic in FOLLOWED}
        self.ids = await asyncio.to_thread(topic_ids, self.config, list(names))
        places = await asyncio.to_thread(partitions_of, self.config, list(names))
        committed = await asyncio.to_thread(self._committed)
        past = await self._read_past(board)
        consumers: list[AIOKafkaConsumer] = []
        try:
            of_records = [TopicPartition(*place) for place in places if names[place[0]] is not topics.TRADES]
            of_trades = [TopicPartition(*place) for place in places if names[place[0]] is topics.TRADES]
            reading, trading = self._consumer(consumers), self._consumer(consumers, **GATHER)
            await reading.start()
            await trading.start()
            records = Records(codecs, self.latencies)
            await self._seek(reading, of_records, names, committed, past is not None)
            if past is not None:
                _put_past(board, past)
            await self._load(board, reading, names, records)
            await self._seek_trades(trading, of_trades, committed)
            self.board = board
            facts_of(board).loading = ""
            board.touch(PARTS, PIPELINE, TRADED)
            self.ready.set()
            self.changed.set()
            await self._follow(stop, board, reading, trading, names, records, codecs[topics.TRADES.name])
        finally:
            for consumer in consumers:
                with suppress(TimeoutError, KafkaError):
                    await asyncio.wait_for(consumer.stop(), STOP_S)

    def _codecs(self) -> dict[str, Codec[Any]]:
        """Return the codecs of the topics; what decodes and folds is compiled, or loaded, on the way."""
        codecs = {topic.name: make_codec(self.config, topic.record) for topic in FOLLOWED if topic.record is not None}
        compile_reading(make_codec(self.config, Trade))
        compile_steps()
        return codecs

    def _committed(self) -> dict[str, Committed]:
        """Return what workers and sinks have committed, by group."""
        workers = worker_groups(admin(self.config), self.config)
        sinks = [sink_group(self.config, topic) for topic in (topics.ORDERS, topics.FILLS)]
        return committed(self.config, [*workers, *sinks], self.ids)

    async def _read_past(self, board: Board) -> warehouse.Past | None:
        facts = facts_of(board)
        facts.trouble = []
        try:
            past = await asyncio.to_thread(warehouse.read_past, self.engine)
        except (SQLAlchemyError, StackError) as error:
            log.warning("Postgres: %s", str(error).splitlines()[0])
            since = "the last 24 hours"
            facts.trouble = [f"Orders and profit are those of {since} of the topics: Postgres does not answer."]
            self._past_missing = True
            return None
        self._past_missing = False
        return past

    async def past_is_back(self) -> None:
        """Begin anew if Postgres answers again and had not when the board was loaded."""
        if self._past_missing:
            self.reload.set()

    def _consumer(self, consumers: list[AIOKafkaConsumer], **settings: int) -> AIOKafkaConsumer:
        lean.install()
        consumer = AIOKafkaConsumer(
            **clients.aiokafka(self.config),
            client_id="hedgehog-dashboard",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            **settings,
        )
        consumers.append(consumer)
        return consumer

    async def _seek(
        self,
        consumer: AIOKafkaConsumer,
        places: list[TopicPartition],
        names: Mapping[str, Topic],
        committed: Mapping[str, Committed],
        has_past: bool,
    ) -> None:
        """Go to the beginning of what is compacted, and of the rest to what is not known from elsewhere."""
        consumer.assign(places)
        by_time = await self._a_day_ago(consumer, [each for each in places if names[each.topic] in TAILED])
        whole = []
        for each in places:
            topic = names[each.topic]
            found = committed.get(sink_group(self.config, topic), {}).get((each.topic, each.partition), 0)
            if topic is topics.ALERTS or (topic in TAILED and not has_past):
                consumer.seek(each, by_time[each])
            elif topic in TAILED:
                consumer.seek(each, max(found, 0))
            else:
                whole.append(each)
        await consumer.seek_to_beginning(*whole)  # at once: each time may wait for a fetch that is under way

    async def _seek_trades(
        self, consumer: AIOKafkaConsumer, places: list[TopicPartition], committed: Mapping[str, Committed]
    ) -> None:
        """Go to where the market agent had got to; a day back where it never was."""
        consumer.assign(places)
        workers = {group: found for group, found in committed.items() if group.startswith(worker_group(self.config))}
        reached = positions(self.config, [MARKET], workers)
        by_time = await self._a_day_ago(consumer, places)
        for each in places:
            at = reached.get((each.topic, each.partition), -1)
            consumer.seek(each, at if at >= 0 else by_time[each])

    async def _a_day_ago(self, consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> Places:
        if not places:
            return {}
        moment = time.time_ns() // 1_000_000 - DAY_MS
        found = await consumer.offsets_for_times(dict.fromkeys(places, moment))
        ends = await consumer.end_offsets(places)
        return {each: ends[each] if found.get(each) is None else found[each].offset for each in places}

    async def _load(
        self, board: Board, consumer: AIOKafkaConsumer, names: Mapping[str, Topic], records: Records
    ) -> None:
        """Read all that there is now, and rebuild the markets; their changelog is not read any further."""
        states = States()
        ends: Places = await consumer.end_offsets(consumer.assignment())
        while [each for each, end in ends.items() if await consumer.position(each) < end]:
            for place, messages in (await consumer.getmany(timeout_ms=WAIT_MS, max_records=RECORDS_MAX)).items():
                topic = names[place.topic]
                if topic is topics.MARKETS:
                    states.take(messages)
                else:
                    self._stamp(topic, place.partition, messages)
                    records.take(board, topic, messages)
            await asyncio.sleep(0)
        await self._note_ends(consumer, names)
        markets = [each for each in consumer.assignment() if names[each.topic] is topics.MARKETS]
        consumer.pause(*markets)
        short = {full: topic.name for full, topic in names.items()}
        facts = facts_of(board)
        facts.trouble += await asyncio.to_thread(states.markets, board, self.ids, short)

    async def _note_ends(self, consumer: AIOKafkaConsumer, names: Mapping[str, Topic]) -> None:
        """Note how far each partition was read: of one without records nobody is behind."""
        for each in consumer.assignment():
            stamps = self.stamps.setdefault((names[each.topic].name, each.partition), Stamps())
            stamps.end = max(stamps.end, await consumer.position(each))

    async def _follow(
        self,
        stop: asyncio.Event,
        board: Board,
        reading: AIOKafkaConsumer,
        trading: AIOKafkaConsumer,
        names: Mapping[str, Topic],
        records: Records,
        trades: Codec[Any],
    ) -> None:
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._follow_records(board, reading, names, records)),
            asyncio.create_task(self._follow_trades(board, trading, trades)),
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self.reload.wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if self.reload.is_set() and not stop.is_set():
                raise Reload("the topics or Postgres are not as they were")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow_records(
        self, board: Board, consumer: AIOKafkaConsumer, names: Mapping[str, Topic], records: Records
    ) -> None:
        while True:
            found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=RECORDS_MAX)
            for place, messages in found.items():
                topic = names[place.topic]
                self._stamp(topic, place.partition, messages)
                records.take(board, topic, messages)
                if topic is topics.FILLS:
                    self._count("fills", len(messages))
            if found:
                self.changed.set()

    async def _follow_trades(self, board: Board, consumer: AIOKafkaConsumer, codec: Codec[Any]) -> None:
        while True:
            found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=RECORDS_MAX)
            for place, messages in found.items():
                self._stamp(topics.TRADES, place.partition, messages)
                self._count_trades(messages)
            if found:
                fold(board, list(chain.from_iterable(found.values())), codec)
                self.changed.set()

    def _stamp(self, topic: Topic, partition: int, messages: list[Any]) -> None:
        stamps = self.stamps.setdefault((topic.name, partition), Stamps())
        for message in (messages[0], messages[-1]):
            stamps.add(message.offset, message.timestamp)

    def _count_trades(self, messages: list[Any]) -> None:
        counted: dict[str, int] = {}
        for message in messages:
            exchange = (message.key or b"").partition(b":")[0].decode(errors="replace")
            counted[exchange] = counted.get(exchange, 0) + 1
            self.received[exchange] = max(self.received.get(exchange, 0), message.timestamp)
        for exchange, count in counted.items():
            self._count(f"feed {exchange}", count)

    def _count(self, what: str, count: int) -> None:
        self.rates.setdefault(what, Rate()).add(time.time_ns() // 1_000_000_000, count)


def _need_broker(config: Config) -> None:
    """Raise `Unreachable` within seconds where no broker answers: what follows would wait for it longer."""
    try:
        probes.broker(config)
    except (KafkaException, ConnectionError):
        raise Unreachable(f"no Kafka broker answers at {config.bootstrap}") from None


def _put_past(board: Board, past: warehouse.Past) -> None:
    """Put what Postgres has beneath what the topics said since."""
    since = time.time_ns() // 1_000 - EVENTS_BACK_US
    for order in past.orders:
        take_order(board, order)
    for key, executed in past.executed:
        deals = board.deals.setdefault(key, Deals())
        profits.load(deals.profits, executed)
    for fill in past.fills:
        take_fill(board, fill)
    for key, deals in board.deals.items():
        for cycle in profits.cycles(deals.profits, since):
            add_cycle(board, key, cycle)
