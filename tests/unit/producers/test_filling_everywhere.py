"""Cuts, drops and stale caches of each exchange in its own words: all trades are given, each once."""

import asyncio
import time
from dataclasses import replace
from itertools import islice

import msgspec
import pytest

from producers.exchanges import EXCHANGES
from producers.filler import Filler
from producers.holes import Memory
from producers.local_exchange.simulated import MARKETS_OF, SHARED_IDS, simulated_trades
from producers.session import Session
from schemas.records import GapStatus, Trade
from tests.unit.producers.feeds import QUICK, adapter_of, exchange_of, market, symbols_of, until
from tests.unit.producers.test_filler import Published

SECOND = 1_000_000
NAMES = [exchange.name for exchange in EXCHANGES]
CONTIGUOUS = [exchange.name for exchange in EXCHANGES if exchange.ids == "contiguous"]


def same(trades: list[Trade], name: str, exchange: str | None = None) -> dict[str, list[Trade]]:
    """The trades of each symbol as they can be told from REST as well: Bitstamp's times are seconds there.

    A recording names no exchange: `exchange` does.
    """
    unit = SECOND if name == "bitstamp" else 1
    found: dict[str, list[Trade]] = {}
    for trade in trades:
        moment = trade.trade_time // unit * unit
        plain = {"received_time": 0, "filled": False, "buyer_order_id": None, "seller_order_id": None}
        kept = msgspec.structs.replace(trade, trade_time=moment, event_time=moment, **plain)
        if exchange is not None:
            kept = msgspec.structs.replace(kept, exchange=exchange)
        found.setdefault(trade.symbol, []).append(kept)
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_all_is_given_once_and_in_order(name: str) -> None:
    count, start = 6_000, time.time_ns() // 1_000
    play = replace(market(2_000, count, name=name, start=start), history=100_000)
    async with exchange_of(play, name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        session.set_symbols(symbols_of(name))
        published = Published()
        filler = Filler(session, Memory(name, session.exchange.ids), published.give, published.tell)

        async def stream() -> None:
            async for batch in filler.events():
                await published.give(batch)

        tasks = [asyncio.create_task(stream()), asyncio.create_task(filler.run())]
        try:
            for _ in range(3):
                mark = exchange.sent.total() + 700
                await until(lambda mark=mark: exchange.sent.total() > mark)
                exchange.cut(0.3)
                exchange.floor.unseen = 50 - exchange.floor.unseen
            exchange.floor.unseen = 0
            await until(lambda: len(published.trades) == count)
        finally:
            session.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    made = list(islice(simulated_trades(3, 2_000, start, MARKETS_OF[name], name in SHARED_IDS), count))
    assert same(published.trades, name) == same(made, name)
    assert sum(trade.filled for trade in published.trades) == count - exchange.sent.total() > 500
    assert {gap.status for gap in published.gaps} == {GapStatus.FILLED}


@pytest.mark.parametrize("name", CONTIGUOUS)
async def test_single_trades_that_were_dropped_repeated_or_late(name: str) -> None:
    count, start = 6_000, time.time_ns() // 1_000
    async with exchange_of(market(2_000, count, name=name, start=start), name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        session.set_symbols(symbols_of(name))
        published = Published()
        filler = Filler(session, Memory(name, session.exchange.ids), published.give, published.tell)

        async def stream() -> None:
            async for batch in filler.events():
                await published.give(batch)

        tasks = [asyncio.create_task(stream()), asyncio.create_task(filler.run())]
        try:
            for symbol in symbols_of(name) * 2:
                mark = exchange.sent.total() + 300
                await until(lambda mark=mark: exchange.sent.total() > mark)
                exchange.skip(symbol, 2)
                exchange.repeat_last(symbol)
                exchange.hold(symbol, 1)
                await asyncio.sleep(0.02)
                exchange.release(symbol)
            await until(lambda: len(published.trades) == count)
        finally:
            session.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    made = list(islice(simulated_trades(3, 2_000, start, MARKETS_OF[name], name in SHARED_IDS), count))
    assert same(published.trades, name) == same(made, name)


async def test_a_trade_that_only_a_heartbeat_tells_of_is_filled() -> None:
    start = time.time_ns() // 1_000
    async with exchange_of(market(200, 400, name="coinbase", start=start), name="coinbase") as exchange:
        session = Session(adapter_of(exchange, "coinbase"), QUICK)
        session.set_symbols(symbols_of("coinbase"))
        published = Published()
        filler = Filler(session, Memory("coinbase", "contiguous"), published.give, published.tell)

        async def stream() -> None:
            async for batch in filler.events():
                await published.give(batch)

        tasks = [asyncio.create_task(stream()), asyncio.create_task(filler.run())]
        try:
            await until(lambda: exchange.sent.total() > 50)
            # all the rest: no later trade shows that they are missing
            exchange.skip(symbols_of("coinbase")[0], 1_000)
            await until(lambda: len(published.trades) == 400)
        finally:
            session.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert any(trade.filled for trade in published.trades)
