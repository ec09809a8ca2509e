"""Every exchange without holes, whatever its stream does: the trades that come out are those that were made, once."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from producers import holes, rest
from producers.adapter import Ids
from producers.filler import AuditTiming, Filler
from producers.holes import Memory
from producers.local_exchange.faults import HttpFault
from producers.local_exchange.server import LocalExchange
from producers.session import Session
from producers.source import Event
from schemas.gap_records import Gap, GapStatus
from schemas.records import Trade
from tests.unit.producers.feeds import QUICK, adapter_of, exchange_of, market, symbols_of, until
from tests.unit.producers.test_every_exchange import NAMES

AUDIT = AuditTiming(every_s=0.6, quiet_s=0.4, reconnected_s=0.3)


@pytest.fixture(autouse=True)
def _in_order_however_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer trades wait for missing ones as long as a busy machine takes."""
    monkeypatch.setattr(holes, "HOLD_S", 120.0)


class Whole:
    """What a filler publishes, and the gaps that it tells of."""

    def __init__(self, exchange: LocalExchange, name: str, timing: AuditTiming = AUDIT) -> None:
        adapter = adapter_of(exchange, name)
        self.session = Session(adapter, QUICK)
        ids: Ids = adapter.exchange.ids
        self.filler = Filler(self.session, Memory(name, ids), self._give, self._tell, timing)
        self.trades: list[Trade] = []
        self.gaps: list[Gap] = []

    async def run(self) -> None:
        async for batch in self.filler.events():
            await self._give(batch)

    async def _give(self, batch: Iterable[Event]) -> None:
        self.trades += [event for event in batch if isinstance(event, Trade)]

    async def _tell(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def ids(self, symbol: str) -> list[int]:
        return [trade.trade_id for trade in self.trades if trade.symbol == symbol]


@asynccontextmanager
async def whole_of(
    name: str, rate: int = 1_000, timing: AuditTiming = AUDIT
) -> AsyncIterator[tuple[LocalExchange, Whole]]:
    """A running exchange whose trades are of now, and what comes out of it without holes."""
    play = market(rate=rate, name=name, start=time.time_ns() // 1_000)
    async with exchange_of(play, name=name) as exchange:
        whole = Whole(exchange, name, timing)
        whole.session.set_symbols(symbols_of(name))
        tasks = [asyncio.create_task(whole.run()), asyncio.create_task(whole.filler.run())]
        try:
            await until(lambda: len(whole.trades) > 200)
            yield exchange, whole
        finally:
            whole.session.close()
            await asyncio.wait_for(tasks[0], 10)
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def until_whole(exchange: LocalExchange, whole: Whole, name: str) -> None:
    """Wait until what came out is all that was made up to now, once and in order."""
    made = {symbol: [t.trade_id for t in exchange.floor.history[symbol].newest(10_000)] for symbol in symbols_of(name)}
    await until(lambda: all(set(numbers) <= set(whole.ids(symbol)) for symbol, numbers in made.items()))
    for symbol, numbers in made.items():
        assert whole.ids(symbol)[: len(numbers)] == numbers


@pytest.mark.parametrize("name", NAMES)
async def test_cuts_under_load(name: str) -> None:
    async with whole_of(name) as (exchange, whole):
        for _ in range(2):
            exchange.cut(0.5)
            mark = whole.session.counters.connections
            await until(lambda mark=mark: whole.session.counters.connections > mark)
            await asyncio.sleep(0.5)
        await until_whole(exchange, whole, name)
        assert sum(trade.filled for trade in whole.trades) > 300
        assert {gap.status for gap in whole.gaps} <= {GapStatus.FILLED}


@pytest.mark.parametrize("name", NAMES)
async def test_a_cut_while_rest_refuses_and_answers_from_a_cache(name: str) -> None:
    async with whole_of(name) as (exchange, whole):
        exchange.floor.unseen = 50
        exchange.faults.calls.extend([HttpFault(429, "1"), HttpFault(503), HttpFault(418, "1")])
        exchange.cut(0.3)
        await until(lambda: not exchange.faults.calls)
        exchange.floor.unseen = 0
        await until_whole(exchange, whole, name)


@pytest.mark.parametrize("name", ["binance", "coinbase"])
async def test_trades_that_are_dropped_and_repeated(name: str) -> None:
    first, second = symbols_of(name)[:2]
    async with whole_of(name) as (exchange, whole):
        exchange.skip(first, 5)
        exchange.repeat_last(second)
        await until(lambda: not exchange.faults.skipped[first])
        await until_whole(exchange, whole, name)
        assert sum(trade.filled for trade in whole.trades if trade.symbol == first) == 5


async def test_trades_that_a_stream_leaves_out_whose_ids_leave_gaps_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "GRACE_S", 0.2)
    first, second = symbols_of("bitstamp")[:2]
    async with whole_of("bitstamp", timing=replace(AUDIT, compared_s=0.5)) as (exchange, whole):
        exchange.skip(first, 5)
        exchange.hold(second, 3)
        await until(lambda: not exchange.faults.skipped[first] and not exchange.faults.held[second])
        # on a busy machine REST may be faster than the stream
        await until(lambda: sum(trade.filled for trade in whole.trades) >= 8)
        exchange.release(second)
        made = {symbol: exchange.floor.history[symbol].newest(10_000) for symbol in symbols_of("bitstamp")}
        for symbol, trades in made.items():
            await until(lambda trades=trades, symbol=symbol: {t.trade_id for t in trades} <= set(whole.ids(symbol)))
        await asyncio.sleep(1.5)
    assert max(Counter((trade.symbol, trade.trade_id) for trade in whole.trades).values()) == 1
    assert {gap.symbol for gap in whole.gaps} >= {first, second}
    assert {gap.status for gap in whole.gaps} == {GapStatus.FILLED}
    assert sum(gap.filled_count for gap in whole.gaps) == sum(trade.filled for trade in whole.trades)


async def test_a_trade_that_only_a_heartbeat_tells_of() -> None:
    symbol = symbols_of("coinbase")[0]
    async with whole_of("coinbase", rate=300) as (exchange, whole):
        # no later trade shows that they are missing
        exchange.skip(symbol, 1_000_000)
        seen = len(whole.ids(symbol))
        await until(lambda: len(whole.ids(symbol)) > seen + 20)
        await until_whole(exchange, whole, "coinbase")


@asynccontextmanager
async def cut_before_the_end(name: str, *faults: HttpFault) -> AsyncIterator[Whole]:
    """What comes of a market that is cut and then ends, so that nothing newer shows what is missing."""
    play = market(1_000, 1_500, name=name, start=time.time_ns() // 1_000)
    async with exchange_of(play, name=name) as exchange:
        whole = Whole(exchange, name, AuditTiming(reconnected_s=0.3))
        whole.session.set_symbols(symbols_of(name))
        tasks = [asyncio.create_task(whole.run()), asyncio.create_task(whole.filler.run())]
        await until(lambda: len(whole.trades) > 1_000)
        exchange.cut(1)
        exchange.faults.calls += faults
        await until(exchange.finished.is_set)
        await until(lambda: len(whole.trades) == 1_500)
        assert not exchange.faults.calls
        await until_whole(exchange, whole, name)
        yield whole
        whole.session.close()
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_quiet_after_a_cut_is_asked_after(name: str) -> None:
    async with cut_before_the_end(name) as whole:
        assert not whole.filler.renewals


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_quiet_after_a_cut_is_asked_after_again_where_that_was_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "AGAIN_S", 0.1)
    async with cut_before_the_end(name, HttpFault(500), HttpFault(503)):
        pass


@pytest.mark.parametrize("name", NAMES)
async def test_a_subscription_that_is_acknowledged_and_silent(name: str) -> None:
    symbol = symbols_of(name)[0]
    async with whole_of(name, rate=300) as (exchange, whole):
        exchange.mute(symbol)
        seen = len(whole.ids(symbol))
        await until(lambda: whole.filler.renewals)
        await until(lambda: len(whole.ids(symbol)) > seen + 20)
        await until_whole(exchange, whole, name)


@pytest.mark.parametrize("name", NAMES)
async def test_ids_that_begin_anew_are_noticed_and_said_once_and_lose_nothing(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    symbol = symbols_of(name)[0]
    async with whole_of(name) as (exchange, whole):
        before = len(whole.ids(symbol))
        exchange.restart_ids()
        await until(lambda: len(whole.ids(symbol)) > before + 100)
        series = whole.filler.memory.of(symbol)
        # Ids that belong to all symbols are told from late ones by a time that is a minute later.
        expected = 0 if name == "bitstamp" else 1
        assert series.anew == expected
        await until(lambda: not series.begun)
        await asyncio.sleep(0.5)
        assert [gap.symbol for gap in whole.gaps if gap.begins_anew].count(symbol) == expected
        assert caplog.text.count(f"{name}:{symbol}: ids begin anew with ") == expected
        again = next(place for place, number in enumerate(whole.ids(symbol)) if number < 1_000_000)
        made = [trade.trade_id for trade in exchange.floor.history[symbol].newest(10_000)]
        since = whole.ids(symbol)[again:]
        assert since == made[: len(since)]
