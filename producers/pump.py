"""From a source into Kafka: trades to `trades`, what is no trade to `dead-letters`, everything counted."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from infra import metrics
from infra.config import Config
from producers.encode import TradeEncoder
from producers.publisher import DeliveryError, Publisher
from producers.sequence import Gap, StepBack, TradeIds
from producers.source import BadRecord, Event, Source
from schemas.dead_letters import dead_letter
from schemas.records import DeadLetter, Trade
from schemas.registry import make_codec
from schemas.topics import DEAD_LETTERS, TRADES

log = logging.getLogger(__name__)

QUEUED_MAX = 100_000
"""So many unacknowledged records make the pump wait, with the event loop free for the socket's pings."""
WAIT_S = 0.005
POLL_S = 0.1
INSTRUMENT_SHOWN = 100
"""Characters of an instrument's name in a dead letter: it may be what is wrong with the trade."""
LOGGED_PER_REPORT = 20
"""Gaps, steps back and bad records beyond so many between two status lines are counted only."""


@dataclass(slots=True)
class Counts:
    """What became of one instrument's trades."""

    instrument: str
    contiguous: bool
    """Whether its exchange's trade ids rise by one."""
    trades: int = 0
    gaps: int = 0
    missing: int = 0
    steps_back: int = 0
    filled: int = 0


class PublishError(RuntimeError):
    """A fault of ours while something was published. Nothing may go on beside it: it would go on with a hole."""


class Pump:
    """Publishes the events of sources through one publisher, each instrument counted by itself.

    `contiguous` names the exchanges whose trade ids rise by one.
    """

    def __init__(self, config: Config, publisher: Publisher, contiguous: Collection[str]) -> None:
        self._publisher = publisher
        self._contiguous = contiguous
        self._encode = TradeEncoder(make_codec(config, Trade))
        self._dead_letters = make_codec(config, DeadLetter)
        self._topic = TRADES.full_name(config)
        self._logged = 0
        self.ids = TradeIds()
        self.counts: dict[tuple[str, str], Counts] = {}
        """By exchange and symbol."""
        self.bad_records = 0

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
        if isinstance(event, BadRecord):
            self._dead_letter(event)
            return
        try:
            value = self._encode(event)
        except ValueError as error:
            origin = f"trade of {event.instrument[:INSTRUMENT_SHOWN]}"
            self._dead_letter(BadRecord(origin, repr(event).encode(), str(error)))
            return
        counts = self.counts.get((event.exchange, event.symbol)) or self._first_of(event)
        self._publisher.publish(TRADES, counts.instrument, value)
        counts.trades += 1
        if event.filled:
            counts.filled += 1
            return
        odd = self.ids.observe(counts.instrument, event.trade_id, event.trade_time, counts.contiguous)
        if odd is not None:
            self._count_odd(counts, odd)

    def report(self, exchange: str) -> str:
        """Return one line on what was published of an exchange, for people."""
        rows = [
            f"{symbol} {c.trades}"
            + (f" ({c.filled} filled)" if c.filled else "")
            + (f" ({c.gaps} gaps, {c.missing} missing)" if c.gaps else "")
            + (f" ({c.steps_back} steps back)" if c.steps_back else "")
            for (of, symbol), c in sorted(self.counts.items())
            if of == exchange
        ]
        return f"trades {', '.join(rows) or 'none'}"

    def total(self) -> str:
        """Return one line on all that was published, for people; logging of single cases starts anew."""
        self._logged = 0
        publisher = self._publisher
        return (
            f"published {publisher.published}, acknowledged {publisher.delivered}, failed {publisher.failed}; "
            f"bad records {self.bad_records}"
        )

    def _first_of(self, trade: Trade) -> Counts:
        counts = Counts(trade.instrument, trade.exchange in self._contiguous)
        self.counts[trade.exchange, trade.symbol] = counts
        return counts

    def _count_odd(self, counts: Counts, odd: Gap | StepBack) -> None:
        if isinstance(odd, Gap):
            counts.gaps += 1
            counts.missing += odd.missing
        else:
            counts.steps_back += 1
        self._log(str(odd))

    async def _drain(self, source: Source) -> None:
        async with aclosing(source.events()) as batches:
            async for batch in batches:
                await self.give(batch)

    async def give(self, batch: Iterable[Event]) -> None:
        """Publish a batch, all before anything else runs; then wait while too much is not acknowledged."""
        for event in batch:
            self._publish_or_end(event)
        self._publisher.poll()
        while self._publisher.queued > QUEUED_MAX:
            await asyncio.sleep(WAIT_S)
            self._publisher.poll()

    def _publish_or_end(self, event: Event) -> None:
        try:
            self.publish(event)
        except DeliveryError:
            raise
        except Exception as error:  # what comes after it has been taken already, and nobody would publish it
            raise PublishError(f"{event!r} cannot be published") from error

    async def _poll(self) -> None:
        """A lost record is noticed even when nothing more arrives."""
        while True:
            await asyncio.sleep(POLL_S)
            self._publisher.poll()

    def _dead_letter(self, bad: BadRecord) -> None:
        self.bad_records += 1
        metrics.DEAD_LETTERS.labels("producer").inc()
        at = time.time_ns() // 1_000
        letter = dead_letter(bad.origin, self._topic, -1, -1, None, bad.raw, bad.error, at)
        self._log(f"{letter.source}: {letter.error}: {bad.raw[:200]!r}")
        self._publisher.publish(DEAD_LETTERS, letter.source, self._dead_letters.encode(letter))

    def _log(self, text: str) -> None:
        self._logged += 1
        if self._logged < LOGGED_PER_REPORT:
            log.warning("%s", text)
        elif self._logged == LOGGED_PER_REPORT:
            log.warning("%s (more such until the next status line are counted only)", text)
