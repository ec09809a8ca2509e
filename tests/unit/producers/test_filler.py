"""A session's holes filled from the local exchange's REST server, whatever that refuses on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import islice

import msgspec

from producers.binance.client import Binance
from producers.binance.history import BUDGET
from producers.filler import AuditTiming, Filler
from producers.holes import Memory
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import simulated_trades
from producers.rest import Rest
from producers.session import Session
from producers.source import Event
from schemas.records import Gap, GapStatus, Trade
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
    assert sum(gap.filled for gap in published.gaps) == 6_000 - exchange.sent.total()
