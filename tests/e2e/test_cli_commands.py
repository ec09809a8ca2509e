"""The command against the real stack: what it writes is in the topics, what it shows is what is there."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from sqlalchemy import create_engine, delete, insert
from typer.testing import CliRunner, Result

from infra.config import Config
from producers import settings_topic
from schemas.broker import create_topics, delete_topics
from schemas.records import DeadLetter, Settings, TradingStatus
from schemas.registry import make_codec
from schemas.sql.models import OrderRow
from schemas.topics import INSTRUMENTS, LEADERS, SETTINGS, TRADES
from schemas.units import ONE
from streams.agents.trading import TRADING
from streams.cli.completion import complete_symbol
from streams.cli.instruments.leaders import leader_states
from streams.cli.main import app
from streams.cli.output import Output
from streams.cli.pipeline.dead_letters import newest
from streams.delivery.changelog import Place
from streams.trading.leader import apply_instrument, apply_settings, apply_trades, new_state
from tests.samples import nine_trade_setup

PARTITIONS = 3
DEADLINE_S = 30.0


@contextmanager
def world(stack: Config) -> Iterator[Config]:
    """A world of its own on the stack's broker, which the command finds in its environment."""
    config = stack.model_copy(update={"topic_prefix": f"cli-{time.time_ns()}-", "partitions": PARTITIONS})
    with pytest.MonkeyPatch.context() as patch:
        set_environment(config, patch)
        create_topics(config)
        yield config
        delete_topics(config)


@pytest.fixture
def config(stack: Config) -> Iterator[Config]:
    """A world for one test, nothing in it."""
    with world(stack) as config:
        yield config


def set_environment(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in config.model_dump().items():
        monkeypatch.setenv(f"HEDGEHOG_{name.upper()}", str(value))


def run(line: str) -> Result:
    return CliRunner().invoke(app, line.split())


def ok(line: str) -> str:
    result = run(line)
    assert result.exit_code == 0, (line, result.output, result.exception)
    return result.stdout


def data(line: str) -> Any:
    return json.loads(ok(f"{line} --json"))


def exchange_info(path: Path, symbols: list[str], tick: str = "0.00010000", status: str = "TRADING") -> Path:
    """A file as the exchange answers: every symbol with the same filters."""
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": "0.10000000", "maxQty": "900000.00000000", "stepSize": "0.10000000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
    ]
    answer = [
        {
            "symbol": symbol,
            "status": status,
            "baseAsset": symbol.removesuffix("USDT"),
            "quoteAsset": "USDT",
            "filters": filters,
        }
        for symbol in symbols
    ]
    path.write_text(json.dumps({"symbols": answer}))
    return path


def seed_three(folder: Path) -> None:
    ok(f"settings seed --file {exchange_info(folder / 'info.json', ['XRPUSDT', 'ETHUSDT', 'BTCUSDT'])}")


@pytest.fixture
def seeded(config: Config, tmp_path: Path) -> Config:
    """A world for one test with three instruments."""
    seed_three(tmp_path)
    return config


@pytest.fixture(scope="module")
def steady(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """A world with three instruments for all tests that change nothing."""
    with world(stack) as config:
        seed_three(tmp_path_factory.mktemp("cli"))
        yield config


def test_a_seed_of_1500_symbols_is_whole_and_done_once(config: Config, tmp_path: Path) -> None:
    symbols = [f"A{i:04}USDT" for i in range(1_500)]
    file = exchange_info(tmp_path / "info.json", symbols)
    assert data(f"settings seed --file {file} --dry-run")["added"] == 1_500
    assert settings_topic.read_instruments(config) == {}
    first = data(f"settings seed --file {file}")
    again = data(f"settings seed --file {file}")
    assert (first["added"], first["refreshed"], first["unchanged"]) == (1_500, 0, 0)
    assert (again["added"], again["refreshed"], again["unchanged"]) == (0, 0, 1_500)
    assert set(settings_topic.read_instruments(config)) == {f"binance:{symbol}" for symbol in symbols}
    messages = {row["topic"]: row["messages"] for row in data("topics list")}
    assert (messages[INSTRUMENTS.full_name(config)], messages[SETTINGS.full_name(config)]) == (1_500, 0)


def test_a_new_seed_refreshes_the_filters_and_keeps_what_is_set(seeded: Config, tmp_path: Path) -> None:
    ok("settings set XRPUSDT --chunks 3 --budget 333.25 --profit -0.0012 --fee 0")
    ok("streaming start XRPUSDT")
    ok("trading start XRPUSDT")
    mine = settings_topic.read_setups(seeded)["binance:XRPUSDT"].settings
    file = exchange_info(tmp_path / "new.json", ["XRPUSDT", "ETHUSDT"], tick="0.00100000", status="HALT")
    counted = data(f"settings seed --file {file}")
    assert (counted["refreshed"], counted["no_longer_listed"]) == (2, ["binance:BTCUSDT"])
    instrument, after = settings_topic.read_setups(seeded)["binance:XRPUSDT"]
    assert (instrument.tick_size, instrument.exchange_status) == (100_000, "HALT")
    assert after == mine
    assert (after.chunks, after.budget, after.profit_interval) == (3, 333 * ONE + ONE // 4, -120_000)
    assert len(settings_topic.read_setups(seeded)) == 3


def test_settings_are_shown_as_they_were_set(seeded: Config) -> None:
    (changed,) = data("settings set xrp/usdt --buy-down 0.00000001 --rebuy 0.5")
    assert changed["before"] == {"buy_down_interval": "0.0025", "rebuy_interval": "0.005"}
    assert changed["after"] == {"buy_down_interval": "0.00000001", "rebuy_interval": "0.5"}
    (shown,) = data("settings show XRPUSDT")
    assert (shown["buy_down_interval"], shown["rebuy_interval"]) == ("0.00000001", "0.5")
    table = ok("settings show").splitlines()
    assert len(table) == 4
    assert [line.split()[0] for line in table[1:]] == ["binance:BTCUSDT", "binance:ETHUSDT", "binance:XRPUSDT"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("settings set XRPUSDT --chunks 0", "chunks: 0"),
        ("settings set XRPUSDT --budget 10", "MIN_NOTIONAL"),
        ("settings set --all --fee 1", "fee: 1 "),
        ("settings show XRPUDST", "did you mean XRPUSDT?"),
        ("trading start XRPUSDT DOGEUSDT", "unknown symbol 'DOGEUSDT'"),
        ("streaming start", "no symbol given"),
        ("streaming start XRPUSDT --all", "--all or symbols"),
        ("settings seed --file nowhere.json", "nowhere.json"),
    ],
)
def test_what_is_refused_changes_nothing(line: str, words: str, steady: Config) -> None:
    before = settings_topic.read_setups(steady)
    result = run(line)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert settings_topic.read_setups(steady) == before


@pytest.mark.parametrize(("begun", "offered"), [("xr", ["xrpusdt"]), ("", 3), ("E", ["ETHUSDT"]), ("Z", [])])
def test_symbols_are_completed_as_they_are_typed(begun: str, offered: list[str] | int, steady: Config) -> None:
    found = complete_symbol(begun)
    assert (len(found) if isinstance(offered, int) else found) == offered


def test_the_switches_are_kept_in_the_topic(seeded: Config) -> None:
    def statuses() -> dict[str, str]:
        return {i.symbol: s.status.value for i, s in settings_topic.read_setups(seeded).values()}

    ok("streaming start XRPUSDT binance:ethusdt")
    assert {row["instrument"] for row in data("streaming status")} == {"binance:ETHUSDT", "binance:XRPUSDT"}
    ok("streaming stop ETHUSDT")
    assert [row["instrument"] for row in data("streaming status")] == ["binance:XRPUSDT"]

    ok("trading start XRPUSDT ETHUSDT --dry-run")
    assert statuses() == {"XRPUSDT": "off", "ETHUSDT": "off", "BTCUSDT": "off"}
    ok("trading start XRPUSDT ETHUSDT")
    ok("trading shutdown --all")
    assert statuses() == {"XRPUSDT": "shutdown", "ETHUSDT": "shutdown", "BTCUSDT": "off"}
    assert run("trading stop --all").exit_code == 2
    ok("trading stop --all --yes")
    assert statuses() == {"XRPUSDT": "off", "ETHUSDT": "off", "BTCUSDT": "off"}


def test_trading_status_shows_what_the_leader_says(seeded: Config) -> None:
    state = new_state("binance:XRPUSDT", 0)
    instrument, settings = nine_trade_setup(status=TradingStatus.ON)
    apply_instrument(state, 0, instrument)
    apply_settings(state, 0, settings)
    apply_trades(state, np.array([0]), np.array([43_183_010]), np.array([1]), np.array([1]))
    state.outbox = []
    value = TRADING.state_codec().encode({"trades": 0}, state, [], Place(1, 1))
    later = msgspec.json.encode({**msgspec.json.decode(value), "version": TRADING.layout + 1})
    producer = Producer({"bootstrap.servers": seeded.bootstrap})
    written = ((b"binance:XRPUSDT", value), (b"binance:ETHUSDT", b"no state"), (b"binance:BTCUSDT", later))
    for key, content in written:
        producer.produce(LEADERS.full_name(seeded), content, key, partition=0)
    assert producer.flush(DEADLINE_S) == 0

    assert set(leader_states(seeded, Output())) == {"binance:XRPUSDT"}
    result = run("trading status XRPUSDT BTCUSDT")
    assert "the state of binance:ETHUSDT cannot be read" in result.stderr
    assert f"the state of binance:BTCUSDT has layout {TRADING.layout + 1}, and this program reads" in result.stderr
    xrp, btc = (line.split() for line in result.stdout.splitlines()[1:])
    assert xrp[:6] == ["binance:XRPUSDT", "off", "no", "on", "1", "1"]
    assert btc[:6] == ["binance:BTCUSDT", "off", "no", "-", "0", "0"]
    (row,) = data("trading status XRPUSDT")
    (order,) = row["orders"]
    assert (order["side"], order["status"], order["price"]) == ("BUY", "NEW", "0.4307")


def produce_poison(config: Config) -> None:
    producer = Producer({"bootstrap.servers": config.bootstrap})
    producer.produce(SETTINGS.full_name(config), b"poison", b"binance:XRPUSDT", partition=0)
    assert producer.flush(DEADLINE_S) == 0


async def test_follow_delivers_what_is_there_then_every_change(seeded: Config) -> None:
    symbols = ("XRPUSDT", "ETHUSDT", "BTCUSDT")
    written = [Settings(exchange="binance", symbol=symbol) for symbol in symbols]
    await asyncio.to_thread(settings_topic.write, seeded, written)
    seen: asyncio.Queue[Settings] = asyncio.Queue()
    stop = asyncio.Event()
    following = asyncio.create_task(settings_topic.follow(seeded, Settings, seen.put_nowait, stop))
    try:
        async with asyncio.timeout(DEADLINE_S):
            present = [await seen.get() for _ in range(3)]
            await asyncio.to_thread(produce_poison, seeded)
            for chunks in (2, 3):
                changed = msgspec.structs.replace(present[0], chunks=chunks)
                await asyncio.to_thread(settings_topic.write, seeded, [changed])
            changes = [await seen.get() for _ in range(2)]
    finally:
        stop.set()
        await following
    assert {s.symbol for s in present} == set(symbols)
    assert [s.chunks for s in changes] == [2, 3]
    # One that reads the topic from its beginning at each start makes no letter: the trading agent does, once.
    assert await asyncio.to_thread(newest, seeded, 10) == []


def test_a_record_that_is_no_settings_hides_no_instrument(seeded: Config) -> None:
    produce_poison(seeded)
    assert len(settings_topic.read_setups(seeded)) == 3


def test_dead_letters_are_listed_and_shown(seeded: Config) -> None:
    assert data("dlq list") == []
    codec = make_codec(seeded, DeadLetter)
    producer = Producer({"bootstrap.servers": seeded.bootstrap})
    for number in range(3):
        letter = DeadLetter(
            source="trading",
            topic=TRADES.full_name(seeded),
            partition=1,
            offset=number,
            key=b"binance:XRPUSDT",
            value=b"\x00\x01garbage",
            error="no valid Trade",
            time=1_700_000_000_000_000 + number,
        )
        producer.produce(f"{seeded.topic_prefix}dead-letters", codec.encode(letter), partition=number)
    sink: dict[str, str | bytes | None] = {
        "__connect.errors.topic": b"orders",
        "__connect.errors.exception.message": b"wrong",
    }
    producer.produce(f"{seeded.topic_prefix}dlq-orders", b"bytes", headers=sink, partition=0)
    assert producer.flush(DEADLINE_S) == 0

    rows = data("dlq list")
    assert [row["offset"] for row in rows[:3]] == [0, 1, 2]
    assert (rows[3]["id"], rows[3]["topic"], rows[3]["error"]) == ("dlq-orders:0:0", "orders", "wrong")
    assert [row["id"] for row in data("dlq list --limit 1")] == ["dlq-orders:0:0"]
    shown = data("dlq show dead-letters:2:0")
    assert (shown["value"], shown["error"], shown["offset"]) == (b"\x00\x01garbage".hex(), "no valid Trade", 2)
    assert shown["today"].startswith("cannot be read")
    assert run("dlq show dead-letters:2:1").exit_code == 2


def test_status_counts_messages_lag_and_dead_letters(seeded: Config) -> None:
    group = f"{seeded.topic_prefix}reader"
    name = INSTRUMENTS.full_name(seeded)
    producer = Producer({"bootstrap.servers": seeded.bootstrap})
    for topic, count in ((name, 10), (f"{seeded.topic_prefix}dlq-fills", 2)):
        for _ in range(count):
            producer.produce(topic, b"x", b"key", partition=1)
    assert producer.flush(DEADLINE_S) == 0
    consumer = Consumer({"bootstrap.servers": seeded.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(name, 1, 4)], asynchronous=False)
    consumer.close()

    result = run("status --json")
    page = json.loads(result.stdout)
    assert {part["part"]: part["state"] for part in page["parts"]} == dict.fromkeys(
        ("broker", "registry", "connect", "postgres"), "up"
    )
    messages = {row["topic"]: row["messages"] for row in page["topics"]}
    assert messages[name] == 13
    assert page["dead_letters"] == 2
    (lag,) = [row["lag"] for row in page["groups"] if row["group"] == group]
    assert lag == 13 - 4
    # The sinks belong to the stack's own topics, not to those of this test.
    assert {row["state"] for row in page["connectors"]} == {"MISSING"}
    assert result.exit_code == 1
    wrong = ("connector ", "no worker: ", "no producer: ")
    assert all(problem.startswith(wrong) for problem in page["problems"])


def test_doctor_finds_what_is_missing(seeded: Config) -> None:
    rows = {row["check"]: row for row in json.loads(run("doctor --json").stdout)}
    for check in ("python", "configuration", "broker", "registry", "connect", "postgres", "topics", "settings"):
        assert rows[check]["state"] == "ok", rows[check]
    assert rows["settings"]["finding"].startswith("3 instruments")
    # Only the schemas of instruments and settings were needed so far.
    assert rows["schemas"]["state"] == "problem"
    assert f"{TRADES.full_name(seeded)}-value" in rows["schemas"]["finding"]


@pytest.fixture
def orders(config: Config) -> Iterator[str]:
    """Five orders of an exchange that nobody else has; its name."""
    exchange = f"test{time.time_ns()}"
    statuses = ("FILLED", "NEW", "CANCELED", "PARTIALLY_FILLED", "REJECTED")
    base = dict.fromkeys(("trader", "trades_offset", "fills_offset", "settings_offset", "input_partition"), 1)
    engine = create_engine(config.database)
    with engine.begin() as connection:
        for number, status in enumerate(statuses):
            when = f"2026-01-01T00:00:00.00000{number}Z"
            row = {
                **base,
                "client_order_id": f"{exchange}:XRPUSDT:{number}:B",
                "exchange": exchange,
                "symbol": "XRPUSDT" if number < 4 else "ETHUSDT",
                "version": number,
                "side": "BUY",
                "time_in_force": "GTC",
                "status": status,
                "price": "0.43070000",
                "quantity": "46.4",
                "executed_quantity": "0",
                "cancel_requested": False,
                "cause_topic": "trades",
                "created_time": when,
                "updated_time": when,
            }
            connection.execute(insert(OrderRow).values(row))
    yield exchange
    with engine.begin() as connection:
        connection.execute(delete(OrderRow).where(OrderRow.exchange == exchange))
    engine.dispose()


def test_orders_are_listed_from_postgres(orders: str) -> None:
    def traders(line: str) -> list[int]:
        return [row["version"] for row in data(f"orders list {line}")]

    symbol = f"--symbol {orders}:xrpusdt"
    assert traders(symbol) == [0, 1, 2, 3]
    assert traders(f"{symbol} --limit 2") == [2, 3]
    assert traders(f"{symbol} --status open") == [1, 3]
    assert traders(f"{symbol} --status filled --status canceled") == [0, 2]
    assert traders(f"{symbol} --symbol {orders}:ETHUSDT") == [0, 1, 2, 3, 4]
    assert traders(f"{symbol} --status expired") == []
    row = data(f"orders list {symbol}")[3]
    assert (row["price"], row["quantity"], row["status"]) == ("0.4307", "46.4", "PARTIALLY_FILLED")
    assert row["updated_time"] == "2026-01-01T00:00:00.000003Z"
    assert run(f"orders list --symbol {orders}:XRPUST").exit_code == 2
