"""The producers on a real broker: what the exchange sent is in the topic, once and in order, whatever happens."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from aiokafka.partitioner import murmur2
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from infra.config import Config
from producers import settings_topic
from producers.binance.client import Binance
from producers.connection import Timing
from producers.exchanges import CONTIGUOUS
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import EXCHANGE, MARKETS, simulated_trades
from producers.pace import paced
from producers.publisher import DeliveryError, Publisher
from producers.pump import Pump
from producers.recorded.files import read_events, read_trades
from producers.recorded.layouts import RECORDING
from producers.recorded.unpacked import LINE_BYTES, SHOWN_BYTES
from producers.service import STOPPED_WITHIN_S, serve
from producers.session import Counters, Session
from producers.source import Event
from schemas.broker import create_topics, delete_topics
from schemas.records import DeadLetter, Settings, Trade
from schemas.registry import make_codec, register_all
from schemas.topics import DEAD_LETTERS, TRADES, Topic
from tests.faults.broker import frozen_broker
from tests.samples import settings
from tests.unit.producers.tiny import Tiny, TinyExchange

SYMBOLS = [market.symbol for market in MARKETS]
START = 1_700_000_000_123_456
QUICK = Timing(overlap_s=0.2, backoff_s=0.01, backoff_max_s=0.05, tick_s=0.05)
DEADLINE_S = 60.0


@pytest.fixture
def config(stack: Config) -> Iterator[Config]:
    """A world of its own on the stack's broker."""
    config = stack.model_copy(update={"topic_prefix": f"producers-{time.time_ns()}-", "partitions": 3})
    create_topics(config)
    register_all(config)
    yield config
    delete_topics(config)


def messages(config: Config, topic: Topic) -> list[Message]:
    """Everything in a topic, by partition and offset."""
    name = topic.full_name(config)
    consumer = Consumer({"bootstrap.servers": config.bootstrap, "group.id": "reads-all", "enable.partition.eof": True})
    consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in range(config.partitions)])
    found: list[Message] = []
    ended: set[int | None] = set()  # the end of a partition that grows is told more than once
    deadline = time.monotonic() + DEADLINE_S
    while len(ended) < config.partitions and time.monotonic() < deadline:
        for message in consumer.consume(5_000, 0.5):
            error = message.error()
            if error is None:
                found.append(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error.str()
                ended.add(message.partition())
    consumer.close()
    assert len(ended) == config.partitions
    return sorted(found, key=lambda message: (message.partition() or 0, message.offset() or 0))


def trades_in_topic(config: Config) -> list[Trade]:
    codec = make_codec(config, Trade)
    return [codec.decode(_bytes(message.value())) for message in messages(config, TRADES)]


def dead_letters(config: Config) -> list[DeadLetter]:
    codec = make_codec(config, DeadLetter)
    return [codec.decode(_bytes(message.value())) for message in messages(config, DEAD_LETTERS)]


def by_symbol(trades: list[Trade]) -> dict[str, list[Trade]]:
    """The trades of every symbol in their order, whenever and however they were received."""
    result: dict[str, list[Trade]] = {}
    for trade in trades:
        result.setdefault(trade.symbol, []).append(msgspec.structs.replace(trade, received_time=0, filled=False))
    return result


def switch(config: Config, symbols: list[str], streaming: bool = True) -> None:
    """What `hedgehog streaming start|stop` writes."""
    changed = [Settings(exchange=EXCHANGE, symbol=symbol, streaming=streaming) for symbol in symbols]
    settings_topic.write(config, changed)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - the conditions are about the state of others
            await asyncio.sleep(0.02)


@asynccontextmanager
async def exchange_of(play: Play) -> AsyncIterator[LocalExchange]:
    exchange = LocalExchange([market.instrument() for market in MARKETS], play)
    await exchange.start()
    try:
        yield exchange
    finally:
        await exchange.stop()


def market(count: int | None, journal: Path, rate: int = 1_000, wait: tuple[str, ...] = ()) -> Play:
    return Play(
        lambda: islice(simulated_trades(5, rate, START), count),
        journal=journal,
        wait_for=frozenset(wait),
    )


@asynccontextmanager
async def service(config: Config, exchange: LocalExchange, *others: Session) -> AsyncIterator[Session]:
    """The service in this process; ends as after SIGTERM."""
    session, stop = Session(Binance(exchange.stream_url), QUICK), asyncio.Event()
    serving = asyncio.create_task(serve(config, [session, *others], stop))
    try:
        yield session
    finally:
        stop.set()
        async with asyncio.timeout(DEADLINE_S):
            await serving


def test_records_land_where_javas_partitioner_puts_their_key(config: Config) -> None:
    delivered: list[tuple[str, int, int]] = []
    keys = [f"binance:S{number}USDT" for number in range(50)]
    with Publisher(config) as publisher:
        for key in keys:
            publisher.publish(
                TRADES,
                key,
                key.encode(),
                lambda m: delivered.append((str(m.value(), "utf-8"), m.partition() or 0, m.offset() or 0)),
            )
    assert publisher.published == publisher.delivered == len(keys)
    assert publisher.failed == 0
    in_topic = messages(config, TRADES)
    assert sorted(delivered) == sorted(
        (_bytes(m.value()).decode(), m.partition() or 0, m.offset() or 0) for m in in_topic
    )
    for message in in_topic:
        key = _bytes(message.key())
        assert key == _bytes(message.value())
        assert message.partition() == (murmur2(key) & 0x7FFFFFFF) % config.partitions


async def test_what_the_exchange_sent_is_in_the_topic(config: Config, tmp_path: Path) -> None:
    journal = tmp_path / "sent.csv"
    await asyncio.to_thread(switch, config, SYMBOLS)
    async with exchange_of(market(3_000, journal, 3_000, tuple(SYMBOLS))) as exchange, service(config, exchange):
        await until(exchange.finished.is_set)
    sent = list(read_trades(journal))
    assert len(sent) == 3_000
    received = await asyncio.to_thread(trades_in_topic, config)
    assert by_symbol(received) == by_symbol(sent)
    assert all(trade.received_time > START for trade in received)
    assert {_bytes(m.key()).decode() for m in messages(config, TRADES)} == {f"binance:{s}" for s in SYMBOLS}


async def test_streaming_starts_and_stops_while_it_runs_and_garbage_goes_aside(config: Config, tmp_path: Path) -> None:
    journal = tmp_path / "sent.csv"
    async with exchange_of(market(None, journal)) as exchange, service(config, exchange) as session:
        await asyncio.to_thread(switch, config, ["XRPUSDT"])
        await until(lambda: exchange.sent["XRPUSDT"] > 100)
        await asyncio.to_thread(switch, config, ["BTCUSDT"])
        await until(lambda: exchange.sent["BTCUSDT"] > 100)
        exchange.send_text(b'{"no": "trade"}')
        await asyncio.to_thread(switch, config, ["XRPUSDT"], False)
        await until(lambda: session.streaming == {"BTCUSDT"})
        stopped, mark = exchange.sent["XRPUSDT"], exchange.sent["BTCUSDT"]
        await until(lambda: exchange.sent["BTCUSDT"] > mark + 100)
        assert exchange.sent["XRPUSDT"] == stopped
    received = await asyncio.to_thread(trades_in_topic, config)
    assert by_symbol(received) == by_symbol(list(read_trades(journal)))
    (letter,) = await asyncio.to_thread(dead_letters, config)
    assert letter.value == b'{"no": "trade"}'
    assert "missing required field `stream`" in letter.error
    assert letter.topic == TRADES.full_name(config)


async def test_two_exchanges_one_of_which_is_cut_all_the_time(config: Config, tmp_path: Path) -> None:
    journal = tmp_path / "sent.csv"
    await asyncio.to_thread(switch, config, SYMBOLS)
    await asyncio.to_thread(settings_topic.write, config, [settings("tiny:XRPUSDT", streaming=True)])
    async with exchange_of(market(3_000, journal, 3_000, tuple(SYMBOLS))) as exchange, TinyExchange(cuts=True) as other:
        cut = Session(Tiny(other.url), QUICK)
        async with service(config, exchange, cut) as session:
            await until(lambda: exchange.finished.is_set() and cut.counters.reconnects > 10)
        assert session.counters == Counters(connections=1)
    received = await asyncio.to_thread(trades_in_topic, config)
    of_binance = [trade for trade in received if trade.exchange == "binance"]
    assert by_symbol(of_binance) == by_symbol(list(read_trades(journal)))
    of_the_other = [trade.trade_id for trade in received if trade.exchange == "tiny"]
    assert len(of_the_other) > 5
    assert of_the_other == sorted(set(of_the_other))


async def test_what_is_too_large_is_a_dead_letter_and_harms_no_trade(config: Config, tmp_path: Path) -> None:
    journal, frame = tmp_path / "sent.csv", b"0" * 1_040_000
    await asyncio.to_thread(switch, config, ["XRPUSDT"])
    async with exchange_of(market(None, journal)) as exchange, service(config, exchange):
        await until(lambda: exchange.sent["XRPUSDT"] > 100)
        exchange.send_text(frame)
        await until(lambda: exchange.sent["XRPUSDT"] > 200)
    assert by_symbol(await asyncio.to_thread(trades_in_topic, config)) == by_symbol(list(read_trades(journal)))
    (letter,) = await asyncio.to_thread(dead_letters, config)
    assert letter.value == frame
    # A line of a file can be of any length: of one that is longer than any of trades the letter holds the beginning.
    row, path = "trade,1735689600000,BTCUSDT,{},1.5,2,,,1735689600000,true", tmp_path / "rec.csv"
    path.write_text("\n".join([",".join(RECORDING), row.format(1), "\0" * 9_000_000, row.format(2)]) + "\n")
    with Publisher(config) as publisher:
        await Pump(config, publisher, CONTIGUOUS).run(Recorded(path))
    assert [t.trade_id for t in await asyncio.to_thread(trades_in_topic, config) if t.symbol == "BTCUSDT"] == [1, 2]
    (letter,) = [found for found in await asyncio.to_thread(dead_letters, config) if found.source == "rec.csv:3"]
    assert letter.value == b"\0" * SHOWN_BYTES
    assert letter.error == f"the line does not end within {LINE_BYTES:,} bytes"


class Recorded:
    """A recorded file as a source, as fast as it is taken."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def events(self) -> AsyncGenerator[list[Event], None]:
        return paced(read_events(self._path), None)


async def test_the_process_resumes_what_was_streamed_and_ends_with_exit_code_0(config: Config, tmp_path: Path) -> None:
    tape = tmp_path / "made.csv"
    await asyncio.to_thread(switch, config, ["XRPUSDT", "ETHUSDT"])
    async with exchange_of(replace(market(None, tmp_path / "sent.csv"), tape=tape)) as exchange:
        for end in (signal.SIGTERM, signal.SIGINT):
            mark = exchange.sent["ETHUSDT"]
            rest = {"HEDGEHOG_BINANCE_REST_URL": exchange.rest_url}
            process = _start(config, ["-m", "producers"], exchange.stream_url, rest)
            try:
                await until(lambda mark=mark: exchange.sent["ETHUSDT"] > mark + 200)
                # what was missed between the two is asked for before what comes now
                await asyncio.sleep(2)
                process.send_signal(end)
                output, _ = await asyncio.to_thread(process.communicate, timeout=DEADLINE_S)
            finally:
                process.kill()
                process.wait()
            assert process.returncode == 0, output
            assert "failed 0" in output
    received = by_symbol(await asyncio.to_thread(trades_in_topic, config))
    made = by_symbol(list(read_trades(tape)))
    assert set(received) == {"XRPUSDT", "ETHUSDT"}
    for symbol, trades in received.items():
        first = made[symbol].index(trades[0])
        assert trades == made[symbol][first : first + len(trades)]
        assert len(trades) > exchange.sent[symbol]


async def test_without_a_broker_the_process_ends_in_time_and_says_what_is_lost(config: Config, tmp_path: Path) -> None:
    await asyncio.to_thread(switch, config, ["XRPUSDT"])
    async with exchange_of(market(None, tmp_path / "sent.csv")) as exchange:
        process = _start(config, ["-m", "producers"], exchange.stream_url)
        try:
            await until(lambda: exchange.sent["XRPUSDT"] > 200)
            with frozen_broker(config):
                mark = exchange.sent["XRPUSDT"]
                await until(lambda: exchange.sent["XRPUSDT"] > mark + 200)
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                output, _ = await asyncio.to_thread(process.communicate, timeout=DEADLINE_S)
                assert time.monotonic() - began < STOPPED_WITHIN_S + 3
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 1
    assert re.search(r"TRADES LOST: \d+ of \d+ records not acknowledged", output)


async def test_trades_that_the_broker_refuses_end_it_loudly(config: Config, tmp_path: Path) -> None:
    await asyncio.to_thread(_refuse_records_above, config, 60)
    await asyncio.to_thread(switch, config, ["XRPUSDT"])
    async with exchange_of(market(None, tmp_path / "sent.csv")) as exchange:
        session = Session(Binance(exchange.stream_url), QUICK)
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(DeliveryError, match=r"-trades, key binance:XRPUSDT: .*large"):
                await serve(config, [session], asyncio.Event())
        process = _start(config, ["-m", "producers"], exchange.stream_url)
        output, _ = await asyncio.to_thread(process.communicate, timeout=DEADLINE_S)
    assert process.returncode == 1
    assert "TRADES LOST: topic producers-" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("KAFKA_BOOTSTRAP", "127.0.0.1:1", "no Kafka broker answers at 127.0.0.1:1"),
        ("REGISTRY_URL", "http://127.0.0.1:1", "the schema registry at http://127.0.0.1:1: "),
        ("TOPIC_PREFIX", "nowhere-", "topics missing on 127.0.0.1:"),
        ("EXCHANGES", "binance,nowhere", "'nowhere' is none of the exchanges binance"),
    ],
)
def test_what_is_not_there_is_named_in_one_line(config: Config, setting: str, value: str, message: str) -> None:
    process = _start(config, ["-m", "producers"], "ws://127.0.0.1:1", {f"HEDGEHOG_{setting}": value})
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert message in output
    assert "Traceback" not in output


async def test_a_file_with_a_bad_line(config: Config, tmp_path: Path) -> None:
    trades = list(islice(simulated_trades(9, 100, START), 1_000))
    path = tmp_path / "XRPUSDT-trades-2026-01-01.csv"
    rows = [
        f"{t.trade_id},{t.price / 1e8:.8f},{t.quantity / 1e8:.8f},1,{t.trade_time},{t.buyer_is_maker},True"
        for t in trades
        if t.symbol == "XRPUSDT"
    ]
    path.write_text("\n".join([*rows[:10], "11,12,thirteen,1,1700000000123456,True,True", *rows[10:]]) + "\n")
    with Publisher(config) as publisher:
        pump = Pump(config, publisher, CONTIGUOUS)
        await pump.run(Recorded(path))
    assert (publisher.published, publisher.delivered, publisher.failed) == (len(rows) + 1, len(rows) + 1, 0)
    assert pump.bad_records == 1
    expected = [
        (t.trade_id, t.price, t.quantity, t.trade_time, t.buyer_is_maker) for t in trades if t.symbol == "XRPUSDT"
    ]
    found = [(t.trade_id, t.price, t.quantity, t.trade_time, t.buyer_is_maker) for t in trades_in_topic(config)]
    assert found == expected
    (letter,) = dead_letters(config)
    assert letter.value == b"11,12,thirteen,1,1700000000123456,True,True"
    assert letter.source == "XRPUSDT-trades-2026-01-01.csv:11"
    assert letter.error == "qty: 'thirteen' is not a decimal number"


def _start(
    config: Config, arguments: list[str], stream_url: str, changes: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    environment = os.environ | {
        "HEDGEHOG_KAFKA_BOOTSTRAP": config.bootstrap,
        "HEDGEHOG_REGISTRY_URL": config.registry,
        "HEDGEHOG_TOPIC_PREFIX": config.topic_prefix,
        "HEDGEHOG_PARTITIONS": str(config.partitions),
        "HEDGEHOG_BINANCE_STREAM_URL": stream_url,
        **(changes or {}),
    }
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _refuse_records_above(config: Config, size: int) -> None:
    resource = ConfigResource(
        ResourceType.TOPIC,
        TRADES.full_name(config),
        incremental_configs=[ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)],
    )
    admin = AdminClient({"bootstrap.servers": config.bootstrap})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(DEADLINE_S)


def _bytes(value: str | bytes | None) -> bytes:
    assert isinstance(value, bytes)
    return value
