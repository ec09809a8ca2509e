"""What the tests of sessions share: a local exchange with a market, and a client that keeps what a session gives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice

from producers.connection import Timing
from producers.local_exchange.server import LocalExchange, Manners, Play
from producers.local_exchange.simulated import MARKETS, simulated_trades
from producers.sequence import Gap, StepBack, TradeIds
from producers.session import Session
from producers.source import BadRecord, Event
from schemas.records import Trade

SYMBOLS = [market.symbol for market in MARKETS]
START = 1_700_000_000_123_456
QUICK = Timing(overlap_s=0.2, backoff_s=0.01, backoff_max_s=0.05, tick_s=0.02)
DEADLINE_S = 20.0


class Client:
    """A running session and everything it gave."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.events: list[Event] = []
        self.task = asyncio.create_task(self._collect())

    async def _collect(self) -> None:
        async for batch in self.session.events():
            self.events += batch

    @property
    def trades(self) -> list[Trade]:
        return [event for event in self.events if isinstance(event, Trade)]

    @property
    def bad(self) -> list[BadRecord]:
        return [event for event in self.events if isinstance(event, BadRecord)]

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
async def client_of(session: Session, symbols: list[str] = SYMBOLS) -> AsyncIterator[Client]:
    session.set_symbols(symbols)
    client = Client(session)
    try:
        yield client
    finally:
        session.close()
        async with asyncio.timeout(DEADLINE_S):
            await client.task


def odd(trades: list[Trade]) -> list[Gap | StepBack]:
    """What is wrong about the ids."""
    ids = TradeIds()
    return [wrong for trade in trades if (wrong := ids.observe(trade.instrument, trade.trade_id))]
