"""`hedgehog replay publish`: the past under a prefix of its own, and live topics that never notice."""

import asyncio
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from confluent_kafka import Message, Producer
from sqlalchemy import URL, NullPool, create_engine, make_url, text
from typer.testing import CliRunner, Result

from connectors.apply import apply_all
from connectors.files import load_all
from connectors.interface import ConnectError, states
from infra.config import Config
from infra.errors import StackError
from producers.binance.client import Binance
from producers.service import serve
from producers.session import Session
from producers.settings_topic import read_setups, write
from schemas import topics
from schemas.broker import REPLAY_MARK, admin, create_topics, delete_topics, is_replay
from schemas.records import Setup, Trade, TradingStatus
from schemas.registry import make_codec, register_all
from schemas.spans import partition_of, partitions
from schemas.topics import SINKS, TOPICS, Topic
from streams.cli.main import app
from streams.replay.target import published_before
from streams.topics.read import messages
from tests.samples import setup, trade

XRP, ETH = "binance:XRPUSDT", "binance:ETHUSDT"
COUNT = 40
"""Trades of each, in turns; then one record that is no trade."""
WRITTEN_MS = 1_700_000_000_000
"""When the first record was written, 2023-11-14T22:13:20Z; one more every second."""
TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def live(stack: Config) -> Iterator[Config]:
    """A live world with trades of two symbols, both switched on."""
    config = stack.model_copy(update={"topic_prefix": f"live-{time.time_ns()}-", "partitions": 3})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in config.model_dump().items():
            patch.setenv(f"HEDGEHOG_{name.upper()}", str(value))
        create_topics(config)
        register_all(config)
        on = (setup(key, streaming=True, status=TradingStatus.ON) for key in (XRP, ETH))
        write(config, [record for pair in on for record in pair])
        _produce(config)
        yield config
        delete_topics(config)


def _produce(config: Config) -> None:
    codec = make_codec(config, Trade)
    producer = Producer({"bootstrap.servers": config.bootstrap, "partitioner": "murmur2_random"})
    name = topics.TRADES.full_name(config)
    for number in range(COUNT):
        for key in (XRP, ETH):
            value = codec.encode(trade("100", number + 1, key))
            producer.produce(name, value, key, timestamp=WRITTEN_MS + 1_000 * number)
    producer.produce(name, b"no trade", XRP, timestamp=WRITTEN_MS + 1_000 * COUNT)
    assert producer.flush(TIMEOUT_S) == 0


@pytest.fixture
def target(live: Config) -> Iterator[Config]:
    """The world that a test replays into; not there yet."""
    config = live.model_copy(update={"topic_prefix": f"replay-{time.time_ns()}."})
    yield config
    delete_topics(config)
    if is_replay(config):
        mark = f"{config.topic_prefix}{REPLAY_MARK}"
        client = admin(config)
        client.delete_topics([mark])[mark].result(TIMEOUT_S)


def records(config: Config, topic: Topic) -> list[Message]:
    return sorted(messages(config, [topic]), key=lambda m: (m.partition() or 0, m.offset() or 0))


def trades(config: Config) -> list[Trade]:
    codec = make_codec(config, Trade)
    return [codec.decode(message.value()) for message in records(config, topics.TRADES)]


def everything(config: Config) -> list[tuple[Any, ...]]:
    """Every byte of every topic of a world, with its place."""
    found = messages(config, TOPICS.values())
    return sorted((m.topic(), m.partition(), m.offset(), m.key(), m.value(), m.timestamp()) for m in found)


def hedgehog(*words: str) -> Result:
    return CliRunner().invoke(app, ["replay", *words, "--json"])


def publish(target: Config, *words: str) -> Result:
    return hedgehog("publish", "--prefix", target.topic_prefix, *words)


def test_the_topic_again_under_a_prefix_while_live_topics_stay_as_they_are(live: Config, target: Config) -> None:
    before = everything(live)
    result = publish(target, "--topic", "--flat-out")
    assert everything(live) == before

    sent = json.loads(result.stdout)
    assert sent["trades"] == {"ETHUSDT": COUNT, "XRPUSDT": COUNT}
    assert (sent["published"], sent["acknowledged"], sent["no_trades"]) == (2 * COUNT + 1, 2 * COUNT + 1, 1)
    assert result.exit_code == 1, "one record was no trade"
    (letter,) = records(target, topics.DEAD_LETTERS)
    assert b"no trade" in (letter.value() or b"")
    # The same trades with ids and times, each instrument in its order, under its key and in the partition of that.
    for key in (XRP, ETH):
        replayed = [message for message in records(target, topics.TRADES) if message.key() == key.encode()]
        assert {message.partition() for message in replayed} == {partition_of(key, target.partitions)}
        original = [message for message in records(live, topics.TRADES) if message.key() == key.encode()]
        codec, codec_of_live = make_codec(target, Trade), make_codec(live, Trade)
        assert [codec.decode(message.value()) for message in replayed] == [
            codec_of_live.decode(message.value()) for message in original[:COUNT]
        ]
    # Live settings came along, but no producer is to stream into a replay.
    assert read_setups(target) == {key: _silent(found) for key, found in read_setups(live).items()}


def _silent(found: Setup) -> Setup:
    return found._replace(settings=msgspec.structs.replace(found.settings, streaming=False))


def test_a_part_of_the_topic_at_intervals_and_own_settings_that_stay(live: Config, target: Config) -> None:
    assert hedgehog("prepare", "--prefix", target.topic_prefix, "--symbol", "XRPUSDT").exit_code == 0
    copied = read_setups(target)[XRP]
    own = msgspec.structs.replace(copied.settings, chunks=2)
    write(target, [own])
    words = ["--topic", "--symbol", "xrpusdt", "--from", "2023-11-14T22:13:25Z", "--to", "2023-11-14T22:13:30Z"]
    began = time.monotonic()
    result = publish(target, *words, "--interval", "20")
    assert (time.monotonic() - began, result.exit_code) >= (4 * 0.020, 0)
    assert [found.trade_id for found in trades(target)] == [6, 7, 8, 9, 10]
    assert read_setups(target) == {XRP: copied._replace(settings=own)}


def _file(path: Path, ids: range) -> Path:
    path.write_text("".join(f"{n},0.5,10,5,{1_559_433_601_000 + n},true,true\n" for n in ids))
    return path


def test_ctrl_c_ends_it_with_what_was_published_and_it_can_be_removed(
    live: Config, target: Config, tmp_path: Path
) -> None:
    path = _file(tmp_path / "XRPUSDT-trades-2019-06-02.csv", range(1, 10_000))
    interrupting = threading.Thread(target=_interrupt_once_there_are_trades, args=(target,))
    interrupting.start()
    result = publish(target, "--file", str(path), "--interval", "10")
    interrupting.join()
    sent = json.loads(result.stdout)
    assert (result.exit_code, sent["interrupted"]) == (130, True)
    assert 0 < sent["acknowledged"] == sent["published"] == len(trades(target)) < 9_999

    result = hedgehog("remove", "--prefix", target.topic_prefix)
    assert len(json.loads(result.stdout)) == len(TOPICS) + 1
    assert not is_replay(target)


def _interrupt_once_there_are_trades(target: Config) -> None:
    """Ctrl-C, for this process."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if published_before(target):
            signal.raise_signal(signal.SIGINT)
            return
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("suffix", "said"),
    [
        ("", "gives the names of live topics"),
        ("dlq-", "gives the names of live topics"),
        ("/", "is not 1 to 200 of the characters"),
    ],
)
def test_live_names_are_refused(live: Config, suffix: str, said: str) -> None:
    before = everything(live)
    result = hedgehog("publish", "--prefix", f"{live.topic_prefix}{suffix}", "--topic", "--flat-out")
    assert (result.exit_code, said in result.stderr) == (2, True), result.output
    assert everything(live) == before


def test_another_live_world_is_refused(live: Config) -> None:
    """Topics that nobody marked for replays, empty or not."""
    other = live.model_copy(update={"topic_prefix": f"other-{time.time_ns()}."})
    create_topics(other)
    try:
        for words in (["publish", "--topic", "--flat-out"], ["prepare"], ["remove"]):
            result = hedgehog(words[0], "--prefix", other.topic_prefix, *words[1:])
            assert result.exit_code == 2
        assert "there is no replay under" in result.stderr
        assert everything(other) == []
        assert not is_replay(other)
    finally:
        delete_topics(other)


def test_a_prefix_whose_sinks_write_into_the_live_tables_is_refused(live: Config, target: Config) -> None:
    sink = load_all(target)[1]
    url = f"{live.connect}/connectors"
    body = {"name": sink.name, "config": sink.config, "initial_state": "STOPPED"}
    httpx.post(url, json=body, timeout=TIMEOUT_S).raise_for_status()
    try:
        result = publish(target, "--topic", "--flat-out")
    finally:
        httpx.delete(f"{url}/{sink.name}", timeout=TIMEOUT_S)
    assert result.exit_code == 2
    assert f"the sink {sink.name} writes" in result.stderr
    assert partitions(admin(target), [topics.TRADES.full_name(target)]) == []
    assert not is_replay(target)


def test_sinks_of_a_replay_have_a_database_of_their_own(live: Config, target: Config, tmp_path: Path) -> None:
    """Trades of a symbol that nobody else has: the live tables would show them."""
    url = make_url(live.database)
    name, symbol = f"replay_{time.time_ns()}", f"R{time.time_ns()}USDT"
    path = _file(tmp_path / f"{symbol}-trades-2019-06-02.csv", range(1, 6))
    try:
        prepared = hedgehog("prepare", "--prefix", target.topic_prefix, "--symbol", symbol, "--database", name)
        assert prepared.exit_code == 0, prepared.output
        with pytest.raises(ConnectError, match="writes into the same database: a replay needs one of its own"):
            apply_all(target)
        with pytest.raises(StackError, match="belongs to replays: no live trades go there"):
            asyncio.run(serve(target, [Session(Binance("ws://127.0.0.1:1"))], asyncio.Event()))
        assert publish(target, "--file", str(path), "--flat-out").exit_code == 0
        deadline = time.monotonic() + TIMEOUT_S
        while _trades_in(url.set(database=name), symbol) != 5:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert _trades_in(url, symbol) == 0
        assert hedgehog("remove", "--prefix", target.topic_prefix).exit_code == 0
        assert [state.state for state in states(target)] == ["MISSING"] * len(SINKS)
    finally:
        with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    refused = hedgehog("prepare", "--prefix", target.topic_prefix, "--database", str(url.database))
    assert (refused.exit_code, "holds the live tables" in refused.stderr) == (2, True)


def _trades_in(url: URL, symbol: str) -> int:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        query = text("SELECT count(*) FROM trades WHERE symbol = :it")
        return int(connection.execute(query, {"it": symbol}).scalar_one())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--flat-out", "one of --file FILE and --topic"),
        ("--file nowhere.csv", "--file: nowhere.csv: no such file or folder"),
        ("--topic --flat-out --speed 2", "--speed and --flat-out: only one can be"),
        ("--topic --speed 0", "--speed: 0 is not above 0"),
        ("--topic --interval -1", "--interval: -1 is not above 0"),
        ("--topic --symbol XRPUSDX --flat-out", "did you mean XRPUSDT?"),
    ],
)
def test_what_cannot_be(live: Config, target: Config, words: str, said: str) -> None:
    result = publish(target, *words.split())
    assert (result.exit_code, said in result.stderr) == (2, True), result.output
    assert not is_replay(target)
