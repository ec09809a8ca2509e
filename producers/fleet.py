"""As many sessions with one exchange as its symbols need: a connection carries only so many."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from producers.adapter import Adapter, Exchange, Notice
from producers.session import Counters, Session
from producers.source import Event

BATCHES_MAX = 4
"""So many batches that nobody has taken make the sessions wait."""

Batch = list[Event | Notice]


class Fleet:
    """Trades of any number of symbols of one exchange, as a `Session` gives those of some.

    A symbol stays with its session; `counters` are of all sessions together.
    """

    def __init__(self, adapter: Adapter, make: Callable[[Adapter, Counters], Session] | None = None) -> None:
        self.adapter = adapter
        self.counters = Counters()
        self._make = make or (lambda adapter, counters: Session(adapter, counters=counters))
        self._sessions: list[Session] = []
        self._carried: list[set[str]] = []
        """What each session is to stream."""
        self._batches: asyncio.Queue[Batch | Exception] = asyncio.Queue(BATCHES_MAX)
        self._drains: list[asyncio.Task[None]] = []
        self._ended = 0
        self._running = self._closing = False

    @property
    def exchange(self) -> Exchange:
        """The exchange that is streamed from."""
        return self.adapter.exchange

    @property
    def streaming(self) -> set[str]:
        """The symbols that the exchange has confirmed."""
        return {symbol for session in self._sessions for symbol in session.streaming}

    @property
    def connections(self) -> int:
        """The number of sessions that have something to stream."""
        return sum(map(bool, self._carried))

    @property
    def waiting(self) -> int:
        """The number of events that have arrived and were not taken."""
        return sum(session.waiting for session in self._sessions)

    def set_symbols(self, symbols: Iterable[str]) -> None:
        """Stream exactly these symbols from now on."""
        wanted, most = set(symbols), self.exchange.symbols_per_connection
        for carried in self._carried:
            carried.intersection_update(wanted)
        new = sorted(wanted.difference(*self._carried))
        for carried in self._carried:
            room = most - len(carried)
            carried.update(new[:room])
            new = new[room:]
        while new:
            self._carried.append(set(new[:most]))
            self._sessions.append(self._make(self.adapter, self.counters))
            new = new[most:]
        for session, carried in zip(self._sessions, self._carried, strict=True):
            session.set_symbols(carried)
        self._start_drains()

    def renew(self, symbols: Iterable[str]) -> None:
        """Unsubscribe these symbols and subscribe them again."""
        for session, carried in zip(self._sessions, self._carried, strict=True):
            session.renew(carried.intersection(symbols))

    def replace(self, symbols: Iterable[str]) -> None:
        """Replace the connections that carry these symbols."""
        wanted = set(symbols)
        for session, carried in zip(self._sessions, self._carried, strict=True):
            if carried & wanted:
                session.replace(wanted)

    def close(self) -> None:
        """Close every session, and let `events` end once everything received has been taken."""
        self._closing = True
        for session in self._sessions:
            session.close()
        if not self._drains:
            self._batches.put_nowait([])

    async def events(self) -> AsyncGenerator[Batch, None]:
        """Yield what the sessions give, until all are closed. Raises what one of them raises; may be iterated anew."""
        self._batches, self._ended, self._running = asyncio.Queue(BATCHES_MAX), 0, True
        self._start_drains()
        if self._closing and not self._drains:
            return
        try:
            while True:
                batch = await self._batches.get()
                if isinstance(batch, Exception):
                    raise batch
                if batch:
                    yield batch
                elif self._closing and self._ended == len(self._drains):
                    return
        finally:
            self._running = False
            for drain in self._drains:
                drain.cancel()
            await asyncio.gather(*self._drains, return_exceptions=True)
            self._drains = []

    def _start_drains(self) -> None:
        """Take from each session that nobody takes from yet."""
        if self._running:
            for session in self._sessions[len(self._drains) :]:
                self._drains.append(asyncio.create_task(self._drain(session)))

    async def _drain(self, session: Session) -> None:
        try:
            async with aclosing(session.events()) as batches:
                async for batch in batches:
                    await self._batches.put(batch)
        except Exception as error:
            await self._batches.put(error)
        else:
            self._ended += 1
            await self._batches.put([])


Feed = Session | Fleet
"""What streams from one exchange."""
