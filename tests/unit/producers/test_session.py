"""A session against the local exchange, on real sockets: what it takes in, and what it survives."""

import asyncio
import random
from dataclasses import replace
from itertools import islice

import msgspec
import pytest

from producers.binance.client import BINANCE, Binance
from producers.binance.protocol import STREAMS_MAX
from producers.connection import Timing
from producers.local_exchange.faults import HttpFault
from producers.local_exchange.server import LocalExchange, Manners
from producers.local_exchange.simulated import MARKETS, simulated_trades
from producers.sequence import Gap, StepBack
from producers.session import Session
from tests.unit.producers.feeds import QUICK, START, SYMBOLS, client_of, exchange_of, market, odd, until
from tests.unit.producers.scripted import Scripted, scripted
from tests.unit.producers.tiny import Tiny, TinyExchange


async def test_every_trade_arrives_once_in_order_exact_to_the_microsecond() -> None:
    async with exchange_of(market(count=5_000, speed=None)) as exchange:
        async with client_of(Session(Binance(exchange.stream_url), wall_us=lambda: 77)) as client:
            await until(lambda: len(client.events) >= 5_000)
        sent = islice(simulated_trades(3, 2_000, START), 5_000)
        assert client.events == [msgspec.structs.replace(trade, received_time=77) for trade in sent]
        assert client.session.counters.connections == 1


async def test_closing_unsubscribes_and_ends() -> None:
    async with exchange_of(market()) as exchange:
        async with client_of(Session(Binance(exchange.stream_url), QUICK)) as client:
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
        client_of(Session(Binance(exchange.stream_url), QUICK), ["XRPUSDT"]) as client,
    ):
        await until(lambda: client.ids("XRPUSDT"))
        client.session.set_symbols(["XRPUSDT", "BTCUSDT"])
        await until(lambda: client.ids("BTCUSDT"))
        client.session.set_symbols(["BTCUSDT"])
        await until(lambda: client.session.streaming == {"BTCUSDT"})
        await until(lambda: sum("SUBSCRIBE" in message for message in exchange.messages) == 2)
        seen = exchange.sent["XRPUSDT"]
        mark = len(client.ids("BTCUSDT"))
        await until(lambda: len(client.ids("BTCUSDT")) > mark + 100)
        assert exchange.sent["XRPUSDT"] == seen == len(client.ids("XRPUSDT"))
        client.session.set_symbols([])
        await until(lambda: not client.session.streaming)
        client.session.set_symbols(["ETHUSDT"])
        await until(lambda: client.ids("ETHUSDT"))
        assert client.session.counters.reconnects == 0
        assert not odd([trade for trade in client.trades if trade.symbol == "BTCUSDT"])


async def test_a_thousand_symbols_on_one_connection_within_the_limit_of_messages(
    caplog: pytest.LogCaptureFixture,
) -> None:
    symbols = [f"S{number}USDT" for number in range(STREAMS_MAX - 1)] + ["XRPUSDT"]
    async with exchange_of(market(wait=False)) as exchange:
        session = Session(Binance(exchange.stream_url, replace(BINANCE, messages_per_s=4.5)), Timing(tick_s=0.02))
        async with client_of(session, symbols) as client:
            await until(lambda: client.session.streaming == set(symbols))
            await until(lambda: client.ids("XRPUSDT"))
            assert len(exchange.messages) == 10
            assert client.session.counters.connections == 1
            assert client.session.counters.reconnects == 0
        # Closing unsubscribes at the same pace, for as long as there is time; the rest ends with the connection.
        assert 1 < sum("UNSUBSCRIBE" in message for message in exchange.messages) < 11
        assert "messages in a second" not in caplog.text
        assert len(client.trades) == exchange.sent.total()


def test_more_symbols_than_a_connection_carries() -> None:
    session = Session(Binance("ws://127.0.0.1:1"))
    with pytest.raises(ValueError, match="1025 symbols to stream, but one connection to binance carries at most 1024"):
        session.set_symbols(f"S{number}" for number in range(STREAMS_MAX + 1))


@pytest.mark.parametrize("mid_frame", [False, True])
async def test_a_dropped_connection_is_opened_again_and_what_was_missed_is_a_gap(mid_frame: bool) -> None:
    async with (
        exchange_of(market(rate=5_000)) as exchange,
        client_of(Session(Binance(exchange.stream_url), QUICK)) as client,
    ):
        for lost in range(1, 4):
            mark = len(client.trades)
            await until(lambda mark=mark: len(client.trades) > mark + 200)
            exchange.drop(mid_frame)
            await until(lambda lost=lost: client.session.counters.connections > lost)
        await until(lambda: client.session.counters.reconnects == 3 and len(client.session.streaming) == 5)
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
        session = Session(Binance(exchange.stream_url), QUICK, clock=lambda: loop.time() + ahead[0])
        async with client_of(session) as client:
            await until(lambda: session.counters.connections == 1 and len(client.trades) >= after_trades)
            exchange.go_silent()
            ahead[0] += 40
            await until(lambda: len(session.streaming) == 5)
            assert session.counters.reconnects == 0
            ahead[0] += 30
            await until(lambda: session.counters.connections == 2)
            assert session.counters.reconnects == 1


async def test_pings_alone_are_no_silence_and_pongs_echo_them() -> None:
    ahead = [0.0]
    loop = asyncio.get_running_loop()
    manners = Manners(ping_s=0.3)
    timing = Timing(ping_s=1_000, tick_s=0.02)
    async with exchange_of(market(wait=False, count=1), manners) as exchange:
        session = Session(Binance(exchange.stream_url), timing, clock=lambda: loop.time() + ahead[0])
        async with client_of(session):
            for pongs in range(1, 8):
                await until(lambda pongs=pongs: exchange.pongs >= pongs)
                ahead[0] += 25
        assert session.counters.connections == 1
        assert session.counters.reconnects == 0


async def test_garbage_goes_aside_and_the_trades_go_on() -> None:
    garbage = [
        b"\xff\xfe not text",
        b'{"stream":"x@trade","data":{"e":"trade","E":1}}',
        b'{"stream":"x@trade","data":{"e":"kline","E":1}}',
        b"[]",
    ]
    async with (
        exchange_of(market()) as exchange,
        client_of(Session(Binance(exchange.stream_url), QUICK)) as client,
    ):
        await until(lambda: client.trades)
        for payload in garbage:
            exchange.send_text(payload)
        await until(lambda: len(client.bad) == len(garbage))
        mark = len(client.trades)
        await until(lambda: len(client.trades) > mark + 100)
        assert [bad.raw for bad in client.bad] == garbage
        assert not odd(client.trades)
        assert client.session.counters.reconnects == 0


async def test_skipped_and_repeated_ids_are_noticed() -> None:
    async with (
        exchange_of(market()) as exchange,
        client_of(Session(Binance(exchange.stream_url), QUICK)) as client,
    ):
        await until(lambda: len(client.ids("XRPUSDT")) > 10)
        exchange.skip("XRPUSDT", 3)
        await until(lambda: odd(client.trades))
        exchange.repeat_last("BTCUSDT")
        await until(lambda: len(odd(client.trades)) == 2)
        gap, step_back = odd(client.trades)
        assert isinstance(gap, Gap)
        assert (gap.instrument, gap.missing) == ("binance:XRPUSDT", 3)
        assert isinstance(step_back, StepBack)
        assert (step_back.instrument, step_back.received) == ("binance:BTCUSDT", step_back.highest)


@pytest.mark.parametrize("planned", ["shutdown", "lifetime"])
async def test_a_planned_change_of_connection_loses_nothing_and_repeats_nothing(planned: str) -> None:
    ahead = [0.0]
    loop = asyncio.get_running_loop()
    async with exchange_of(market(rate=5_000)) as exchange:
        # A leap of the clock is no silence here.
        timing = replace(QUICK, silence_s=1e9)
        session = Session(Binance(exchange.stream_url), timing, clock=lambda: loop.time() + ahead[0])
        async with client_of(session) as client:
            for done in range(1, 4):
                mark = len(client.trades)
                await until(lambda mark=mark: len(client.trades) > mark + 200)
                if planned == "shutdown":
                    exchange.announce_shutdown()
                else:
                    ahead[0] += 24 * 3_600
                await until(lambda done=done: session.counters.handovers == done)
            mark = len(client.trades)
            await until(lambda: len(client.trades) > mark + 200)
            assert not odd(client.trades)
            assert session.counters.overlapping > 0
            assert session.counters.reconnects == 0
            assert session.counters.connections == 4


async def test_a_server_that_goes_right_after_its_announcement() -> None:
    async with (
        exchange_of(market()) as exchange,
        client_of(Session(Binance(exchange.stream_url), QUICK)) as client,
    ):
        await until(lambda: client.trades)
        exchange.announce_shutdown()
        exchange.drop()
        await until(lambda: client.session.counters.connections >= 2)
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
        exchange.faults.handshakes.extend([HttpFault(503)] * 10)
        session = Session(Binance(exchange.stream_url), Timing(tick_s=0.02), rng=Largest(), sleep=sleep)
        async with client_of(session) as client:
            await until(lambda: client.trades)
            assert exchange.handshakes == 11
            assert session.counters.failures == 10
            assert slept == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


@pytest.mark.parametrize(("said", "waited"), [("7", [7.0] * 3), ("", []), ("soon", [])])
async def test_a_refusal_that_says_how_long_to_wait_is_heeded(said: str, waited: list[float]) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        exchange.refusing = exchange.handshakes < 3
        await asyncio.sleep(0)

    async with TinyExchange() as exchange:
        exchange.refusing, exchange.retry_after = True, said
        session = Session(Tiny(exchange.url), QUICK, sleep=sleep)
        async with client_of(session, ["A"]) as client:
            await until(lambda: client.trades)
            assert session.counters.failures == 3
    assert [seconds for seconds in slept if seconds > QUICK.backoff_max_s] == waited


async def test_an_exchange_that_is_not_there_yet() -> None:
    async with exchange_of(market()) as gone:
        port = gone.port
    session = Session(Binance(f"ws://127.0.0.1:{port}"), QUICK)
    async with client_of(session) as client:
        await until(lambda: session.counters.failures > 2)
        exchange = LocalExchange([item.instrument() for item in MARKETS], market(), port)
        await exchange.start()
        try:
            await until(lambda: client.trades)
        finally:
            await exchange.stop()


async def test_a_refused_subscription_is_told_and_harms_no_other() -> None:
    async with (
        exchange_of(market(wait=False)) as exchange,
        client_of(Session(Binance(exchange.stream_url), QUICK), ["XRPUSDT"]) as client,
    ):
        await until(lambda: client.trades)
        exchange.faults.refused_requests = 1
        client.session.set_symbols(["XRPUSDT", "BTCUSDT"])
        await until(lambda: client.bad)
        assert "SUBSCRIBE BTCUSDT refused: code 2: " in client.bad[0].error
        assert client.session.streaming <= {"XRPUSDT"}
        mark = len(client.trades)
        await until(lambda: len(client.trades) > mark + 100)
        # Wanted anew, it is asked for anew.
        client.session.set_symbols(["XRPUSDT"])
        client.session.set_symbols(["XRPUSDT", "BTCUSDT"])
        await until(lambda: client.ids("BTCUSDT"))


async def test_a_refusal_without_an_id_costs_the_one_symbol_its_trades_and_no_other() -> None:
    symbols = [f"S{number:03}USDT" for number in range(150)]
    exchange = Scripted(unknown="s149usdt@trade")
    async with scripted(exchange) as url:
        session = Session(Binance(url, replace(BINANCE, messages_per_s=1_000)), QUICK)
        async with client_of(session, symbols) as client:
            await until(lambda: client.bad)
            assert client.bad[0].error == "SUBSCRIBE S149USDT refused: code 2: Invalid request"
            await until(lambda: session.streaming == set(symbols[:149]))
            assert [len(params) for params in exchange.requests] == [50, 25, 25, 12, 13, 6, 7, 3, 4, 2, 2, 1, 1]
            assert (session.counters.connections, session.counters.reconnects, len(client.bad)) == (1, 0, 1)


async def test_an_exchange_whose_words_are_unlike_binances() -> None:
    async with TinyExchange(unknown=["B"]) as exchange:
        session = Session(Tiny(exchange.url), QUICK)
        async with client_of(session, ["A", "B", "C"]) as client:
            await until(lambda: session.streaming == {"A", "C"})
            assert exchange.requests == ["+A", "+B", "+C"]
            assert [bad.error for bad in client.bad] == ["SUBSCRIBE B refused: unknown"]
            await exchange.sockets[0].send("C 900")
            await exchange.sockets[0].send("bye")
            # Its ids do not rise by one: one that is left out does not delay the successor.
            await until(lambda: session.counters.handovers == 1)
            assert exchange.requests[3:] == ["+A", "+B", "+C"]
            session.set_symbols(["A"])
            await until(lambda: exchange.requests[6:] == ["-C"])
        assert exchange.requests[7:] == ["-A"]
        assert (client.ids("A"), client.ids("C")) == ([1, 3], [2, 900, 4])
        assert session.counters.reconnects == 0
