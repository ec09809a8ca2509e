"""A session's holes filled from the local exchange's REST server, whatever that refuses on the way."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import islice

import msgspec
import pytest

from producers import filler as filler_module
from producers import holes, rest
from producers.binance.client import Binance
from producers.binance.history import BUDGET
from producers.filler import GOES_ON, AuditTiming, Filler
from producers.gap_records import ASKED_AGAIN
from producers.holes import Memory
from producers.local_exchange.faults import HttpFault
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import simulated_trades
from producers.rest import Rest
from producers.session import Session
from producers.source import Event
from schemas.gap_records import Gap, GapStatus
from schemas.records import Trade
from tests.unit.producers.feeds import QUICK, START, SYMBOLS, exchange_of, until


class Published:
    """Stands for the topics of trades and gaps."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.gaps: list[Gap] = []

    async def give(self, batch: Iterable[Event]) -> None:
        self.trades += [event for event in batch if isinstance(event, Trade)]

    async def tell(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def by_symbol(self) -> dict[str, list[Trade]]:
        return by_symbol(self.trades)


def by_symbol(trades: Iterable[Trade]) -> dict[str, list[Trade]]:
    """The trades of each symbol in their order, but for when and how they came."""
    found: dict[str, list[Trade]] = {}
    for trade in trades:
        found.setdefault(trade.symbol, []).append(msgspec.structs.replace(trade, received_time=0, filled=False))
    return found


def market(count: int, rate: int = 2_000) -> Play:
    trades: Callable[[], Iterable[Trade]] = lambda: islice(simulated_trades(3, rate, START), count)  # noqa: E731
    return Play(lambda: iter(trades()), wait_for=frozenset(SYMBOLS), history=1_000_000)


@asynccontextmanager
async def filling(
    exchange: LocalExchange, timing: AuditTiming | None = None
) -> AsyncIterator[tuple[Filler, Published]]:
    session = Session(Binance(exchange.stream_url, rest=Rest(exchange.rest_url, BUDGET)), QUICK)
    session.set_symbols(SYMBOLS)
    published = Published()
    filler = Filler(session, Memory("binance", "contiguous"), published.give, published.tell, timing)

    async def stream() -> None:
        async for batch in filler.events():
            await published.give(batch)

    tasks = [asyncio.create_task(stream()), asyncio.create_task(filler.run())]
    try:
        yield filler, published
        session.close()
        await tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_connections_that_are_lost_leave_no_hole() -> None:
    async with exchange_of(market(6_000)) as exchange, filling(exchange) as (filler, published):
        for cuts in range(1, 4):
            await asyncio.sleep(0.5)
            exchange.cut(0.2)
            await until(lambda cuts=cuts: filler.session.counters.connections > cuts)
        await until(lambda: len(published.trades) == 6_000)
    assert published.by_symbol() == by_symbol(islice(simulated_trades(3, 2_000, START), 6_000))
    assert sum(trade.filled for trade in published.trades) == 6_000 - exchange.sent.total() > 500
    assert {gap.status for gap in published.gaps} == {GapStatus.FILLED}
    assert sum(gap.filled_count for gap in published.gaps) == 6_000 - exchange.sent.total()


@pytest.mark.parametrize(
    "fault",
    [HttpFault(429, "1"), HttpFault(418, "1"), HttpFault(503, "1"), HttpFault(500)],
    ids=lambda f: str(f.status),
)
async def test_a_refusal_is_waited_for(fault: HttpFault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "AGAIN_S", 1.0)
    async with exchange_of(market(3_000)) as exchange, filling(exchange) as (_, published):
        await until(lambda: len(published.trades) > 500)
        exchange.faults.calls.append(fault)
        began = time.monotonic()
        exchange.skip("XRPUSDT", 3)
        await until(lambda: published.gaps)
        assert time.monotonic() - began > 1
        await until(lambda: len(published.trades) == 3_000)
    assert published.by_symbol() == by_symbol(islice(simulated_trades(3, 2_000, START), 3_000))


async def test_what_is_refused_for_good_is_lost_and_holds_nobody_up() -> None:
    async with exchange_of(market(3_000)) as exchange, filling(exchange) as (_, published):
        await until(lambda: len(published.trades) > 500)
        exchange.faults.calls.append(HttpFault(403, body="not from here"))
        exchange.skip("XRPUSDT", 3)
        await until(lambda: published.gaps and len(published.trades) == 2_997)
    (gap,) = published.gaps
    assert (gap.status, gap.symbol, gap.missing, gap.filled_count) == (GapStatus.LOST, "XRPUSDT", 3, 0)
    assert gap.last_id - gap.first_id == 2
    assert "HTTP 403: not from here" in (gap.reason or "")


async def test_trades_that_wait_too_long_go_on_after_the_gap_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "HOLD_S", 0.5)
    async with exchange_of(market(4_000)) as exchange, filling(exchange) as (_, published):
        await until(lambda: len(published.trades) > 500)
        exchange.faults.calls.append(HttpFault(503, "1"))
        exchange.skip("XRPUSDT", 3)
        await until(lambda: published.gaps)
        (opened,) = published.gaps
        assert (opened.status, opened.missing) == (GapStatus.OPEN, 3)
        await until(lambda: len(published.trades) == 4_000)
    assert [gap.status for gap in published.gaps] == [GapStatus.OPEN, GapStatus.FILLED]
    assert published.gaps[1].key == opened.key
    late = [trade.trade_id for trade in published.trades if trade.filled]
    assert late == list(range(opened.first_id, opened.last_id + 1))
    ids = [trade.trade_id for trade in published.trades if trade.symbol == "XRPUSDT"]
    assert ids.index(late[0]) > ids.index(opened.last_id + 1)
    assert len(ids) == len(set(ids))


async def test_a_subscription_that_is_silent_is_found_and_made_anew(caplog: pytest.LogCaptureFixture) -> None:
    audits = AuditTiming(every_s=0.6, quiet_s=0.3)
    async with exchange_of(market(20_000, 4_000)) as exchange, filling(exchange, audits) as (filler, published):
        await until(lambda: len(published.trades) > 500)
        exchange.mute("XRPUSDT")
        await until(lambda: filler.renewals)
        await until(lambda: len(published.trades) == 20_000)
    assert published.by_symbol() == by_symbol(islice(simulated_trades(3, 4_000, START), 20_000))
    assert "binance: the stream is silent on XRPUSDT: subscribing anew" in caplog.text
    counters = filler.session.counters  # where the machine is slow it is renewed twice, then by a handover
    assert (counters.reconnects, counters.failures) == (0, 0)


async def test_a_gap_of_before_is_asked_for_but_for_what_was_published_since() -> None:
    async with exchange_of(market(3_000)) as exchange, filling(exchange) as (filler, published):
        await until(lambda: len(published.trades) == 3_000)
        trades = [trade for trade in published.trades if trade.symbol == "XRPUSDT"]
        first, last = trades[10], trades[19]
        gap = Gap(
            exchange="binance",
            symbol="XRPUSDT",
            first_id=first.trade_id,
            last_id=last.trade_id,
            before_time=trades[9].trade_time,
            after_time=trades[20].trade_time,
            status=GapStatus.OPEN,
            filled_count=4,
            opened_time=123,
            updated_time=456,
        )

        async def in_topic(asked: Gap) -> list[int]:
            assert asked == gap
            assert not published.gaps
            return [first.trade_id, trades[15].trade_id]

        await filler.reopen(gap, in_topic)
        await until(lambda: published.gaps)
    (closed,) = published.gaps
    assert (closed.key, closed.status, closed.filled_count, closed.missing) == (gap.key, GapStatus.FILLED, 12, 0)
    again = [trade.trade_id for trade in published.trades if trade.filled]
    assert again == [trade.trade_id for trade in trades[11:20] if trade is not trades[15]]


@pytest.mark.parametrize("count", [0, 4])
async def test_what_is_asked_for_with_newer_trades_is_not_asked_for_besides(count: int) -> None:
    """Of a gap of before that reaches beyond the newest trade; so its trades do not come twice."""
    async with exchange_of(market(1_000)) as exchange, filling(exchange) as (filler, published):
        await until(lambda: len(published.trades) == 1_000)
        numbers = [trade.trade_id for trade in published.trades if trade.symbol == "XRPUSDT"]
        first, last = numbers[10], numbers[15]
        gap = Gap(
            exchange="binance",
            symbol="XRPUSDT",
            first_id=first,
            last_id=last,
            before_time=0,
            after_time=START + 10_000_000,
            status=GapStatus.OPEN,
            opened_time=123,
            updated_time=456,
        )
        filler.memory.cut[gap.key] = first + count - 1

        async def in_topic(asked: Gap) -> list[int]:
            assert (asked.first_id, asked.last_id) == (first, first + count - 1)
            return []

        await filler.reopen(gap, in_topic)
        await until(lambda: published.gaps)
    (closed,) = published.gaps
    assert (closed.key, closed.status, closed.missing) == (gap.key, GapStatus.FILLED, 0)
    assert (closed.filled_count, closed.last_id) == ((count, first + count - 1) if count else (0, last))
    assert closed.reason == (None if count else GOES_ON)
    assert [trade.trade_id for trade in published.trades if trade.filled] == numbers[10 : 10 + count]
    assert filler.memory.cut == {}


@pytest.mark.parametrize(("reason", "asks"), [("", False), (ASKED_AGAIN, True)])
async def test_a_giant_gap_is_asked_for_only_where_people_want_it(
    reason: str, asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filler_module, "ASKED_MAX", 5)
    async with exchange_of(market(1_000)) as exchange, filling(exchange) as (filler, published):
        await until(lambda: len(published.trades) == 1_000)
        numbers = [trade.trade_id for trade in published.trades if trade.symbol == "XRPUSDT"]
        gap = Gap(
            exchange="binance",
            symbol="XRPUSDT",
            first_id=numbers[10],
            last_id=numbers[15],
            before_time=0,
            after_time=START + 10_000_000,
            status=GapStatus.OPEN,
            reason=reason,
            opened_time=123,
            updated_time=456,
        )

        async def in_topic(_: Gap) -> list[int]:
            return []

        await filler.reopen(gap, in_topic)
        await until(lambda: published.gaps)
    (closed,) = published.gaps
    assert (closed.status, closed.filled_count) == ((GapStatus.FILLED, 6) if asks else (GapStatus.LOST, 0))
    assert bool(exchange.rest.came["/api/v3/historicalTrades"]) is asks
