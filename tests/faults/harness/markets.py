"""The markets of three exchanges, each behind a link, in a thread of their own."""

import random
from pathlib import Path

from infra.config import LOOPBACK
from producers.local_exchange.__main__ import simulated_exchange
from producers.local_exchange.server import LocalExchange
from producers.local_exchange.simulated import MARKETS_OF, Market
from tests.faults.harness.links import Link
from tests.faults.harness.loop import LoopThread

RATE = 120
"""Trades a second of each exchange."""
HISTORY = 1_000_000
SYMBOLS_EACH = 4


class Exchange:
    """One exchange: its server, the link before it, and the file of all trades that it made."""

    def __init__(self, name: str, folder: Path, seed: int) -> None:
        self.name = name
        self.markets: tuple[Market, ...] = MARKETS_OF[name][:SYMBOLS_EACH]
        self.tape = folder / f"{name}.csv"
        self.symbols = tuple(market.symbol for market in self.markets)
        self.server: LocalExchange = simulated_exchange(
            seed, RATE, markets=self.markets, wait_for=frozenset(self.symbols), tape=self.tape, history=HISTORY
        )
        self.link: Link

    @property
    def instruments(self) -> list[str]:
        """The keys of its instruments."""
        return [f"{self.name}:{symbol}" for symbol in self.symbols]

    @property
    def environment(self) -> dict[str, str]:
        """Where it is found, for who is to reach it by its link."""
        name = self.name.upper()
        address = f"{LOOPBACK}:{self.link.port}"
        return {f"HEDGEHOG_{name}_STREAM_URL": f"ws://{address}", f"HEDGEHOG_{name}_REST_URL": f"http://{address}"}


class Markets(LoopThread):
    """All exchanges and links, from entering the context until leaving it. Methods are for any thread."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._chance = random.Random(f"links {seed}")
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self.exchanges = {name: Exchange(name, folder, seed + number) for number, name in enumerate(MARKETS_OF)}
        self.links: dict[str, Link] = {}

    def __enter__(self) -> "Markets":
        super().__enter__()
        for exchange in self.exchanges.values():
            self.wait(exchange.server.start)
            exchange.link = self.add_link(exchange.name, exchange.server.port)
        return self

    def __exit__(self, *_: object) -> None:
        for link in self.links.values():
            self.wait(link.stop)
        for exchange in self.exchanges.values():
            self.wait(exchange.server.stop)
        super().__exit__()

    def add_link(self, name: str, target: int) -> Link:
        """Return a link to a port of this machine."""
        link = self.links[name] = Link(name, target, self._chance)
        self.wait(link.start)
        return link

    def pause(self) -> None:
        """Let no more trade be made."""
        for exchange in self.exchanges.values():
            self.do(exchange.server.pause)

    def resume(self) -> None:
        """Go on where the markets were."""
        for exchange in self.exchanges.values():
            self.do(exchange.server.resume)

    def made(self) -> dict[str, int]:
        """How many trades each exchange has made."""
        return {name: exchange.server.made for name, exchange in self.exchanges.items()}
