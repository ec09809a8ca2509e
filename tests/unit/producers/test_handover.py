"""A session that hands over to a new connection: what either has is given once, whichever of them ends first."""

from math import inf

import pytest

from producers.binance.client import Binance
from producers.session import Session
from tests.unit.producers.feeds import QUICK, SYMBOLS, client_of, exchange_of, market, odd, until
from tests.unit.producers.scripted import Scripted, scripted

HANDOVERS = [
    ([1, 2, 3], [4, 6], [4, 5, 6, 7], [1, 2, 3, 4, 6, 5, 7]),
    ([5_000_000, 5_000_001], [], [1, 2, 3], [5_000_000, 5_000_001, 1, 2, 3]),
    ([1, 2, 3], [4, 5], [3, 4, 5], [1, 2, 3, 4, 5]),
    ([100], list(range(101, 500)), list(range(101, 500)), list(range(100, 500))),
]


@pytest.mark.parametrize(("before", "during", "new", "given"), HANDOVERS)
async def test_what_only_the_new_connection_of_a_handover_brings_is_kept(
    before: list[int], during: list[int], new: list[int], given: list[int]
) -> None:
    now = [0.0]
    exchange = Scripted()
    async with scripted(exchange) as url:
        session = Session(Binance(url), QUICK, clock=lambda: now[0])
        async with client_of(session, ["XRPUSDT"]) as client:
            await until(lambda: exchange.sockets)
            await exchange.trades(0, before)
            await until(lambda: client.ids("XRPUSDT") == before)
            await exchange.sockets[0].send('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}')
            await until(lambda: session.counters.connections == 2)
            await exchange.trades(1, new)
            # What is no trade is not held: all before it has been read.
            await exchange.sockets[1].send("read")
            await until(lambda: client.bad)
            await exchange.trades(0, during)
            await until(lambda: client.ids("XRPUSDT") == before + during)
            assert session.counters.handovers == 0
            now[0] += 1
            await until(lambda: session.counters.handovers == 1)
            await exchange.trades(1, [9_000])
            await until(lambda: client.ids("XRPUSDT") == [*given, 9_000])
            assert session.counters.overlapping == len(before + during + new) - len(given)


async def test_what_only_the_successor_had_is_kept_when_the_session_is_closed_during_a_handover() -> None:
    exchange = Scripted()
    async with scripted(exchange) as url:
        session = Session(Binance(url), QUICK, clock=lambda: 0.0)
        async with client_of(session, ["XRPUSDT"]) as client:
            await until(lambda: exchange.sockets)
            await exchange.trades(0, [1, 2])
            await exchange.sockets[0].send('{"e":"serverShutdown","E":1}')
            await until(lambda: session.counters.connections == 2)
            await exchange.trades(1, [2, 3])
            await exchange.sockets[1].send("read")
            await until(lambda: client.bad)
        assert client.ids("XRPUSDT") == [1, 2, 3]


async def test_what_only_the_successor_had_is_kept_when_both_are_cut() -> None:
    exchange = Scripted()
    async with scripted(exchange) as url:
        session = Session(Binance(url), QUICK, clock=lambda: 0.0)
        async with client_of(session, ["XRPUSDT"]) as client:
            await until(lambda: exchange.sockets)
            await exchange.trades(0, [1, 2])
            await exchange.sockets[0].send('{"e":"serverShutdown","E":1}')
            await until(lambda: session.counters.connections == 2)
            await exchange.trades(1, [2, 3])
            await exchange.sockets[1].send("read")
            await until(lambda: client.bad)
            for socket in exchange.sockets:
                socket.transport.abort()
            await until(lambda: session.counters.connections == 3)
        assert client.ids("XRPUSDT") == [1, 2, 3]
        assert (session.counters.handovers, session.counters.reconnects) == (1, 1)


async def test_the_old_connection_goes_on_while_no_successor_can_be_had() -> None:
    async with exchange_of(market(rate=500)) as exchange:
        session = Session(Binance(exchange.stream_url), QUICK)
        async with client_of(session, SYMBOLS[1:]) as client:
            exchange.faults.cut_until = inf
            await until(lambda: session.counters.failures > 2)
            assert not session.counters.connections
            exchange.faults.cut_until = 0
            await until(lambda: session.streaming)
            exchange.faults.cut_until = inf
            exchange.announce_shutdown()
            mark = session.counters.failures
            await until(lambda: session.counters.failures > mark + 2)
            # What is wanted may change meanwhile.
            session.set_symbols(SYMBOLS)
            await until(lambda: client.ids(SYMBOLS[0]))
            assert (session.counters.connections, session.counters.handovers) == (1, 0)
            exchange.faults.cut_until = 0
            await until(lambda: session.counters.handovers == 1)
            mark = len(client.trades)
            await until(lambda: len(client.trades) > mark + 50)
        assert not odd(client.trades)
        assert len(client.trades) == exchange.sent.total()


async def test_the_old_connection_stays_when_its_successor_fails_first() -> None:
    exchange = Scripted()
    async with scripted(exchange) as url:
        session = Session(Binance(url), QUICK, clock=lambda: 0.0)
        async with client_of(session, ["XRPUSDT"]) as client:
            await until(lambda: exchange.sockets)
            await exchange.sockets[0].send('{"e":"serverShutdown","E":1}')
            for number in range(1, 4):
                await until(lambda number=number: len(exchange.sockets) > number)
                exchange.sockets[number].transport.abort()
            await exchange.trades(0, [1])
            await until(lambda: client.ids("XRPUSDT") == [1])
            assert session.counters.reconnects == 0
