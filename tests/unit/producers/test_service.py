"""Several exchanges side by side: whatever one does, the other loses nothing."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import cast

import pytest

from producers.adapter import Address, Newest
from producers.binance.client import Binance
from producers.filler import Filler
from producers.holes import Memory
from producers.publisher import DeliveryError
from producers.pump import PublishError, Pump
from producers.service import status, stream
from producers.session import Counters, Session
from producers.source import Event, Source
from schemas.gap_records import Gap
from schemas.records import Trade
from tests.unit.producers.feeds import QUICK, exchange_of, market, odd, until
from tests.unit.producers.tiny import Tiny, TinyExchange


class Kept:
    """Stands for the pump: keeps the trades, and fails once where a test says so."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.gaps: list[Gap] = []
        self.fail: Exception | None = None

    async def give(self, batch: Iterable[Event]) -> None:
        self.trades += [event for event in batch if isinstance(event, Trade)]

    async def run(self, source: Source) -> None:
        async with aclosing(source.events()) as batches:
            async for batch in batches:
                fail, self.fail = self.fail, None
                if fail is not None:
                    raise fail
                self.trades += [event for event in batch if isinstance(event, Trade)]

    def ids(self, exchange: str) -> list[int]:
        return [trade.trade_id for trade in self.trades if trade.exchange == exchange]

    def report(self, exchange: str) -> str:
        return f"trades {len(self.ids(exchange))}"


def filling(session: Session, kept: Kept) -> Filler:
    async def tell(gap: Gap) -> None:
        kept.gaps.append(gap)

    return Filler(session, Memory(session.exchange.name, session.exchange.ids), kept.give, tell)


async def streamed(session: Session, kept: Kept) -> None:
    filler = filling(session, kept)
    beside = asyncio.create_task(filler.run())
    try:
        await stream(filler, cast(Pump, kept))
    finally:
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)


Misbehaves = Callable[[Counters], bool]
# what the other exchange does all the time → how its counters show it
OTHERS: dict[str, tuple[Callable[[], TinyExchange], Misbehaves]] = {
    "refuses": (TinyExchange, lambda counters: counters.failures > 20 and not counters.connections),
    "cuts": (lambda: TinyExchange(cuts=True), lambda counters: counters.reconnects > 5),
    "makes the adapter fail": (lambda: TinyExchange(after_subscribing=["bug"]), lambda counters: counters.crashes > 5),
    "refuses every symbol": (lambda: TinyExchange(unknown=["XRPUSDT"]), lambda counters: counters.connections == 1),
}


@pytest.mark.parametrize("what", OTHERS)
async def test_an_exchange_that_misbehaves_all_the_time_costs_the_other_no_trade(what: str) -> None:
    make_other, misbehaves = OTHERS[what]
    other, kept = make_other(), Kept()
    async with AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(exchange_of(market(rate=2_000)))
        await stack.enter_async_context(other)
        other.refusing = what == "refuses"
        good, bad = Session(Binance(exchange.stream_url), QUICK), Session(Tiny(other.url), QUICK)
        tasks = [asyncio.create_task(streamed(session, kept)) for session in (good, bad)]
        good.set_symbols(["XRPUSDT", "ETHUSDT", "BTCUSDT", "ADAUSDT", "PEPEUSDT"])
        bad.set_symbols(["XRPUSDT"])
        await until(lambda: len(kept.ids("binance")) > 1_000 and misbehaves(bad.counters))
        for session in (good, bad):
            session.close()
        await asyncio.gather(*tasks)
        received = [trade for trade in kept.trades if trade.exchange == "binance"]
        assert len(received) == exchange.sent.total()
    assert not odd(received)
    assert good.counters == Counters(connections=1)


async def test_a_session_that_crashed_begins_anew_with_the_symbols_it_had() -> None:
    kept = Kept()
    async with TinyExchange() as exchange:
        session = Session(Tiny(exchange.url), QUICK)
        session.set_symbols(["A", "B"])
        task = asyncio.create_task(streamed(session, kept))
        await until(lambda: kept.ids("tiny") == [1, 2])
        await exchange.sockets[0].send("bug")
        await until(lambda: kept.ids("tiny") == [1, 2, 3, 4])
        assert session.counters == Counters(connections=2, crashes=1)
        assert exchange.requests[-2:] == ["+A", "+B"]
        kept.fail = RuntimeError("a bug behind the session")
        await exchange.sockets[1].send("A 5")
        await until(lambda: session.counters.crashes == 2)
        await until(lambda: len(exchange.sockets) == 3 and session.streaming == {"A", "B"})
        session.close()
        await task
        assert kept.ids("tiny")[:4] == [1, 2, 3, 4]
        assert "CRASHES 2" in status(filling(session, kept), cast(Pump, kept))


async def test_a_crash_on_the_way_to_a_successor_begins_anew_too() -> None:
    class SecondAddressFails(Tiny):
        asked = 0

        def address(self, symbols: Sequence[str]) -> Address:
            type(self).asked += 1
            if self.asked == 2:
                raise RuntimeError("no address")
            return super().address(symbols)

    kept = Kept()
    async with TinyExchange() as exchange:
        session = Session(SecondAddressFails(exchange.url), QUICK)
        session.set_symbols(["A"])
        task = asyncio.create_task(streamed(session, kept))
        await until(lambda: kept.ids("tiny") == [1])
        await exchange.sockets[0].send("bye")
        await until(lambda: kept.ids("tiny") == [1, 2])
        assert session.counters == Counters(connections=2, crashes=1)
        session.close()
        await task


async def test_a_crash_before_there_is_a_connection_waits_longer_each_time() -> None:
    slept: list[float] = []

    class NoAddress(Tiny):
        def address(self, symbols: Sequence[str]) -> Address:
            raise RuntimeError("no address")

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    timing = replace(QUICK, backoff_s=0.5, backoff_max_s=60)
    session = Session(NoAddress(""), timing, sleep=sleep)
    session.set_symbols(["A"])
    task = asyncio.create_task(streamed(session, Kept()))
    await until(lambda: session.counters.crashes > 9)
    session.close()
    await task
    assert max(slept) > 10


@pytest.mark.parametrize("error", [DeliveryError("lost"), PublishError("lost")])
async def test_what_is_lost_on_the_way_to_the_broker_is_an_error_of_all(error: Exception) -> None:
    """Else the session would go on behind a hole that nobody knows of."""
    kept = Kept()
    kept.fail = error
    async with TinyExchange() as exchange:
        session = Session(Tiny(exchange.url), QUICK)
        session.set_symbols(["A"])
        with pytest.raises(type(error), match="lost"):
            await streamed(session, kept)
        assert session.counters.crashes == 0
        assert not session.streaming, "its connection is closed"


async def test_a_status_line_names_its_exchange() -> None:
    session = Session(Tiny("ws://127.0.0.1:1"))
    filler = filling(session, Kept())
    line = "tiny: streaming 0; trades 0; connections 0, reconnects 0, handovers 0, failures 0"
    assert status(filler, cast(Pump, Kept())) == line
    filler.memory.claim(Newest("A", 1), 0)
    filler.memory.claim(Newest("A", 5), 0)
    filler.memory.overdue(0, 0)
    filler.memory.claim(Newest("A", 5), 0)
    filler.memory.overdue(9, 0)
    assert status(filler, cast(Pump, Kept())) == f"{line}; FILLING 1 gaps"
