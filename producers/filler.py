"""Fills the holes of a session's trades: asks the exchange for what is missing, and has it published.

What is missing and what is to be asked is decided in `producers.holes`; here are the clock, the requests and the log.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass

import msgspec

from producers.adapter import HistoryUnavailable, Hole, Page
from producers.fleet import Feed
from producers.gap_records import ASKED_AGAIN
from producers.holes import Memory
from producers.open_hole import OpenHole
from producers.series import Series
from producers.source import Event
from schemas.gap_records import ANEW, Gap, GapStatus
from schemas.records import Trade
from schemas.times import iso

log = logging.getLogger(__name__)

TICK_S = 0.25
CRASHED_S = 60.0
"""So long nothing is asked after an error of ours in an adapter."""
REASON_MAX = 1_000
"""Characters."""
ROUNDS = 5
"""So often it is looked for instruments that are subscribed again late, or of which the exchange told nothing."""
WRITTEN_S = 5.0
"""So long the broker may take to acknowledge a gap."""
ASKED_MAX = 1_000_000
"""More trades are asked for only where people want them: at Binance's limit these take five minutes."""
TOO_MANY = "too many to be asked for unasked"
NOT_STREAMED = "not streamed at the time"
GOES_ON = "asked for with the newer trades after it"
WAITED_LONG = "still being asked for, newer trades go on without them"

Give = Callable[[Iterable[Event]], Awaitable[None]]
Tell = Callable[[Gap], Awaitable[None]]


@dataclass(frozen=True)
class AuditTiming:
    """How often quiet instruments are looked after, in seconds."""

    every_s: float = 60
    quiet_s: float = 30
    """An instrument without a trade for so long before an audit is quiet."""
    reconnected_s: float = 3
    """So long after a lost connection instruments without a trade since are asked after."""
    compared_s: float = 40
    """Where ids do not tell what the stream leaves out, it is compared so often: Bitstamp tells of the last minute, of
    the last hour, or of the last day."""


class Filler:
    """The trades of a session without holes: a `Source`, as long as `run` runs beside it.

    `give` publishes trades, all before anything else runs; `tell` writes down a gap, and ends when the broker has it.
    """

    def __init__(
        self,
        session: Feed,
        memory: Memory,
        give: Give,
        tell: Tell,
        timing: AuditTiming | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self.session, self.memory = session, memory
        self._give, self._tell = give, tell
        self._timing = timing or AuditTiming()
        self._clock, self._wall_us = clock, wall_us
        self._wake, self._reconnected = asyncio.Event(), asyncio.Event()
        self.renewals = 0
        """How often subscriptions were made anew that had been acknowledged and stayed silent."""
        self._renewed: set[str] = set()
        self._not_compared: dict[str, str] = {}
        """Why the trades of a symbol could not be compared the last time."""

    async def events(self) -> AsyncGenerator[list[Event], None]:
        """Yield what is to be published at once of what the session gives."""
        async with contextlib.aclosing(self.session.events()) as batches:
            async for batch in batches:
                breaks = self.memory.breaks
                out = self.memory.live(batch, self._clock())
                if self.memory.breaks != breaks:
                    self._reconnected.set()
                self._date_noticed()
                if out:
                    yield out

    async def run(self) -> None:
        """Look after holes until cancelled. Raises what `give` raises."""
        works = self._fill, self._watch, self._audit, self._look_after_reconnecting, self._compare
        tasks = [asyncio.create_task(work()) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # What is missing is asked for.

    async def _fill(self) -> None:
        while True:
            found = self.memory.next_to_ask(self._clock())
            if found is None:
                await self._wait()
            else:
                await self._ask(*found)

    async def _ask(self, series: Series, opened: OpenHole) -> None:
        memory = self.memory
        again_s: float | None
        try:
            page = await self._page(series, opened)
        except HistoryUnavailable as error:
            again_s, reason = error.again_s, str(error)
        except Exception as error:
            log.exception("%s: the adapter failed over trades of the past", memory.exchange)
            again_s, reason = CRASHED_S, repr(error)
        else:
            if opened in series.holes:
                reason = page.unread or "the exchange does not have them"
                await self._done(
                    series, opened, memory.fill(series, opened, page, self._clock(), self._wall_us()), reason
                )
            return
        if opened in series.holes:
            await self._done(series, opened, memory.put_off(series, opened, again_s, self._clock()), reason)

    async def _page(self, series: Series, opened: OpenHole) -> Page:
        missing = series.missing(opened)
        if missing == 0:
            return Page((), opened.last_id)
        if missing is not None and missing > ASKED_MAX and not opened.asked:
            raise HistoryUnavailable(TOO_MANY, None)
        return await self.session.adapter.history(opened.hole)

    async def reopen(self, gap: Gap, published: Callable[[Gap], Awaitable[Iterable[int]]]) -> None:
        """Ask again for a gap of before; `published` tells which of its ids are in the topic by now.

        What is asked for with newer trades is left out, see `Memory.cut_short`: where that is all, it is closed.
        Whatever comes by itself meanwhile is noted, for the hole is open before that is looked up.
        """
        series = self.memory.of(gap.symbol)
        last = self.memory.cut.pop(gap.key, gap.last_id)
        if last < gap.first_id:
            log.info("%s: ids %d to %d: %s", gap.instrument, gap.first_id, gap.last_id, GOES_ON)
            closed = {"status": GapStatus.FILLED, "reason": GOES_ON, "missing": 0, "updated_time": self._wall_us()}
            await self._tell(msgspec.structs.replace(gap, **closed))
            return
        gap = msgspec.structs.replace(gap, last_id=last)
        for opened in series.holes:
            if (opened.opened_us, opened.first_id) == (gap.opened_time, gap.first_id):
                opened.asked |= gap.reason == ASKED_AGAIN
                opened.due = opened.due if opened.due == math.inf else 0
                return
        hole = Hole(gap.symbol, gap.first_id - 1, gap.last_id + 1, gap.before_time, gap.after_time)
        opened = OpenHole(hole, self._clock(), False, gap.first_id, gap.before_time, gap.opened_time, due=math.inf)
        opened.filled, opened.asked = gap.filled_count, gap.reason == ASKED_AGAIN
        self.memory.reopen(gap.symbol, opened)
        opened.had |= dict.fromkeys(await published(gap))
        opened.due = 0
        log.info("%s: asking again for ids %d to %d", gap.instrument, gap.first_id, gap.last_id)
        self._wake.set()

    async def _done(self, series: Series, opened: OpenHole, out: list[Trade], reason: str) -> None:
        """Publish what an answer gave; write down what became of the hole, if it is closed."""
        await self._give(out)
        if opened in series.holes:
            return
        in_vain = not opened.told or (opened.unread is not None and not series.contiguous)
        if opened.check and not opened.filled:
            before = self._not_compared.pop(series.symbol, None)
            if in_vain:
                self._not_compared[series.symbol] = reason
            if in_vain and reason != before:
                ids = opened.first_id, opened.last_id
                log.warning(
                    "%s:%s: ids %d to %d were not compared: %s", self.memory.exchange, series.symbol, *ids, reason
                )
            return
        lost = opened.lost if series.contiguous else in_vain
        status = GapStatus.LOST if lost else GapStatus.FILLED
        gap = self._record(series, opened, status, reason if lost else None)
        level = logging.WARNING if lost else logging.INFO
        log.log(level, "%s", told(gap))
        await self._tell(gap)

    # Trades that wait are let go in time.

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._renew(self.memory.overdue(self._clock(), self._wall_us()))
            self._date_noticed()
            await self._record_unwanted()
            await self._tell_begun()
            await self._let_go(self.memory.waited_long(self._clock()))

    async def _let_go(self, long: list[tuple[Series, OpenHole]]) -> None:
        """Let trades go on that waited long. That something is missing is written down before: from then on the newest
        trade in the topic does not show it any more. Where the broker does not answer, they wait in its queue."""
        gaps = [self._record(series, opened, GapStatus.OPEN, WAITED_LONG) for series, opened in long]
        for gap in gaps:
            log.warning("%s", told(gap))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WRITTEN_S):
                await asyncio.gather(*map(self._tell, gaps))
        for series, opened in long:
            if opened in series.holes and opened.holding:
                await self._give(series.let_go(opened))

    async def _record_unwanted(self) -> None:
        for series in self.memory.series.values():
            while series.unwanted:
                hole = series.unwanted.pop()
                opened = OpenHole(hole, self._clock(), False, hole.after_id + 1, opened_us=self._wall_us())
                opened.absent.append((opened.first_id, opened.last_id))
                await self._tell(self._record(series, opened, GapStatus.LOST, NOT_STREAMED))

    async def _tell_begun(self) -> None:
        """Say where ids began anew, and write it down: the same ids stand for other trades since."""
        for series in self.memory.series.values():
            while series.begun:
                anew, now = series.begun.pop(0), self._wall_us()
                gap = Gap(
                    exchange=self.memory.exchange,
                    symbol=series.symbol,
                    first_id=anew.first,
                    last_id=anew.first,
                    before_time=anew.newest_time,
                    after_time=anew.first_time,
                    status=GapStatus.FILLED,
                    reason=f"{ANEW}: {anew.newest} was the newest before",
                    missing=0,
                    opened_time=now,
                    updated_time=now,
                )
                log.warning(
                    "%s: ids begin anew with %d, traded %s; the newest before is %d, traded %s",
                    *(gap.instrument, anew.first, iso(anew.first_time), anew.newest, iso(anew.newest_time)),
                )
                await self._tell(gap)

    # Instruments that are quiet are asked after.

    async def _audit(self) -> None:
        """Ask for the newest trade of each instrument that is quiet: some subscriptions are acknowledged and lost."""
        timing = self._timing
        while True:
            await asyncio.sleep(timing.every_s - timing.quiet_s)
            before = self.memory.newest_of(sorted(self.session.streaming))
            await asyncio.sleep(timing.quiet_s)
            self._renew(self.memory.silent_since(before))
            streaming = self.session.streaming
            await self._look_at([symbol for symbol in self.memory.quiet_since(before) if symbol in streaming], True)

    async def _look_after_reconnecting(self) -> None:
        """Ask for the newest trade of each instrument that brings none soon after a connection was lost, or after the
        start: what it traded meanwhile would show only by its next trade."""
        while True:
            before = self.memory.newest_of(list(self.memory.series))
            rounds = ROUNDS
            while before and rounds:
                await asyncio.sleep(self._timing.reconnected_s)
                quiet, streaming = self.memory.quiet_since(before), self.session.streaming
                rounds -= bool(streaming)  # the exchange may be away for longer when the producer starts
                answered = await self._look_at([symbol for symbol in quiet if symbol in streaming], False)
                # the others are not subscribed again yet, or the exchange refused to tell
                before = {symbol: before[symbol] for symbol in quiet if symbol not in answered}
            await self._reconnected.wait()
            self._reconnected.clear()

    async def _compare(self) -> None:
        """Have what the stream brought compared with what the exchange has, where ids do not tell."""
        while True:
            await asyncio.sleep(self._timing.compared_s)
            self.memory.check(sorted(self.session.streaming), self._clock())
            self._date_noticed()

    async def _look_at(self, quiet: list[str], of_audit: bool) -> set[str]:
        """Ask for the newest trades of these; return of which of them there was an answer."""
        if not quiet:
            return set()
        try:
            said = await self.session.adapter.newest(quiet)
        except HistoryUnavailable as error:
            log.warning("%s: cannot look after %d quiet instruments: %s", self.memory.exchange, len(quiet), error)
            return set()
        except Exception:
            log.exception("%s: the adapter failed over the newest trades", self.memory.exchange)
            return set()
        for newest in said:
            self.memory.claim(newest, self._clock(), of_audit)
        return {newest.symbol for newest in said}

    def _renew(self, silent: list[str]) -> None:
        """Subscribe anew to what the stream does not bring; where that has not helped before, by a new connection."""
        if not silent:
            return
        again = not self._renewed.isdisjoint(silent)
        self._renewed = set() if again else set(silent)
        self.renewals += 1
        shown, how = ", ".join(silent[:20]), "on a new connection" if again else "anew"
        log.warning("%s: the stream is silent on %s: subscribing %s", self.memory.exchange, shown, how)
        for symbol in silent:
            # What is traded until the subscription holds is missing too; ids that are no series do not show that.
            self.memory.of(symbol).lose_connection()
        if again:
            self.session.replace(silent)
        else:
            self.session.renew(silent)

    # Words.

    def _date_noticed(self) -> None:
        noticed = self.memory.take_noticed()
        for _, opened in noticed:
            opened.opened_us = self._wall_us()
        if noticed:
            self._wake.set()

    def _record(self, series: Series, opened: OpenHole, status: GapStatus, reason: str | None) -> Gap:
        missing = opened.lost if status is GapStatus.LOST else series.missing(opened)
        return Gap(
            exchange=self.memory.exchange,
            symbol=series.symbol,
            first_id=opened.first_id,
            last_id=opened.last_id,
            before_time=opened.first_time,
            after_time=opened.hole.before_time,
            status=status,
            reason=None if reason is None else _storable(reason),
            missing=missing if series.contiguous else None,
            filled_count=opened.filled,
            opened_time=opened.opened_us,
            updated_time=self._wall_us(),
        )

    async def _wait(self) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                await self._wake.wait()


def _storable(text: str) -> str:
    """Return a text, which may be what an exchange answered, as a record can hold it."""
    return "".join(char if char.isprintable() else " " for char in text)[:REASON_MAX]


def told(gap: Gap) -> str:
    """Return one line on a gap, for people."""
    ids = f"ids {gap.first_id} to {gap.last_id}"
    if gap.status is GapStatus.FILLED:
        took_s = (gap.updated_time - gap.opened_time) / 1e6
        return f"{gap.instrument}: {gap.filled_count} trades filled, {ids}, in {took_s:.1f} s"
    missing = "trades" if gap.missing is None else f"{gap.missing} trades"
    return f"{gap.instrument}: {missing} {'lost' if gap.status is GapStatus.LOST else 'missing'}, {ids}: {gap.reason}"
