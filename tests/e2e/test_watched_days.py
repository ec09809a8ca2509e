"""Days of Coinbase and Bitstamp: archive, backtest, replay, and the candles of all three ways, on the real stack."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.config import Config
from producers import settings_topic
from producers.publisher import Publisher
from producers.recorded.files import read_trades
from schemas import topics
from schemas.broker import create_topics, delete_topics
from schemas.records import Trade
from schemas.registry import make_codec, register_all
from schemas.units import ONE
from streams.demo.candles import candles_of
from streams.demo.topic import records
from tests.e2e.market_days import data, worked_off
from tests.e2e.test_cli_commands import set_environment
from tests.samples import instrument, settings

COINBASE, BITSTAMP = "coinbase:BTC-USD", "bitstamp:BTCUSD"
SECOND = 1_000_000
START = 1_760_054_400_000_000 - 3_600 * SECOND
"""An hour before the 10th of October 2025 begins."""
COUNT, STEP_US = 4_000, 1_800_001
"""Two hours, in microseconds that no digit of is zero for long."""
REPEATED_MAX = {"coinbase": 300, "bitstamp": 20}
"""So many trades later one comes twice: where ids do not rise by one, the last 32 are known."""
LOST = range(1_000, 1_003)
"""Ids of Coinbase that nobody has."""


def made_trades(key: str) -> list[Trade]:
    """Trades in the order in which they are published: one in a hundred late, one in a hundred twice."""
    chance, exchange, symbol = random.Random(key), *key.split(":")
    placed: list[tuple[int, Trade]] = []
    number, price = 0, 60_000 * ONE
    for i in range(COUNT):
        number += 1 if exchange == "coinbase" else chance.randint(1, 40)
        price += chance.randint(-20, 20) * ONE
        late = not chance.randrange(100)
        moment = START + i * STEP_US + chance.randint(0, 999)
        if late and exchange == "bitstamp":
            moment -= moment % SECOND
        trade = Trade(
            exchange=exchange,
            symbol=symbol,
            price=price,
            quantity=chance.randint(1, 2 * ONE),
            trade_id=number,
            trade_time=moment,
            event_time=moment,
            received_time=moment + 5,
            buyer_is_maker=chance.random() < 0.5,
            filled=late,
        )
        if exchange == "coinbase" and number in LOST:
            continue
        placed.append((i + (chance.randint(1, 300) if late else 0), trade))
        if not chance.randrange(100):
            placed.append((i + chance.randint(1, REPEATED_MAX[exchange]), trade))
    return [trade for _, trade in sorted(placed, key=lambda each: each[0])]


TRADES = {key: made_trades(key) for key in (COINBASE, BITSTAMP)}


def in_order(key: str) -> list[Trade]:
    """Each trade once, by time and id, as the archive holds it."""
    once = {trade.trade_id: trade for trade in TRADES[key]}
    return sorted(once.values(), key=lambda trade: (trade.trade_time, trade.trade_id))


@pytest.fixture(scope="module")
def live(stack: Config) -> Iterator[Config]:
    config = stack.model_copy(update={"topic_prefix": f"days-{time.time_ns()}-", "partitions": 3})
    with pytest.MonkeyPatch.context() as patch:
        set_environment(config, patch)
        create_topics(config)
        register_all(config)
        facts = [instrument(key, base_asset="BTC", quote_asset="USD", step_size="0.00000001") for key in TRADES]
        settings_topic.write(config, [*facts, *(settings(key, streaming=True) for key in TRADES)])
        codec = make_codec(config, Trade)
        with Publisher(config) as publisher:
            for trades in TRADES.values():
                for trade in trades:
                    publisher.publish(topics.TRADES, trade.instrument, codec.encode(trade))
        yield config
        delete_topics(config)


@pytest.fixture(scope="module")
def archive(live: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    given = data("archive", "export", "--symbol", "COINBASE:btcusd", "--symbol", "bitstamp:btc/usd", "--out", folder)
    assert [(row["instrument"], row["day"], row["gap_ranges"]) for row in given["days"]] == [
        (BITSTAMP, "2025-10-09", []),
        (BITSTAMP, "2025-10-10", []),
        (COINBASE, "2025-10-09", [[LOST[0], LOST[-1]]]),
        (COINBASE, "2025-10-10", []),
    ]
    return folder


def test_an_archive_holds_each_trade_once_to_the_microsecond(archive: Path) -> None:
    seen = data("archive", "verify", archive)
    assert (seen["problems"], seen["rows"]) == (0, 2 * COUNT - len(LOST))
    assert [found["finding"] for found in seen["findings"]] == [f"no trade has an id from {LOST[0]} to {LOST[-1]}"]
    for key in TRADES:
        files = sorted((archive / key.replace(":", "/")).glob("*.parquet"))
        stored = [trade for path in files for trade in read_trades(path)]
        assert stored == [msgspec.structs.replace(trade, filled=False) for trade in in_order(key)]


def moving(key: str) -> int:
    """How many trades come with an id above all before: one that is late or a repeat moves nothing."""
    highest, found = 0, 0
    for trade in TRADES[key]:
        found += trade.trade_id > highest
        highest = max(highest, trade.trade_id)
    return found


OPTIONS = "--tick 0.01 --step 0.00000001 --chunks 3 --budget 1000 --buy-down 0.0005 --profit 0.0005 --rebuy 0.001"


def backtest(source: str, typed: str) -> dict[str, Any]:
    run: dict[str, Any] = data("backtest", "run", *source.split(), "--symbol", typed, *OPTIONS.split())
    return run


@pytest.mark.parametrize("typed", ["coinbase:BTC-USD", "Coinbase:btcusd", "bitstamp:BTCUSD", "bitstamp:btc-usd"])
def test_backtests_find_them_however_they_are_typed(live: Config, archive: Path, typed: str) -> None:
    key = COINBASE if typed.lower().startswith("coinbase") else BITSTAMP
    of_archive, of_topic = backtest(f"--file {archive}", typed), backtest("--topic", typed)
    assert (of_archive["trades"], of_topic["trades"]) == (len(in_order(key)), moving(key))
    assert min(of_archive["orders"], of_topic["orders"]) > 3


@pytest.mark.long
@pytest.mark.timeout(600)
def test_candles_live_in_a_replay_and_by_polars_over_the_archive_are_the_same(
    live: Config, archive: Path, tmp_path: Path
) -> None:
    archived = [trade for path in sorted(archive.rglob("*.parquet")) for trade in read_trades(path)]
    expected = candles_of(archived)
    assert len(expected) > 2 * 119
    assert worked_off(live, tmp_path, "live") == expected
    target = live.model_copy(update={"topic_prefix": f"replay-{time.time_ns()}."})
    sent = data("replay", "publish", "--prefix", target.topic_prefix, "--file", archive, "--flat-out")
    try:
        assert sent["trades"] == {"BTC-USD": len(in_order(COINBASE)), "BTCUSD": len(in_order(BITSTAMP))}
        assert (sent["gaps"], sent["missing_ids"]) == (1, len(LOST))
        again = list(records(target, topics.TRADES, Trade))
        for key in TRADES:
            found = [unmarked(trade) for trade in again if trade.instrument == key]
            assert found == [unmarked(trade) for trade in in_order(key)]
        assert worked_off(target, tmp_path, "replay") == expected
        with pytest.MonkeyPatch.context() as patch:
            set_environment(target, patch)
            for key in TRADES:
                of_topic, of_archive = backtest("--topic", key), backtest(f"--file {archive}", key)
                for what in ("fingerprint", "orders", "net_profit"):
                    assert of_topic[what] == of_archive[what]
    finally:
        data("replay", "remove", "--prefix", target.topic_prefix)


def unmarked(trade: Trade) -> Trade:
    """A trade as it was made, whenever and however it came."""
    return msgspec.structs.replace(trade, filled=False, received_time=0)
