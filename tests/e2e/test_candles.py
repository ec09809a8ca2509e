"""Candles on the real stack, while workers are killed: equal to what polars makes of the trades, in topic and table,
and to what a replay of them makes."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import create_engine, text

from connectors.apply import apply_all, remove_all
from infra.config import Config
from producers import settings_topic
from producers.publisher import Publisher
from producers.recorded.files import read_trades
from schemas import topics
from schemas.broker import create_topics, delete_topics
from schemas.market_records import Alert, Candle
from schemas.records import Trade
from schemas.registry import make_codec, register_all
from schemas.sql.models import CandleRow
from schemas.units import ONE, to_units
from streams.demo.candles import MINUTE, Candles, candles_of
from streams.demo.topic import records
from streams.warehouse.agreement import compare, fold_topic, read_table
from tests.e2e.market_days import candles_in, data, worked_off
from tests.e2e.sinks import until
from tests.e2e.test_cli_commands import set_environment
from tests.faults.fleet import Fleet, Progress, wait_for
from tests.samples import instrument

EXCHANGE = f"candles{time.time_ns()}"
"""The tables belong to all tests: an exchange of its own makes its rows known."""
SYMBOLS = [f"S{number:02d}USDT" for number in range(6)]
TRADES, RATE = 40_000, 2_000
STEP_US = 200_000
"""Between two trades of any: the market's clock runs some 400 times as fast as ours."""
START = 1_760_000_000_000_000
LATE, LATE_MAX = 100, 400
"""One trade in so many comes late, by up to so many trades; and as many come twice."""
KILLS = 5


def made_trades(seed: int) -> list[Trade]:
    """Trades in the order in which they are published."""
    chance = random.Random(seed)
    prices, ids = dict.fromkeys(SYMBOLS, 100 * ONE), dict.fromkeys(SYMBOLS, 0)
    placed: list[tuple[float, Trade]] = []
    for number in range(TRADES):
        symbol = chance.choice(SYMBOLS)
        ids[symbol] += 1
        prices[symbol] += chance.randint(-9, 9) * ONE // 100
        moment = START + number * STEP_US
        trade = Trade(
            exchange=EXCHANGE,
            symbol=symbol,
            price=prices[symbol],
            quantity=chance.randint(1, 5 * ONE),  # its product with the price has to fit into the 64 bits of polars
            trade_id=ids[symbol],
            trade_time=moment,
            event_time=moment,
            received_time=moment,
            buyer_is_maker=chance.random() < 0.5,
        )
        placed.append((number + (chance.randint(1, LATE_MAX) if not chance.randrange(LATE) else 0), trade))
        if not chance.randrange(LATE):
            placed.append((number + chance.randint(1, LATE_MAX), trade))
    return [trade for _, trade in sorted(placed, key=lambda each: each[0])]


class Feed:
    """Publishes trades in a thread, at a steady rate."""

    def __init__(self, config: Config, trades: list[Trade]) -> None:
        self._config, self._trades = config, trades
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Feed":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _run(self) -> None:
        codec, start = make_codec(self._config, Trade), time.monotonic()
        with Publisher(self._config) as publisher:
            for number, trade in enumerate(self._trades):
                time.sleep(max(0.0, start + number / RATE - time.monotonic()))
                publisher.publish(topics.TRADES, trade.instrument, codec.encode(trade))


@pytest.fixture
def config(stack: Config) -> Iterator[Config]:
    config = stack.model_copy(update={"topic_prefix": f"candles-{time.time_ns()}-"})
    create_topics(config)
    register_all(config)
    settings_topic.write(config, [instrument(f"{EXCHANGE}:{symbol}") for symbol in SYMBOLS])
    apply_all(config)
    yield config
    remove_all(config)
    delete_topics(config)
    engine = create_engine(config.database)
    with engine.begin() as connection:
        for table in ("trades", "candles"):
            connection.execute(text(f"DELETE FROM {table} WHERE exchange = :it"), {"it": EXCHANGE})
    engine.dispose()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_candles_after_five_kills_in_an_archive_and_in_a_replay_are_those_of_the_trades(
    config: Config, tmp_path: Path
) -> None:
    chance, trades = random.Random(1), made_trades(seed=1)
    progress = Progress(config, "market", [topics.TRADES])
    with Fleet(config, tmp_path) as fleet:
        fleet.start("one", "market")
        fleet.start("two", "market")
        share = len(trades) // KILLS + 1
        for kill in range(KILLS):
            before = progress.committed()
            with Feed(config, trades[kill * share : (kill + 1) * share]):
                wait_for("the workers go on", lambda before=before: progress.committed() > before)
                time.sleep(chance.random() * 2)
                fleet.assert_alive()
                name = "two" if kill % 2 else "one"
                fleet.stop(name, signal.SIGTERM if kill == KILLS - 1 else signal.SIGKILL)
                fleet.start(name, "market")
        wait_for("all is worked off", lambda: progress.lag() == 0, timeout_s=90)
        fleet.assert_alive()

    found = candles_in(config)
    assert differences(found, candles_of(records(config, topics.TRADES, Trade))) == []
    assert len(found) > len(SYMBOLS) * TRADES * STEP_US // MINUTE
    alerts = [(alert.alert_id, alert) for alert in records(config, topics.ALERTS, Alert)]
    assert len(set(alerts)) == len(dict(alerts)), "an alert was told in two ways"
    assert_table_equals_topic(config)
    assert_commands_show_them(found, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        set_environment(config, patch)
        assert_archive_and_replay_give_them(config, found, tmp_path)


def assert_commands_show_them(found: Candles, folder: Path) -> None:
    def hedgehog(*words: str) -> str:
        command = [sys.executable, "-m", "streams.cli.main", "candles", *words]
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    both = [word for symbol in SYMBOLS[:2] for word in ("--symbol", f"{EXCHANGE}:{symbol}")]
    expected = [
        {**candle, "open_time": open_time}
        for (_, symbol, interval, open_time), candle in sorted(found.items())
        if interval == 5 and symbol in SYMBOLS[:2]
    ]
    shown = json.loads(hedgehog("list", *both, "--interval", "5m", "--limit", "1000000", "--json"))
    assert [each["trades"] for each in sorted(shown, key=itemgetter("symbol", "open_time"))] == [
        candle["trades"] for candle in expected
    ]
    for kind in ("csv", "parquet"):
        path = folder / f"candles.{kind}"
        assert f"{len(expected)}" in hedgehog("export", str(path), *both, "--interval", "5m")
        table = pl.read_parquet(path) if kind == "parquet" else pl.read_csv(path, try_parse_dates=True)
        closes = [to_units(str(close), "close") for close in table["close"].to_list()]
        assert closes == [candle["close"] for candle in expected]
        times = table["open_time"].dt.timestamp("us").to_list()
        assert times == [candle["open_time"] for candle in expected]


def differences(found: Candles, expected: Candles) -> list[object]:
    """What of which candle is found, and what is expected."""
    return [
        (key, sorted(found.get(key, {}).items() - candle.items()), sorted(candle.items() - found.get(key, {}).items()))
        for key, candle in expected.items()
        if found.get(key) != candle
    ] + sorted(found.keys() - expected.keys())


def assert_archive_and_replay_give_them(config: Config, found: Candles, folder: Path) -> None:
    """An archive of the topic, by polars, and a worker over a replay of that archive make the same candles."""
    archive = folder / "archive"
    data("archive", "export", *(word for s in SYMBOLS for word in ("--symbol", f"{EXCHANGE}:{s}")), "--out", archive)
    archived = [trade for path in sorted(archive.rglob("*.parquet")) for trade in read_trades(path)]
    assert len(archived) == TRADES
    assert differences(found, candles_of(archived)) == []
    target = config.model_copy(update={"topic_prefix": f"replay-{config.topic_prefix}"})
    data("replay", "publish", "--prefix", target.topic_prefix, "--file", archive, "--flat-out")
    try:
        assert differences(worked_off(target, folder, "replay"), found) == []
    finally:
        data("replay", "remove", "--prefix", target.topic_prefix)


def assert_table_equals_topic(config: Config) -> None:
    folded = fold_topic(config, topics.CANDLES, CandleRow)
    assert folded.conflicting == 0
    engine, names = create_engine(config.database), Candle.__struct_fields__

    def differing() -> str:
        rows = {key: row for key, row in read_table(engine, CandleRow, names).items() if key[0] == EXCHANGE}
        compared = compare("candles", folded, rows, names)
        return "" if compared.equal else repr(compared)

    until("the table says what the topic says", lambda: differing() == "")
    engine.dispose()
