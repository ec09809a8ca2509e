"""Exchanges apart on the real stack: watched by the command line, while the worker is killed, and in a replay."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.config import Config
from producers import settings_topic
from producers.publisher import Publisher
from schemas import topics
from schemas.broker import create_topics, delete_topics
from schemas.market_records import Alert, Quote
from schemas.records import Settings, Trade
from schemas.registry import make_codec, register_all
from schemas.units import ONE
from schemas.watches import AlertKind
from streams.market import quotes
from streams.market.alerts import Alert as Told
from tests.e2e.test_candles import records
from tests.e2e.test_cli_commands import data, set_environment
from tests.faults.fleet import Fleet, Progress, wait_for
from tests.property.test_apart import expected, told
from tests.samples import instrument

COINBASE, BITSTAMP, BINANCE = "coinbase:BTC-USD", "bitstamp:BTCUSD", "binance:BTCUSDT"
SECONDS = 900
START = 1_795_694_400_000_000
SECOND = 1_000_000
AGENTS = "market,pairs"


def made_trades(key: str, seed: int) -> list[Trade]:
    """Some trades a second; now and then a second at a price far off, or a pause of more than a minute."""
    chance, exchange, symbol = random.Random(seed), *key.split(":")
    moment, made, apart = START, [], 0
    while moment < START + SECONDS * SECOND:
        moment += chance.choice([100_000, 400_000, 900_000, 2_500_000]) if chance.randrange(150) else 70 * SECOND
        apart = chance.choice([0, 0, 0, 400, -400]) if not chance.randrange(20) else apart
        made.append(
            Trade(
                exchange=exchange,
                symbol=symbol,
                price=(20_000 + apart + chance.randint(-20, 20)) * ONE,
                quantity=ONE,
                trade_id=len(made) + 1,
                trade_time=moment,
                event_time=moment,
                received_time=moment,
                buyer_is_maker=False,
            )
        )
    return made


TRADES = [made_trades(key, seed) for seed, key in enumerate((COINBASE, BITSTAMP, BINANCE))]


@pytest.fixture
def worlds(stack: Config) -> Iterator[list[Config]]:
    """Two worlds, one live and one for a replay, each with the same instruments."""
    found = []
    for name in ("live", "replay"):
        config = stack.model_copy(update={"topic_prefix": f"apart-{name}-{time.time_ns()}-", "partitions": 5})
        create_topics(config)
        register_all(config)
        pairs = ((COINBASE, "USD"), (BITSTAMP, "USD"), (BINANCE, "USDT"))
        facts = [instrument(key, base_asset="BTC", quote_asset=asset) for key, asset in pairs]
        streamed = [Settings(exchange=fact.exchange, symbol=fact.symbol, streaming=True) for fact in facts]
        settings_topic.write(config, [*facts, *streamed])
        found.append(config)
    yield found
    for config in found:
        delete_topics(config)


def publish(config: Config, trades: list[Trade]) -> None:
    codec = make_codec(config, Trade)
    with Publisher(config) as publisher:
        for trade in trades:
            publisher.publish(topics.TRADES, trade.instrument, codec.encode(trade))


def alerts(config: Config) -> dict[str, Told]:
    """By id, what was told; a repeat says the same."""
    found: dict[str, Told] = {}
    for alert in records(config, topics.ALERTS, Alert):
        assert isinstance(alert, Alert)
        if alert.kind == AlertKind.EXCHANGES_APART:
            fields = {name: getattr(alert, name) for name in Told._fields}
            assert found.setdefault(alert.alert_id, Told(**fields)) == Told(**fields)
    return found


def quoted(config: Config) -> list[list[quotes.Quote]]:
    """The quotes of each instrument, each once, in the order of the topic."""
    found: dict[str, dict[int, quotes.Quote]] = {}
    for quote in records(config, topics.QUOTES, Quote):
        assert isinstance(quote, Quote)
        fields = {name: getattr(quote, name) for name in quotes.Quote._fields}
        one = found.setdefault(quote.instrument, {})
        assert one.setdefault(quote.trade_time, quotes.Quote(**fields)) == quotes.Quote(**fields)
    return [list(found[name].values()) for name in sorted(found)]


def last_prices(trades: list[Trade]) -> list[tuple[int, int]]:
    """Time and price of the last trade of each second but the last one."""
    last = {trade.trade_time // SECOND: (trade.trade_time, trade.price) for trade in trades}
    return list(last.values())[:-1]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_alerts_are_those_of_the_trades_live_with_a_kill_and_in_a_replay(
    worlds: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, replay = worlds
    with Fleet(live, tmp_path) as fleet:
        set_environment(live, monkeypatch)
        rows = data("watch add coinbase:btcusd --apart 0.005 --cooldown 30s")
        assert [(row["instrument"], row["after"]["pair"]) for row in rows] == [
            (COINBASE, "BTC/USD"),
            (BITSTAMP, "BTC/USD"),
        ]
        assert [row["instrument"] for row in data("watch list") if row["watched"]] == [COINBASE]
        fleet.start("one", AGENTS)
        progress = Progress(live, AGENTS, [topics.TRADES, topics.WATCHES, topics.QUOTES])
        wait_for("the watches are read", lambda: progress.committed() == 2)
        by_time = sorted((trade for one in TRADES for trade in one), key=lambda trade: trade.trade_time)
        half = len(by_time) // 2
        publish(live, by_time[:half])
        wait_for("the worker goes on", lambda: progress.committed() > half // 2)
        fleet.stop("one", signal.SIGKILL)
        publish(live, by_time[half:])
        fleet.start("one", AGENTS)
        wait_for("all is worked off", lambda: progress.lag() == 0, timeout_s=90)
        fleet.assert_alive()
    found, lines = alerts(live), quoted(live)
    assert [[(quote.trade_time, quote.price) for quote in line] for line in lines] == [
        last_prices(TRADES[1]),
        last_prices(TRADES[0]),
    ]
    assert told(list(found.values())) == expected(tuple(lines))
    assert len(found) > 3
    assert {(alert.instrument, alert.other) for alert in found.values()} == {(COINBASE, BITSTAMP)}

    with Fleet(replay, tmp_path) as fleet:
        set_environment(replay, monkeypatch)
        data("watch add coinbase:btcusd --apart 0.005 --cooldown 30s")
        fleet.start("two", AGENTS)
        progress = Progress(replay, AGENTS, [topics.TRADES, topics.WATCHES, topics.QUOTES])
        wait_for("the watches are read", lambda: progress.committed() == 2)
        # one exchange whole, and then the other
        publish(replay, [trade for one in TRADES for trade in one])
        wait_for("all is worked off", lambda: progress.lag() == 0, timeout_s=90)
        fleet.assert_alive()
    assert alerts(replay) == found
