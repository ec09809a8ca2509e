"""`hedgehog backtest run --topic`: the trades of one symbol, found by time, with the live settings or the user's."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from infra.config import Config
from infra.errors import ServiceError
from producers.settings_topic import write
from schemas.broker import create_topics, delete_topics
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.topics import TRADES
from streams.cli.main import app
from streams.topics.consume import record_batches
from tests.samples import INSTRUMENT, NINE_TRADE_ORDERS, NINE_TRADES, nine_trade_setup, trade

WRITTEN_MS = 1_700_000_000_000
"""When the first record was written, 2023-11-14T22:13:20Z; one more every second."""
TYPED = "--tick 0.0001 --step 0.1 --chunks 5 --budget 100 --buy-down 0.0025 --profit 0.001 --rebuy 0.01"


@pytest.fixture(scope="module")
def world(stack: Config) -> Iterator[Config]:
    """A world of one partition: the nine trades of a symbol, at even offsets, those of another, and one damaged."""
    config = stack.model_copy(update={"topic_prefix": f"backtest-{time.time_ns()}-", "partitions": 1})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in config.model_dump().items():
            patch.setenv(f"HEDGEHOG_{name.upper()}", str(value))
        create_topics(config)
        write(config, [*nine_trade_setup(min_notional=5 * 10**8), *nine_trade_setup("binance:ETHUSDT", chunks=1)])
        produce(config)
        yield config
        delete_topics(config)


def produce(config: Config) -> None:
    codec = make_codec(config, Trade)
    producer = Producer({"bootstrap.servers": config.bootstrap, "partitioner": "murmur2_random"})
    name = TRADES.full_name(config)

    def send(key: str, value: bytes, second: int) -> None:
        producer.produce(name, value, key, timestamp=WRITTEN_MS + 1_000 * second)

    for second, price in enumerate(NINE_TRADES):
        send(INSTRUMENT, codec.encode(trade(price, second + 1)), second)
        send("binance:ETHUSDT", codec.encode(trade("200", second + 1, "binance:ETHUSDT")), second)
    send(INSTRUMENT, b"no trade", len(NINE_TRADES))
    assert producer.flush(30) == 0


def hedgehog(line: str) -> Result:
    return CliRunner().invoke(app, ["backtest", *line.split()])


def data(line: str) -> Any:
    result = hedgehog(f"{line} --json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def orders_in(path: Path) -> list[tuple[str, str, str]]:
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    return [(side, price, status) for side, price, _, status in rows]


@pytest.mark.parametrize("typed", ["", TYPED])
def test_the_nine_trades(world: Config, typed: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    run = data(f"run --topic --symbol xrpusdt {typed} --orders {path}")
    assert orders_in(path) == NINE_TRADE_ORDERS
    assert (run["trades"], run["unreadable_records"], run["net_profit"]) == (9, 1, "0.01565536")
    assert run["settings"]["tick_size"] == "0.0001"
    assert run["settings"]["min_notional"] == ("0" if typed else "5")


def test_a_file_of_the_same_trades_has_the_same_fingerprint(world: Config, tmp_path: Path) -> None:
    path = tmp_path / "XRPUSDT-trades-2019-06-02.csv"
    trades = [trade(price, second + 1) for second, price in enumerate(NINE_TRADES)]
    path.write_text("".join(f"{t.trade_id},{t.price / 10**8:.8f},1000,1,{t.trade_time},true,true\n" for t in trades))
    file, topic = data(f"run --file {path} --symbol XRPUSDT {TYPED}"), data(f"run --topic --symbol XRPUSDT {TYPED}")
    assert file["fingerprint"] == topic["fingerprint"]
    assert file["net_profit"] == topic["net_profit"]
    live = data(f"run --file {path} --symbol XRPUSDT --settings live")
    assert (live["net_profit"], live["settings"]["min_notional"]) == (file["net_profit"], "5")


@pytest.mark.parametrize(
    ("between", "trades"),
    [
        ("--from 2023-11-14T22:13:23Z", 6),
        ("--from 2023-11-14T22:13:22.000001Z", 6),
        ("--to 2023-11-14T22:13:22Z", 2),
        ("--from 2023-11-14T22:13:21 --to 2023-11-14T22:13:26", 5),
        ("--from 2020-01-01 --to 2030-01-01", 9),
    ],
)
def test_offsets_are_found_by_time(world: Config, between: str, trades: int) -> None:
    run = data(f"run --topic --symbol XRPUSDT {between}")
    assert run["trades"] == trades


@pytest.mark.parametrize("between", ["--from 2023-11-15", "--to 2023-11-14"])
def test_no_trades_at_that_time(world: Config, between: str) -> None:
    result = hedgehog(f"run --topic --symbol XRPUSDT {between}")
    assert result.exit_code == 1
    assert "has no trade of binance:XRPUSDT" in result.stderr


def test_several_symbols_in_one_pass(world: Config) -> None:
    given = data("run --topic --symbol XRPUSDT --symbol binance:ethusdt --symbol xrpusdt")
    assert [(run["instrument"], run["trades"], run["orders"]) for run in given["runs"]] == [
        ("binance:XRPUSDT", 9, 3),
        ("binance:ETHUSDT", 9, 1),
    ]
    assert given["runs"][0] | {"engine_seconds": 0, "trades_per_s": 0} == data("run --topic --symbol XRPUSDT") | {
        "engine_seconds": 0,
        "trades_per_s": 0,
    }
    (total,) = given["totals"]
    assert (total["quote_asset"], total["trades"], total["orders"], total["net_profit"]) == (
        "USDT",
        18,
        4,
        "0.01565536",
    )


def test_a_range_of_offsets(world: Config) -> None:
    run = data("run --topic --symbol XRPUSDT --offsets 0:2:7")
    assert (run["trades"], run["first_trade"]) == (3, "2019-06-02T00:00:01.000002Z")


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ("0:2:20", "--offsets: partition 0 has offsets 0 to 19, not 2 to 20"),
        ("1:2:4", "--offsets: none for partition 0, where the trades of binance:XRPUSDT are"),
        ("0:2:4 --offsets 1:2:4", "--offsets: partition 1 has none of the symbols: binance:XRPUSDT is in 0"),
    ],
)
def test_offsets_that_are_not_there(world: Config, offsets: str, message: str) -> None:
    result = hedgehog(f"run --topic --symbol XRPUSDT --offsets {offsets}")
    assert result.exit_code == 2
    assert message in result.stderr


def test_records_that_expired_meanwhile_are_not_skipped(world: Config) -> None:
    with pytest.raises(ServiceError, match="OffsetOutOfRange"):
        list(record_batches(world, {(TRADES.full_name(world), 0): (100, 200)}))


def test_a_sweep_over_the_topic(world: Config) -> None:
    given = data("sweep --topic --symbol XRPUSDT --profit 0.001,0.002 --top 1")
    assert (given["trades"], given["settings_tried"], given["budget"]) == (9, 2, "100")
    # 0.4324 is not reached: 46.4 · (0.4321 - 0.4307), and the fee of 0.01998448
    assert [(row["profit_interval"], row["net_profit"]) for row in given["best"]] == [("0.002", "0.04497552")]


def test_what_is_typed_takes_the_place_of_the_live_settings(world: Config) -> None:
    run = data("run --topic --symbol XRPUSDT --chunks 2 --tick 0.001")
    assert (run["settings"]["chunks"], run["settings"]["tick_size"]) == (2, "0.001")
    assert run["settings"]["budget"] == "100"


def test_an_unknown_symbol(world: Config) -> None:
    result = hedgehog("run --topic --symbol XRPUSDC")
    assert result.exit_code == 2
    assert "did you mean XRPUSDT?" in result.stderr
