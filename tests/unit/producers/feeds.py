"""What the tests of sessions share: a local exchange with a market, and a client that keeps what a session gives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice

from producers.binance.client import Binance
from producers.bitstamp.client import Bitstamp
from producers.coinbase.client import Coinbase
from producers.connection import Timing
from producers.local_exchange.dialects import DIALECTS
from producers.local_exchange.server import LocalExchange, Manners, Play
from producers.local_exchange.simulated import MARKETS, MARKETS_OF, simulated_trades
from producers.rest import Budget, Rest
from producers.sequence import Gap, StepBack, TradeIds
from producers.session import Session
from producers.source import BadRecord, Event
from schemas.records import Trade
from schemas.symbols import GLOBAL_IDS

SYMBOLS = [market.symbol for market in MARKETS]
START = 1_700_000_000_123_456
QUICK = Timing(overlap_s=0.2, backoff_s=0.01, backoff_max_s=0.05, tick_s=0.02)
DEADLINE_S = 20.0
ADAPTERS: dict[str, type[Binance | Coinbase | Bitstamp]] = {
    "binance": Binance,
    "coinbase": Coinbase,
    "bitstamp": Bitstamp,
}


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


def market(
    rate: int = 2_000,
    count: int | None = None,
    wait: bool = True,
    speed: float | None = 1.0,
    name: str = "binance",
    start: int = START,
) -> Play:
    """The simulated market from a fixed time on."""
    return Play(
        lambda: islice(simulated_trades(3, rate, start, MARKETS_OF[name], name in GLOBAL_IDS), count),
        speed,
        frozenset(symbols_of(name)) if wait else frozenset(),
    )


def symbols_of(name: str) -> list[str]:
    return [item.symbol for item in MARKETS_OF[name]]


def adapter_of(exchange: LocalExchange, name: str) -> Binance | Coinbase | Bitstamp:
    """The adapter of an exchange, with the addresses of the local one and a budget that no test has to wait for."""
    rest = Rest(exchange.rest_url, Budget(1_000, 1, 1_000))
    kinds: dict[str, type[Binance | Coinbase | Bitstamp]] = {
        "binance": Binance,
        "coinbase": Coinbase,
        "bitstamp": Bitstamp,
    }
    return kinds[name](exchange.stream_url, rest=rest)


@asynccontextmanager
async def exchange_of(
    play: Play, manners: Manners | None = None, name: str = "binance"
) -> AsyncIterator[LocalExchange]:
    exchange = LocalExchange([item.instrument() for item in MARKETS_OF[name]], play, 0, manners, DIALECTS[name])
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
    return [wrong for trade in trades if (wrong := ids.observe(trade.instrument, trade.trade_id, trade.trade_time))]
