"""`python -m producers.local_exchange`: the local exchange, playing a simulated market or recorded files."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Iterator
from itertools import islice
from math import gcd
from pathlib import Path

from infra.config import load_config
from infra.ending import OF_THE_USER, ended
from producers.binance.exchange_info import EXCHANGE
from producers.local_exchange.dialects import DIALECTS
from producers.local_exchange.server import HISTORY, LocalExchange, Play
from producers.local_exchange.simulated import MARKETS, MARKETS_OF, Market, simulated_trades
from producers.logs import log_to_stderr
from producers.recorded.ordered import ordered_trades
from schemas.records import Instrument, Trade
from schemas.symbols import GLOBAL_IDS
from schemas.units import ONE

log = logging.getLogger(__name__)

QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY")


def simulated_exchange(
    seed: int,
    rate: int,
    port: int = 0,
    markets: tuple[Market, ...] = MARKETS,
    count: int | None = None,
    speed: float | None = 1.0,
    wait_for: frozenset[str] = frozenset(),
    journal: Path | None = None,
    tape: Path | None = None,
    history: int = HISTORY,
) -> LocalExchange:
    """Return an exchange that plays the simulated market from now on, `rate` trades a second, `count` in all.

    It speaks as the exchange of the first of `markets` does.
    """
    name = markets[0].exchange

    def trades() -> Iterator[Trade]:
        begin = time.time_ns() // 1_000
        return islice(simulated_trades(seed, rate, begin, markets, shared_ids=name in GLOBAL_IDS), count)

    described = [market.instrument() for market in markets]
    play = Play(trades, speed, wait_for, journal, tape, history)
    return LocalExchange(described, play, port, dialect=DIALECTS[name])


def recorded_exchange(
    paths: list[Path],
    port: int = 0,
    speed: float | None = 1.0,
    wait_for: frozenset[str] = frozenset(),
    journal: Path | None = None,
) -> LocalExchange:
    """Return an exchange that plays recorded files by their times. Raises `FileError`."""

    def trades() -> Iterator[Trade]:
        return ordered_trades(paths)

    return LocalExchange(describe(trades()), Play(trades, speed, wait_for, journal), port)


def describe(trades: Iterator[Trade]) -> list[Instrument]:
    """Return the markets that these trades were made on.

    A recording does not name its filters; tick and step are the largest that every price and quantity keeps.
    """
    ticks: dict[str, int] = {}
    steps: dict[str, int] = {}
    for trade in trades:
        ticks[trade.symbol] = gcd(ticks.get(trade.symbol, 0), trade.price)
        steps[trade.symbol] = gcd(steps.get(trade.symbol, 0), trade.quantity)
    return [
        Instrument(
            exchange=EXCHANGE,
            symbol=symbol,
            base_asset=symbol.removesuffix(quote),
            quote_asset=quote,
            tick_size=tick,
            min_price=tick,
            max_price=1_000_000 * ONE,
            step_size=steps[symbol],
            min_quantity=steps[symbol],
            max_quantity=9_000_000_000 * ONE,
        )
        for symbol, tick in ticks.items()
        for quote in [next((quote for quote in QUOTES if symbol.endswith(quote)), "")]
    ]


async def serve(exchange: LocalExchange) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await exchange.start()
    log.info("local exchange: %s, %s", exchange.stream_url, exchange.rest_url)
    serving, stopping = asyncio.create_task(exchange.run()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        for task in (serving, stopping):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        await exchange.stop()
    log.info("local exchange: %d trades sent", exchange.sent.total())


def main() -> int:
    """Return 0 after SIGTERM or SIGINT, 1 when it cannot play or listen; wrong arguments exit with 2."""
    options = _arguments()
    log_to_stderr()
    speed = None if options.flat_out else options.speed
    try:
        port = load_config().port("local_exchange") if options.port is None else options.port
        if not 0 <= port <= 65_535:
            raise ValueError(f"--port: {port} is not between 0 and 65535")
        markets = _markets(options.exchange, options.symbols)
        wait_for = frozenset(_split(options.wait_for_subscribers))
        if options.file:
            exchange = recorded_exchange(options.file, port, speed, wait_for, options.journal)
        else:
            exchange = simulated_exchange(
                *(options.seed, options.rate, port, markets, options.count, speed, wait_for),
                *(options.journal, options.tape, options.history),
            )
        asyncio.run(serve(exchange))
    except OF_THE_USER as error:
        return ended(error)
    except ValueError as error:
        print(f"hedgehog: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m producers.local_exchange", description=__doc__)
    parser.add_argument("--exchange", default=EXCHANGE, choices=list(DIALECTS), help="whose protocol it speaks")
    parser.add_argument("--port", type=int, help="default: the configured one; 0 for a free one")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated market")
    parser.add_argument("--rate", type=int, default=50, help="simulated trades a second, all symbols together")
    parser.add_argument("--count", type=int, help="end the simulated market after so many trades")
    parser.add_argument("--symbols", default="", help="of the simulated market, by commas (default: all)")
    parser.add_argument("--file", type=Path, action="append", help="play this recording instead; repeatable")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--speed", type=float, default=1.0, help="so many times the pace of the trades")
    pace.add_argument("--flat-out", action="store_true", help="as fast as the subscribers take them")
    parser.add_argument(
        "--wait-for-subscribers", default="", metavar="SYMBOLS", help="begin when all of these are subscribed"
    )
    parser.add_argument("--journal", type=Path, help="write what was sent to this file, as a recording")
    parser.add_argument("--tape", type=Path, help="write every simulated trade to this file, sent or not")
    parser.add_argument("--history", type=int, default=HISTORY, help="simulated trades a symbol that REST can tell of")
    return parser.parse_args()


def _split(text: str) -> list[str]:
    return [name.strip().upper() for name in text.split(",") if name.strip()]


def _markets(exchange: str, text: str) -> tuple[Market, ...]:
    listed = MARKETS_OF[exchange]
    known = {market.symbol: market for market in listed}
    unknown = [name for name in _split(text) if name not in known]
    if unknown:
        raise ValueError(f"--symbols: {', '.join(unknown)} not among {', '.join(known)}")
    return tuple(known[name] for name in _split(text)) or listed


if __name__ == "__main__":
    sys.exit(main())
