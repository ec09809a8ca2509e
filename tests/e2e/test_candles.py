"""Candles on the real stack, while workers are killed: equal to what polars makes of the trades, in topic and table."""

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
from producers.publisher import Publisher
from schemas import topics
from schemas.broker import create_topics, delete_topics
from schemas.market_records import Alert, Candle
from schemas.records import Record, Trade
from schemas.registry import make_codec, register_all
from schemas.sql.models import CandleRow
from schemas.units import ONE, to_units
from streams.market.history import INTERVALS
from streams.topics.read import messages
from streams.warehouse.agreement import compare, fold_topic, read_table
from tests.e2e.sinks import until
from tests.faults.fleet import Fleet, Progress, wait_for

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
MINUTE = 60_000_000
FIELDS = [name for name in Candle.__struct_fields__ if name not in ("exchange", "revision", "closed")]


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
@pytest.mark.timeout(280)
def test_candles_after_five_kills_are_those_of_the_trades(config: Config, tmp_path: Path) -> None:
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

    found = newest_candles(config)
    assert differences(found, expected_candles(config)) == []
    assert len(found) > len(SYMBOLS) * TRADES * STEP_US // MINUTE
    alerts = [(alert.alert_id, alert) for alert in records(config, topics.ALERTS, Alert)]
    assert len(set(alerts)) == len(dict(alerts)), "an alert was told in two ways"
    assert_table_equals_topic(config)
    assert_commands_show_them(found, tmp_path)


def records(config: Config, topic: topics.Topic, kind: type[Record]) -> Iterator[Record]:
    codec = make_codec(config, kind)
    return (codec.decode(message.value()) for message in messages(config, [topic]))


def newest_candles(config: Config) -> dict[tuple[str, int, int], dict[str, object]]:
    """By symbol, interval and open time, the candle of the highest revision; each revision has one content."""
    revisions: dict[tuple[str, int, int, int], Candle] = {}
    for candle in records(config, topics.CANDLES, Candle):
        assert isinstance(candle, Candle)
        key = candle.symbol, candle.interval, candle.open_time, candle.revision
        assert revisions.setdefault(key, candle) == candle
    newest = {key[:3]: candle for key, candle in sorted(revisions.items(), key=lambda each: each[0])}
    return {key: {name: getattr(candle, name) for name in FIELDS} for key, candle in newest.items()}


def expected_candles(config: Config) -> dict[tuple[str, int, int], dict[str, object]]:
    """The closed candles, by polars, of the trades in the topic, each id once."""
    rows = [
        (t.symbol, t.trade_id, t.trade_time, t.price, t.quantity, t.buyer_is_maker)
        for t in records(config, topics.TRADES, Trade)
        if isinstance(t, Trade)
    ]
    names = ["symbol", "trade_id", "trade_time", "price", "quantity", "buyer_is_maker"]
    trades = (
        pl.DataFrame(rows, names, orient="row")
        .unique(["symbol", "trade_id"], keep="first")
        .sort("symbol", "trade_time", "trade_id")
        .with_columns(pl.col("trade_time").cast(pl.Datetime("us")).alias("open_time"))
    )
    spans = trades.group_by("symbol").agg(pl.min("trade_time").alias("since"), pl.max("trade_time").alias("until"))
    found = {}
    for interval in INTERVALS:
        length = interval * MINUTE
        candles = (
            trades.group_by_dynamic("open_time", every=f"{interval}m", closed="left", group_by="symbol")
            .agg(
                open=pl.first("price"),
                high=pl.max("price"),
                low=pl.min("price"),
                close=pl.last("price"),
                volume=pl.sum("quantity"),
                quote_volume=(pl.col("price") * pl.col("quantity") // ONE).sum(),
                taker_buy_volume=pl.col("quantity").filter(~pl.col("buyer_is_maker")).sum(),
                trades=pl.len().cast(pl.Int64),
                first_trade_id=pl.first("trade_id"),
                last_trade_id=pl.last("trade_id"),
            )
            .with_columns(pl.col("open_time").cast(pl.Int64), interval=pl.lit(interval))
            .join(spans, on="symbol")
            .filter(pl.col("open_time") + length <= pl.col("until"))
            .with_columns(complete=pl.col("since") <= pl.col("open_time"))
        )
        for row in candles.select(FIELDS).iter_rows(named=True):
            found[row["symbol"], row["interval"], row["open_time"]] = row
    return found


def assert_commands_show_them(found: dict[tuple[str, int, int], dict[str, object]], folder: Path) -> None:
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
        candle for (symbol, interval, _), candle in sorted(found.items()) if interval == 5 and symbol in SYMBOLS[:2]
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


def differences(
    found: dict[tuple[str, int, int], dict[str, object]], expected: dict[tuple[str, int, int], dict[str, object]]
) -> list[object]:
    """What of which candle is found, and what is expected."""
    return [
        (key, sorted(found.get(key, {}).items() - candle.items()), sorted(candle.items() - found.get(key, {}).items()))
        for key, candle in expected.items()
        if found.get(key) != candle
    ] + sorted(found.keys() - expected.keys())


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
