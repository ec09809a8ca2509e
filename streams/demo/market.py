"""What the local exchange plays: a simulated market for so many seconds, or a recorded day in that time."""

import sys
from dataclasses import dataclass
from pathlib import Path

from infra.supervisor import Program
from producers.recorded.errors import FileError
from producers.recorded.ordered import ordered
from schemas.symbols import split_instrument

SEED = 7
RATE = 250
"""Trades a second of the simulated market, all symbols together."""
SIMULATED = ("BTCUSDT", "ETHUSDT", "XRPUSDT", "ADAUSDT")

EXCHANGE = "local-exchange"

LIVELY = ("--chunks", "5", "--budget", "1000", "--buy-down", "0.001", "--profit", "0.001", "--rebuy", "0.002")
"""For the simulated market, which moves by half a percent every few hundred trades."""
FINE = ("--chunks", "20", "--budget", "1000", "--buy-down", "0.0002", "--profit", "0.0005", "--rebuy", "0.0005")
"""For a real day, on which prices drift away from where orders wait: more traders, smaller steps."""


@dataclass(frozen=True)
class MarketSession:
    """A play of `trades` trades of `symbols` that lasts about `seconds`.

    `arguments` are the local exchange's, `strategy` those of `hedgehog settings set`.
    """

    symbols: tuple[str, ...]
    trades: int
    seconds: float
    arguments: tuple[str, ...]
    strategy: tuple[str, ...]
    says: str

    def program(self, journal: Path) -> Program:
        """Return the local exchange, which waits until every symbol is subscribed.

        It is never started a second time: a market that begins anew is another market.
        """
        waiting = ("--wait-for-subscribers", ",".join(self.symbols), "--journal", str(journal))
        argv = (sys.executable, "-m", "producers.local_exchange.__main__", *self.arguments, *waiting)
        return Program(EXCHANGE, argv, restart=False)


KEPT_S = 86_400
"""So long a market that is kept stays open, unless Ctrl-C ends it: nothing is cut or killed within the first hours."""


def simulated(seconds: int) -> MarketSession:
    """Return a seeded market of symbols with different tick and step sizes."""
    count = RATE * seconds
    return MarketSession(
        symbols=SIMULATED,
        trades=count,
        seconds=seconds,
        arguments=(
            *("--seed", str(SEED), "--rate", str(RATE), "--count", str(count)),
            *("--symbols", ",".join(SIMULATED)),
        ),
        strategy=LIVELY,
        says=f"a simulated market: {len(SIMULATED)} symbols, {RATE} trades a second, seed {SEED}",
    )


def recorded(path: Path, seconds: int) -> MarketSession:
    """Return the market of a recorded file, so much faster that it lasts `seconds`. Raises `FileError`."""
    found = ordered([path])
    if found.bad is not None:
        raise FileError(f"{found.bad.origin}: {found.bad.error}")
    if not found.events:
        raise FileError(f"{path}: holds no trade")
    symbols = [split_instrument(instrument)[1] for instrument in found.trades]
    count, lasts = found.events, found.last_time - found.first_time
    speed = max(lasts / 1e6 / seconds, 1.0)
    return MarketSession(
        symbols=tuple(symbols),
        trades=count,
        seconds=lasts / 1e6 / speed,
        arguments=("--file", str(path.resolve()), "--speed", repr(speed)),
        strategy=FINE,
        says=f"{path.name}: {count:,} recorded trades of {', '.join(symbols)}, {speed:,.0f} times faster than recorded",
    )
