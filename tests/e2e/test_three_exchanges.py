"""Three exchanges into one topic, each in its own words: what each sent is there, whatever happens to the others."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from infra.config import Config
from producers import settings_topic
from producers.exchanges import adapters
from producers.gap_records import read_gaps
from producers.local_exchange.faults import HttpFault
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import MARKETS_OF
from producers.recorded.files import read_trades
from producers.service import serve
from producers.session import Counters, Session
from schemas.broker import create_topics, delete_topics
from schemas.gap_records import GapStatus
from schemas.records import Settings, Trade
from schemas.registry import register_all
from tests.e2e.test_cli_commands import data, run, set_environment
from tests.e2e.test_producers_service import trades_in_topic
from tests.unit.producers.feeds import QUICK, exchange_of, market, symbols_of, until

NAMES = list(MARKETS_OF)


@pytest.fixture
def config(stack: Config) -> Iterator[Config]:
    """A world of its own on the stack's broker."""
    config = stack.model_copy(update={"topic_prefix": f"three-{time.time_ns()}-", "partitions": 3})
    create_topics(config)
    register_all(config)
    settings_topic.write(
        config,
        [Settings(exchange=name, symbol=symbol, streaming=True) for name in NAMES for symbol in symbols_of(name)],
    )
    yield config
    delete_topics(config)


@asynccontextmanager
async def exchanges(folder: Path, count: int | None = None) -> AsyncIterator[dict[str, LocalExchange]]:
    async with AsyncExitStack() as stack:
        found = {}
        for name in NAMES:
            play = market(rate=1_000, count=count, name=name, start=time.time_ns() // 1_000)
            kept = Play(play.trades, play.speed, play.wait_for, journal=folder / f"{name}.csv")
            found[name] = await stack.enter_async_context(exchange_of(kept, name=name))
        yield found


@asynccontextmanager
async def service(config: Config, running: dict[str, LocalExchange]) -> AsyncIterator[dict[str, Session]]:
    urls = {f"{name}_{kind}_url": url for name, one in running.items() for kind, url in addresses(one)}
    reached = config.model_copy(update=urls)
    sessions = {name: Session(adapters(reached, [name])[0], QUICK) for name in running}
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(config, list(sessions.values()), stop))
    try:
        yield sessions
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await serving


def addresses(exchange: LocalExchange) -> list[tuple[str, str]]:
    return [("stream", exchange.stream_url), ("rest", exchange.rest_url)]


def rows(trades: list[Trade]) -> dict[str, list[tuple[int, int, int, int, bool]]]:
    """What is to be the same, by symbol and in order."""
    found: dict[str, list[tuple[int, int, int, int, bool]]] = {}
    for trade in trades:
        row = trade.trade_id, trade.trade_time, trade.price, trade.quantity, trade.buyer_is_maker
        found.setdefault(trade.symbol, []).append(row)
    return found


def check(config: Config, folder: Path, cut: str = "") -> None:
    """What each sent is in the topic as it was sent; of the one that was cut more, each trade once and in order."""
    received = trades_in_topic(config)
    for name in NAMES:
        sent = rows(list(read_trades(folder / f"{name}.csv")))
        found = rows([trade for trade in received if trade.exchange == name])
        assert set(sent) == set(symbols_of(name))
        if name != cut:
            assert found == sent
        for symbol, of in found.items():
            ids = [row[0] for row in of]
            assert ids == sorted(set(ids))
            assert {row[0] for row in sent[symbol]} <= set(ids)


def filled(config: Config, name: str) -> set[str]:
    """The symbols of an exchange of which something was missing and is filled."""
    return {gap.symbol for gap in read_gaps(config) if gap.exchange == name and gap.status is GapStatus.FILLED}


async def test_what_each_sent_is_in_the_topic(config: Config, tmp_path: Path) -> None:
    async with exchanges(tmp_path, count=3_000) as running, service(config, running) as sessions:
        await until(lambda: all(exchange.finished.is_set() for exchange in running.values()))
    assert [session.counters for session in sessions.values()] == [Counters(connections=1)] * 3
    await asyncio.to_thread(check, config, tmp_path)


@pytest.mark.parametrize("sick", NAMES)
async def test_an_exchange_that_bans_and_cuts_leaves_the_others_alone(
    config: Config, tmp_path: Path, sick: str
) -> None:
    async with exchanges(tmp_path) as running, service(config, running) as sessions:
        await until(lambda: all(exchange.sent.total() > 100 for exchange in running.values()))
        running[sick].faults.handshakes.extend([HttpFault(418, "1", "banned"), HttpFault(503)])
        running[sick].drop()
        marks = {name: exchange.sent.total() for name, exchange in running.items() if name != sick}
        await until(lambda: all(running[name].sent.total() > mark + 500 for name, mark in marks.items()))
        await until(lambda: sessions[sick].counters.connections == 2 and sessions[sick].streaming)
        async with asyncio.timeout(60):  # a stop would leave what is still being asked for to the next producer
            while await asyncio.to_thread(filled, config, sick) != set(symbols_of(sick)):  # noqa: ASYNC110 - a topic
                await asyncio.sleep(0.2)
    assert [session.counters for name, session in sessions.items() if name != sick] == [Counters(connections=1)] * 2
    assert sessions[sick].counters.failures == 2
    await asyncio.to_thread(check, config, tmp_path, sick)


async def test_all_three_are_seeded_and_one_that_refuses_costs_the_others_nothing(
    config: Config, tmp_path: Path
) -> None:
    async with exchanges(tmp_path) as running:
        urls = {f"{name}_{kind}_url": url for name, one in running.items() for kind, url in addresses(one)}
        with pytest.MonkeyPatch.context() as patch:
            set_environment(config.model_copy(update=urls), patch)
            running["bitstamp"].faults.calls.append(HttpFault(451, body="not from here"))
            refused = await asyncio.to_thread(run, "settings seed --json")
            assert refused.exit_code == 3
            assert "HTTP 451: not from here" in refused.stderr
            counted = json.loads(refused.stdout)
            assert (counted["exchanges"], counted["added"]) == (["binance", "coinbase"], 11)
            counted = await asyncio.to_thread(data, "settings seed")
            assert (counted["exchanges"], counted["added"], counted["unchanged"]) == (NAMES, 6, 11)
            assert (counted["left_out"], counted["no_longer_listed"], counted["failed"]) == ([], [], [])
            # one is left out oddly, and keeps its facts of before
            exchange = running["coinbase"]
            odd = msgspec.structs.replace(exchange.floor.markets["BTC-USD"], tick_size=10**30)
            exchange.floor.markets["BTC-USD"] = odd
            counted = await asyncio.to_thread(data, "settings seed --exchange coinbase")
            assert [text.split(": ")[0] for text in counted["left_out"]] == ["coinbase:BTC-USD"]
            assert counted["no_longer_listed"] == []
            (shown,) = await asyncio.to_thread(data, "settings show coinbase:btcusd")
            assert (shown["tick_size"], shown["exchange_status"]) == ("0.01", "TRADING")
            (ltc,) = await asyncio.to_thread(data, "settings set coinbase:ltc/eur --chunks 2")
            assert ltc["instrument"] == "coinbase:LTC-EUR"
