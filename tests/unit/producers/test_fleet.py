"""Sessions as many as the symbols need: each symbol on one of them, whatever comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from producers.adapter import Adapter
from producers.fleet import Fleet
from producers.session import Counters, Session
from schemas.records import Trade
from tests.unit.producers.feeds import QUICK, until
from tests.unit.producers.tiny import TINY, Tiny, TinyExchange


def quick(adapter: Adapter, counters: Counters) -> Session:
    return Session(adapter, QUICK, counters=counters)


class Taken:
    """A fleet on the tiny exchange that carries two symbols a connection, and the symbols of the trades it gave."""

    def __init__(self, url: str) -> None:
        self.fleet = Fleet(Tiny(url, replace(TINY, symbols_per_connection=2)), quick)
        self.symbols: list[str] = []
        self.errors: list[Exception] = []

    async def take(self) -> None:
        async for batch in self.fleet.events():
            self.symbols += [event.symbol for event in batch if isinstance(event, Trade)]


@asynccontextmanager
async def taken(exchange: TinyExchange) -> AsyncIterator[Taken]:
    client = Taken(exchange.url)
    task = asyncio.create_task(client.take())
    try:
        yield client
        client.fleet.close()
        async with asyncio.timeout(5):
            await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_as_many_connections_as_it_takes() -> None:
    async with TinyExchange() as exchange, taken(exchange) as client:
        fleet = client.fleet
        fleet.set_symbols(["A", "B", "C", "D", "E"])
        await until(lambda: fleet.streaming == {"A", "B", "C", "D", "E"})
        await until(lambda: sorted(client.symbols) == ["A", "B", "C", "D", "E"])
        assert fleet.counters == Counters(connections=3)
        # B goes, and F takes its place; all others stay where they are
        fleet.set_symbols(["A", "C", "D", "E", "F"])
        await until(lambda: fleet.streaming == {"A", "C", "D", "E", "F"})
        assert sorted(exchange.requests) == ["+A", "+B", "+C", "+D", "+E", "+F", "-B"]
        fleet.set_symbols([f"S{number}" for number in range(9)])
        await until(lambda: len(fleet.streaming) == 9)
        assert fleet.counters.connections == 5


async def test_only_the_connection_of_a_symbol_is_replaced_and_only_it_is_asked_for_anew() -> None:
    async with TinyExchange() as exchange, taken(exchange) as client:
        fleet = client.fleet
        fleet.set_symbols(["A", "B", "C"])
        await until(lambda: fleet.streaming == {"A", "B", "C"})
        fleet.renew(["C", "D"])
        await until(lambda: exchange.requests[3:] == ["-C", "+C"])
        fleet.replace(["C"])
        await until(lambda: fleet.counters.handovers == 1)
        assert exchange.requests[5:] == ["+C"]
        assert fleet.counters.connections == 3


async def test_without_symbols_it_ends_when_it_is_closed() -> None:
    async with TinyExchange() as exchange, taken(exchange) as client:
        await asyncio.sleep(0)
        assert client.fleet.streaming == set()


async def test_a_crash_of_one_session_is_one_of_the_fleet_which_may_begin_anew() -> None:
    async with TinyExchange() as exchange:
        client = Taken(exchange.url)
        client.fleet.set_symbols(["A", "B", "C"])
        task = asyncio.create_task(client.take())
        await until(lambda: client.fleet.streaming == {"A", "B", "C"})
        await exchange.sockets[0].send("bug")
        with pytest.raises(RuntimeError, match="a bug in the adapter"):
            await task
        task = asyncio.create_task(client.take())
        await until(lambda: client.fleet.streaming == {"A", "B", "C"} and len(client.symbols) == 6)
        client.fleet.close()
        await task
