"""The Binance client against the local exchange, on real sockets: what it takes in, and what it survives."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice

import msgspec
import pytest

from producers.binance.client import BinanceSource
from producers.binance.connection import Timing
from producers.binance.protocol import STREAMS_MAX
from producers.local_exchange.server import LocalExchange, Manners, Play
from producers.local_exchange.simulated import MARKETS, simulated_trades
from producers.sequence import Gap, StepBack, TradeIds
from producers.source import BadFrame, Event
from schemas.records import Trade

SYMBOLS = [market.symbol for market in MARKETS]
START = 1_700_000_000_123_456
QUICK = Timing(overlap_s=0.2, backoff_s=0.01, backoff_max_s=0.05, tick_s=0.02)
DEADLINE_S = 20.0


class Client:
    """A running source and everything it gave."""

    def __init__(self, source: BinanceSource) -> None:
        self.source = source
        self.events: list[Event] = []
        self.task = asyncio.create_task(self._collect())

    async def _collect(self) -> None:
        async for batch in self.source.events():
            self.events += batch

    @property
    def trades(self) -> list[Trade]:
        return [event for event in self.events if isinstance(event, Trade)]

    @property
    def bad(self) -> list[BadFrame]:
        return [event for event in self.events if isinstance(event, BadFrame)]

    def ids(self, symbol: str) -> list[int]:
        return [trade.trade_id for trade in self.trades if trade.symbol == symbol]


async def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds, at most `DEADLINE_S`."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - the conditions are about the state of others
            await asyncio.sleep(0.005)


def market(rate: int = 2_000, count: int | None = None, wait: bool = True, speed: float | None = 1.0) -> Play:
    """The simulated market from a fixed time on."""
    return Play(
        lambda: islice(simulated_trades(3, rate, START), count),
        speed,
        frozenset(SYMBOLS) if wait else frozenset(),
    )


@asynccontextmanager
async def exchange_of(play: Play, manners: Manners | None = None) -> AsyncIterator[LocalExchange]:
    exchange = LocalExchange([item.instrument() for item in MARKETS], play, 0, manners)
    await exchange.start()
    try:
        yield exchange
    finally:
        await exchange.stop()


@asynccontextmanager
async def client_of(source: BinanceSource, symbols: list[str] = SYMBOLS) -> AsyncIterator[Client]:
    source.set_symbols(symbols)
    client = Client(source)
    try:
        yield client
    finally:
        source.close()
        async with asyncio.timeout(DEADLINE_S):
            await client.task


def odd(trades: list[Trade]) -> list[Gap | StepBack]:
    """What is wrong about the ids."""
    ids = TradeIds()
    return [wrong for trade in trades if (wrong := ids.observe(trade.symbol, trade.trade_id))]


async def test_every_trade_arrives_once_in_order_exact_to_the_microsecond() -> None:
    async with exchange_of(market(count=5_000, speed=None)) as exchange:
        async with client_of(BinanceSource(exchange.stream_url, wall_us=lambda: 77)) as client:
            await until(lambda: len(client.events) >= 5_000)
        sent = islice(simulated_trades(3, 2_000, START), 5_000)
        assert client.events == [msgspec.structs.replace(trade, received_time=77) for trade in sent]
        assert client.source.counters.connections == 1


async def test_closing_unsubscribes_and_ends() -> None:
    async with exchange_of(market()) as exchange:
        async with client_of(BinanceSource(exchange.stream_url, QUICK)) as client:
            await until(lambda: client.trades)
        last = msgspec.json.decode(exchange.messages[-1])
        assert last["method"] == "UNSUBSCRIBE"
        assert sorted(last["params"]) == sorted(f"{symbol.lower()}@trade" for symbol in SYMBOLS)
        assert not odd(client.trades)
        # Everything that the exchange sent until then was given out.
        assert len(client.trades) == exchange.sent.total()


async def test_symbols_come_and_go_while_it_runs() -> None:
    async with (
        exchange_of(market(wait=False)) as exchange,
        client_of(BinanceSource(exchange.stream_url, QUICK), ["XRPUSDT"]) as client,
    ):
        await until(lambda: client.ids("XRPUSDT"))
        client.source.set_symbols(["XRPUSDT", "BTCUSDT"])
        await until(lambda: client.ids("BTCUSDT"))
        client.source.set_symbols(["BTCUSDT"])
        await until(lambda: client.source.streaming == {"BTCUSDT"})
        await until(lambda: sum("SUBSCRIBE" in message for message in exchange.messages) == 2)
        seen = exchange.sent["XRPUSDT"]
        mark = len(client.ids("BTCUSDT"))
        await until(lambda: len(client.ids("BTCUSDT")) > mark + 100)
        assert exchange.sent["XRPUSDT"] == seen == len(client.ids("XRPUSDT"))
        client.source.set_symbols([])
        await until(lambda: not client.source.streaming)
        client.source.set_symbols(["ETHUSDT"])
        await until(lambda: client.ids("ETHUSDT"))
        assert client.source.counters.reconnects == 0
        assert not odd([trade for trade in client.trades if trade.symbol == "BTCUSDT"])


async def test_a_thousand_symbols_on_one_connection_within_the_limit_of_messages() -> None:
    symbols = [f"S{number}USDT" for number in range(STREAMS_MAX - 1)] + ["XRPUSDT"]
    async with exchange_of(market(wait=False)) as exchange:
        source = BinanceSource(exchange.stream_url, Timing(tick_s=0.02, requests_per_s=4.5))
        async with client_of(source, symbols) as client:
            await until(lambda: client.source.streaming == set(symbols))
            await until(lambda: client.ids("XRPUSDT"))
            assert len(exchange.messages) == 10
            assert client.source.counters.connections == 1
            assert client.source.counters.reconnects == 0
            # Closing at that pace would take another two seconds.
            client.task.cancel()
            client.task = asyncio.create_task(asyncio.sleep(0))


def test_more_symbols_than_a_connection_carries() -> None:
    source = BinanceSource("ws://127.0.0.1:1")
    with pytest.raises(ValueError, match="1025 symbols to stream, but one Binance connection carries at most 1024"):
        source.set_symbols(f"S{number}" for number in range(STREAMS_MAX + 1))


@pytest.mark.parametrize("mid_frame", [False, True])
async def test_a_dropped_connection_is_opened_again_and_what_was_missed_is_a_gap(mid_frame: bool) -> None:
    async with (
        exchange_of(market(rate=5_000)) as exchange,
        client_of(BinanceSource(exchange.stream_url, QUICK)) as client,
    ):
        for lost in range(1, 4):
            mark = len(client.trades)
            await until(lambda mark=mark: len(client.trades) > mark + 200)
            exchange.drop(mid_frame)
            await until(lambda lost=lost: client.source.counters.connections > lost)
        await until(lambda: client.source.counters.reconnects == 3 and len(client.source.streaming) == 5)
        mark = len(client.trades)
        await until(lambda: len(client.trades) > mark + 200)
        wrong = odd(client.trades)
        assert all(isinstance(item, Gap) for item in wrong)
        first_to_last = sum(max(client.ids(symbol)) - min(client.ids(symbol)) + 1 for symbol in SYMBOLS)
        assert first_to_last == len(client.trades) + sum(item.missing for item in wrong if isinstance(item, Gap))
        assert not client.bad


@pytest.mark.parametrize("after_trades", [0, 100])
async def test_silence_is_noticed_also_before_the_first_message(after_trades: int) -> None:
    ahead = [0.0]
    loop = asyncio.get_running_loop()
    async with exchange_of(market(wait=after_trades > 0, count=after_trades or 1, speed=None)) as exchange:
        source = BinanceSource(exchange.stream_url, QUICK, clock=lambda: loop.time() + ahead[0])
        async with client_of(source) as client:
            await until(lambda: source.counters.connections == 1 and len(client.trades) >= after_trades)
            exchange.go_silent()
            ahead[0] += 40
            await until(lambda: len(source.streaming) == 5)
            assert source.counters.reconnects == 0
            ahead[0] += 30
            await until(lambda: source.counters.connections == 2)
            assert source.counters.reconnects == 1


async def test_pings_alone_are_no_silence_and_pongs_echo_them() -> None:
    ahead = [0.0]
    loop = asyncio.get_running_loop()
    manners = Manners(ping_s=0.3)
    timing = Timing(ping_s=1_000, tick_s=0.02)
    async with exchange_of(market(wait=False, count=1), manners) as exchange:
        source = BinanceSource(exchange.stream_url, timing, clock=lambda: loop.time() + ahead[0])
        async with client_of(source):
            for pongs in range(1, 8):
                await until(lambda pongs=pongs: exchange.pongs >= pongs)
                ahead[0] += 25
        assert source.counters.connections == 1
        assert source.counters.reconnects == 0


async def test_garbage_goes_aside_and_the_trades_go_on() -> None:
    garbage = [
        b"\xff\xfe not text",
        b'{"stream":"x@trade","data":{"e":"trade","E":1}}',
        b'{"stream":"x@trade","data":{"e":"kline","E":1}}',
        b"[]",
    ]
    async with (
        exchange_of(market()) as exchange,
        client_of(BinanceSource(exchange.stream_url, QUICK)) as client,
    ):
        await until(lambda: client.trades)
        for payload in garbage:
            exchange.send_text(payload)
        await until(lambda: len(client.bad) == len(garbage))
        mark = len(client.trades)
        await until(lambda: len(client.trades) > mark + 100)
        assert [bad.raw for bad in client.bad] == garbage
        assert not odd(client.trades)
        assert client.source.counters.reconnects == 0


async def test_skipped_and_repeated_ids_are_noticed() -> None:
    async with (
        exchange_of(market()) as exchange,
        client_of(BinanceSource(exchange.stream_url, QUICK)) as client,
    ):
        await until(lambda: len(client.ids("XRPUSDT")) > 10)
        exchange.skip("XRPUSDT", 3)
        await until(lambda: odd(client.trades))
        exchange.repeat_last("BTCUSDT")
        await until(lambda: len(odd(client.trades)) == 2)
        gap, step_back = odd(client.trades)
        assert isinstance(gap, Gap)
        assert (gap.symbol, gap.missing) == ("XRPUSDT", 3)
        assert isinstance(step_back, StepBack)
        assert (step_back.symbol, step_back.received) == ("BTCUSDT", step_back.highest)


@pytest.mark.parametrize("planned", ["shutdown", "lifetime"])
async def test_a_planned_change_of_connection_loses_nothing_and_repeats_nothing(planned: str) -> None:
    ahead = [0.0]
    loop = asyncio.get_running_loop()
    async with exchange_of(market(rate=5_000)) as exchange:
        # A leap of the clock is no silence here.
        timing = replace(QUICK, silence_s=1e9)
        source = BinanceSource(exchange.stream_url, timing, clock=lambda: loop.time() + ahead[0])
        async with client_of(source) as client:
            for done in range(1, 4):
                mark = len(client.trades)
                await until(lambda mark=mark: len(client.trades) > mark + 200)
                if planned == "shutdown":
                    exchange.announce_shutdown()
                else:
                    ahead[0] += 24 * 3_600
                await until(lambda done=done: source.counters.handovers == done)
            mark = len(client.trades)
            await until(lambda: len(client.trades) > mark + 200)
            assert not odd(client.trades)
            assert source.counters.overlapping > 0
            assert source.counters.reconnects == 0
            assert source.counters.connections == 4


async def test_a_server_that_goes_right_after_its_announcement() -> None:
    async with (
        exchange_of(market()) as exchange,
        client_of(BinanceSource(exchange.stream_url, QUICK)) as client,
    ):
        await until(lambda: client.trades)
        exchange.announce_shutdown()
        exchange.drop()
        await until(lambda: client.source.counters.connections >= 2)
        mark = len(client.trades)
        await until(lambda: len(client.trades) > mark + 100)
        assert not [wrong for wrong in odd(client.trades) if isinstance(wrong, StepBack)]


async def test_backoff_is_capped_and_fully_jittered() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    class Largest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            assert a == 0
            return b

    async with exchange_of(market()) as exchange:
        exchange.refusals = 10
        source = BinanceSource(exchange.stream_url, Timing(tick_s=0.02), rng=Largest(), sleep=sleep)
        async with client_of(source) as client:
            await until(lambda: client.trades)
            assert exchange.handshakes == 11
            assert source.counters.failures == 10
            assert slept == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


async def test_an_exchange_that_is_not_there_yet() -> None:
    async with exchange_of(market()) as gone:
        port = gone.port
    source = BinanceSource(f"ws://127.0.0.1:{port}", QUICK)
    async with client_of(source) as client:
        await until(lambda: source.counters.failures > 2)
        exchange = LocalExchange([item.instrument() for item in MARKETS], market(), port)
        await exchange.start()
        try:
            await until(lambda: client.trades)
        finally:
            await exchange.stop()


async def test_a_refused_subscription_is_told_and_harms_no_other() -> None:
    async with (
        exchange_of(market(wait=False)) as exchange,
        client_of(BinanceSource(exchange.stream_url, QUICK), ["XRPUSDT"]) as client,
    ):
        await until(lambda: client.trades)
        exchange.refused_requests = 1
        client.source.set_symbols(["XRPUSDT", "BTCUSDT"])
        await until(lambda: client.bad)
        assert "SUBSCRIBE BTCUSDT refused: code 2: " in client.bad[0].error
        assert client.source.streaming <= {"XRPUSDT"}
        mark = len(client.trades)
        await until(lambda: len(client.trades) > mark + 100)
        # Wanted anew, it is asked for anew.
        client.source.set_symbols(["XRPUSDT"])
        client.source.set_symbols(["XRPUSDT", "BTCUSDT"])
        await until(lambda: client.ids("BTCUSDT"))
