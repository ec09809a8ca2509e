"""How fast a hole is filled: trades asked of a local exchange's REST server, published, acknowledged."""

import asyncio
import time
from itertools import islice

from infra.config import Config
from producers.binance.client import Binance
from producers.binance.history import BUDGET, TRADES_MAX, TRADES_WEIGHT
from producers.filler import Filler
from producers.gap_records import GapRecords
from producers.holes import Memory
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import MARKETS, simulated_trades
from producers.publisher import Publisher
from producers.pump import Pump
from producers.rest import Budget, Rest
from producers.session import Session
from schemas.gap_records import Gap, GapStatus
from tests.bench.world import world

AMPLE = Budget(weight=1e9, seconds=1, burst=1e9)
"""No budget: what is measured is ours."""
EXCHANGE_TRADES_PER_S = round(BUDGET.weight / BUDGET.seconds / TRADES_WEIGHT * TRADES_MAX)
"""What the exchange's limit would allow."""
START = 1_735_689_600_000_000


def fill_trades_per_s(count: int) -> float:
    """Trades a second: a hole of `count` trades of one instrument, until the broker has them all."""
    with world("filling") as w:
        return asyncio.run(_filled(w.config, count))


async def _filled(config: Config, count: int) -> float:
    market = MARKETS[0]
    exchange = LocalExchange([market.instrument()], Play(lambda: iter(()), history=count + 2))
    trades = list(islice(simulated_trades(1, 1_000, START, (market,)), count + 2))
    for trade in trades:
        exchange.floor.history[market.symbol].append(trade)
    await exchange.start()
    try:
        with Publisher(config) as publisher:
            publisher.connect()
            pump = Pump(config, publisher, ())
            memory, closed = Memory("binance", "contiguous"), asyncio.Event()
            records = GapRecords(config, publisher)

            async def tell(gap: Gap) -> None:
                await records.tell(gap)
                if gap.status is not GapStatus.OPEN:
                    closed.set()

            session = Session(Binance(exchange.stream_url, rest=Rest(exchange.rest_url, AMPLE)))
            filler = Filler(session, memory, pump.give, tell)
            polling = asyncio.create_task(_poll(publisher))
            running = asyncio.create_task(filler.run())
            begin = time.monotonic()
            await pump.give(memory.live([trades[0], trades[-1]], begin))
            await closed.wait()
            await asyncio.to_thread(publisher.flush)
            took = time.monotonic() - begin
            running.cancel()
            polling.cancel()
            await asyncio.gather(running, polling, return_exceptions=True)
            assert publisher.delivered >= count
            return count / took
    finally:
        await exchange.stop()


async def _poll(publisher: Publisher) -> None:
    while True:
        await asyncio.sleep(0.05)
        publisher.poll()
