"""From a source into Kafka: trades to `trades`, what is no trade to `dead-letters`, everything counted."""

import asyncio
import logging
import time
from dataclasses import dataclass

from infra.config import Config
from producers.encode import TradeEncoder
from producers.publisher import Publisher
from producers.sequence import Gap, TradeIds
from producers.source import BadFrame, Event, Source
from schemas.records import DeadLetter, Trade
from schemas.registry import make_codec
from schemas.topics import DEAD_LETTERS, TRADES

log = logging.getLogger(__name__)

QUEUED_MAX = 100_000
"""So many unacknowledged records make the pump wait, with the event loop free for the socket's pings."""
WAIT_S = 0.005
POLL_S = 0.1
LOGGED_PER_REPORT = 20
"""Gaps, steps back and bad frames beyond so many between two status lines are counted only."""


@dataclass(slots=True)
class SymbolCounts:
    """What became of one symbol's trades."""

    trades: int = 0
    gaps: int = 0
    missing: int = 0
    steps_back: int = 0


class Pump:
    """Publishes the events of sources through one publisher."""

    def __init__(self, config: Config, publisher: Publisher) -> None:
        self._publisher = publisher
        self._encode = TradeEncoder(make_codec(config, Trade))
        self._dead_letters = make_codec(config, DeadLetter)
        self._topic = TRADES.full_name(config)
        self._keys: dict[tuple[str, str], str] = {}
        self._logged = 0
        self.ids = TradeIds()
        self.symbols: dict[str, SymbolCounts] = {}
        self.bad_frames = 0

    async def run(self, source: Source) -> None:
        """Publish everything `source` gives, until it ends. Raises `DeliveryError` as soon as a record is lost."""
        polling = asyncio.create_task(self._poll())
        working = asyncio.create_task(self._drain(source))
        try:
            await asyncio.wait({polling, working}, return_when=asyncio.FIRST_COMPLETED)
            for task in (polling, working):
                if task.done():
                    task.result()
        finally:
            polling.cancel()
            working.cancel()
            await asyncio.gather(polling, working, return_exceptions=True)

    def publish(self, event: Event) -> None:
        """Publish one event."""
        if isinstance(event, BadFrame):
            self._dead_letter(event)
            return
        try:
            value = self._encode(event)
        except ValueError as error:
            self._dead_letter(BadFrame(f"trade of {event.instrument}", repr(event).encode(), str(error)))
            return
        symbol = event.symbol
        counts = self.symbols.get(symbol)
        if counts is None:
            counts = self.symbols[symbol] = SymbolCounts()
        key = self._keys.get((event.exchange, symbol))
        if key is None:
            key = self._keys[event.exchange, symbol] = event.instrument
        self._publisher.publish(TRADES, key, value)
        counts.trades += 1
        odd = self.ids.observe(symbol, event.trade_id)
        if odd is not None:
            if isinstance(odd, Gap):
                counts.gaps += 1
                counts.missing += odd.missing
            else:
                counts.steps_back += 1
            self._log(str(odd))

    def report(self) -> str:
        """One line on what was published, for people; logging of single cases starts anew."""
        self._logged = 0
        rows = [
            f"{symbol} {c.trades}"
            + (f" ({c.gaps} gaps, {c.missing} missing)" if c.gaps else "")
            + (f" ({c.steps_back} steps back)" if c.steps_back else "")
            for symbol, c in sorted(self.symbols.items())
        ]
        publisher = self._publisher
        return (
            f"trades {', '.join(rows) or 'none'}; bad frames {self.bad_frames}; "
            f"published {publisher.published}, acknowledged {publisher.delivered}, failed {publisher.failed}"
        )

    async def _drain(self, source: Source) -> None:
        async for batch in source.events():
            for event in batch:
                self.publish(event)
            self._publisher.poll()
            while self._publisher.queued > QUEUED_MAX:
                await asyncio.sleep(WAIT_S)
                self._publisher.poll()

    async def _poll(self) -> None:
        """A lost record is noticed even when nothing more arrives."""
        while True:
            await asyncio.sleep(POLL_S)
            self._publisher.poll()

    def _dead_letter(self, bad: BadFrame) -> None:
        self.bad_frames += 1
        self._log(f"{bad.origin}: {bad.error}: {bad.raw[:200]!r}")
        letter = DeadLetter(
            source=bad.origin,
            topic=self._topic,
            partition=-1,
            offset=-1,
            key=None,
            value=bad.raw,
            error=bad.error,
            time=time.time_ns() // 1_000,
        )
        self._publisher.publish(DEAD_LETTERS, bad.origin, self._dead_letters.encode(letter))

    def _log(self, text: str) -> None:
        self._logged += 1
        if self._logged < LOGGED_PER_REPORT:
            log.warning("%s", text)
        elif self._logged == LOGGED_PER_REPORT:
            log.warning("%s (more such until the next status line are counted only)", text)
