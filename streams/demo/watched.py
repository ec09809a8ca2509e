"""The two other exchanges of the demo, whose markets are watched: programs of their own, one of which is cut off."""

import sys
from dataclasses import dataclass
from pathlib import Path

from infra.config import LOOPBACK, Config
from infra.supervisor import Program
from streams.demo.place import EXCHANGES, Place

RATE = 50
"""Trades a second of each exchange, all symbols together."""
SEED = 11
CUT_AT = 0.25
"""When the feed is cut, as a part of the time for which the market is open."""
CUT_S = 5.0
SYMBOLS = {"coinbase": ("BTC-USD", "ETH-USD", "LTC-USD"), "bitstamp": ("BTCUSD", "ETHUSD", "LTCUSD")}
WISHES = ("--deviation", "0.006", "--apart", "0.008", "--coverage", "10s", "--cooldown", "20s")
"""For a minute of a lively market."""


@dataclass(frozen=True)
class WatchedExchange:
    """One of them, and what it plays."""

    name: str
    symbols: tuple[str, ...]
    port: int
    tape: Path
    """Every trade that it makes, whether somebody was there to hear of it or not."""
    trades: int

    @property
    def url(self) -> str:
        """Its REST server."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def program_name(self) -> str:
        """The name of its program."""
        return f"local-{self.name}"

    @property
    def instruments(self) -> tuple[str, ...]:
        """Its instruments."""
        return tuple(f"{self.name}:{symbol}" for symbol in self.symbols)

    def program(self) -> Program:
        """Return its program, which waits until every symbol is subscribed."""
        symbols = ",".join(self.symbols)
        argv = (
            *(sys.executable, "-m", "producers.local_exchange.__main__", "--exchange", self.name),
            *("--port", str(self.port), "--symbols", symbols, "--wait-for-subscribers", symbols),
            *("--seed", str(SEED), "--rate", str(RATE), "--count", str(self.trades), "--tape", str(self.tape)),
        )
        return Program(self.program_name, argv, restart=False)


def watched_exchanges(config: Config, place: Place, seconds: float) -> tuple[WatchedExchange, ...]:
    """Return both, each for so many seconds."""
    first, trades = config.port("local_exchange"), max(1, int(RATE * seconds))
    return tuple(
        WatchedExchange(name, symbols, first + EXCHANGES.index(name), place.home / f"{name}.csv", trades)
        for name, symbols in SYMBOLS.items()
    )
