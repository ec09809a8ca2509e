"""A session with one exchange: one connection for many symbols, replaced before it ends, watched for silence.

What is peculiar to the exchange is its adapter's (`producers.adapter`). What is decided without a socket stands apart:
what to ask for (`subscriptions`), how long to wait (`backoff`), what a successor brings that is new (`handover`).
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass

from websockets.exceptions import WebSocketException

from producers.adapter import Adapter, Exchange, Notice
from producers.backoff import Backoff
from producers.connection import Connection, Context, Timing
from producers.event_queue import EventQueue
from producers.source import Event, Reconnected
from producers.websocket import open_socket, reason, retry_after

log = logging.getLogger(__name__)

EVENTS_MAX = 50_000
"""So many events that nobody has taken stop the reading."""


@dataclass(slots=True)
class Counters:
    """What happened to the connections of a session."""

    connections: int = 0
    reconnects: int = 0
    handovers: int = 0
    failures: int = 0
    overlapping: int = 0
    """Trades that both connections of a handover brought; given out once."""
    crashes: int = 0
    """Errors of our own that ended the session; it began anew after each."""


class Session:
    """Trades of a changing set of symbols of one exchange, and notices among them.

    `set_symbols` may be called any time. `events` is to be iterated by one reader, and may be iterated anew after it
    has raised. Clock (seconds), wall clock (microseconds), random numbers and sleep can be given, so that tests need
    not wait. Sessions with one exchange share `counters`.
    """

    def __init__(
        self,
        adapter: Adapter,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        counters: Counters | None = None,
    ) -> None:
        timing = timing or Timing()
        self.counters = counters or Counters()
        self._connected = False
        """Whether there was a connection before."""
        self._wanted: set[str] = set()
        self._open: list[Connection] = []
        """The connection in use and, during a handover, its successor."""
        self._connecting: asyncio.Task[bool] | None = None
        """Opens the successor."""
        self._closing = asyncio.Event()
        self._wake = asyncio.Event()
        self._sleep = sleep
        self._backoff = Backoff(timing.backoff_s, timing.backoff_max_s, timing.stable_s, rng or random.Random())
        self._queue = EventQueue(EVENTS_MAX)
        self._context = Context(adapter, timing, clock, wall_us, self._queue, self._wake)

    @property
    def exchange(self) -> Exchange:
        """The exchange that is streamed from."""
        return self._context.adapter.exchange

    @property
    def adapter(self) -> Adapter:
        """The adapter of the exchange."""
        return self._context.adapter

    def renew(self, symbols: Iterable[str]) -> None:
        """Unsubscribe these symbols and subscribe them again: the exchange has lost them."""
        for connection in self._open:
            connection.subscriptions.renew(symbols)
        self._wake.set()

    def replace(self, _: Iterable[str]) -> None:
        """Replace the connection, which carries these symbols, by a new one, as before its planned end."""
        for connection in self._open[:1]:
            connection.ending = True
        self._wake.set()

    def set_symbols(self, symbols: Iterable[str]) -> None:
        """Stream exactly these symbols from now on. Raises `ValueError` for more than one connection may carry."""
        wanted, most = set(symbols), self.exchange.symbols_per_connection
        if len(wanted) > most:
            raise ValueError(
                f"{len(wanted)} symbols to stream, but one connection to {self.exchange.name} carries at most {most}"
            )
        self._wanted = wanted
        for connection in self._open:
            connection.subscriptions.want(wanted)
        self._wake.set()

    @property
    def streaming(self) -> set[str]:
        """The symbols that the exchange has confirmed on the present connection."""
        return self._open[0].subscriptions.confirmed if self._open else set()

    @property
    def waiting(self) -> int:
        """The number of events that have arrived and were not taken."""
        return self._queue.size

    def close(self) -> None:
        """Unsubscribe, close and let `events` end once everything received has been taken."""
        self._closing.set()
        self._wake.set()

    async def events(self) -> AsyncGenerator[list[Event | Notice], None]:
        """Yield batches of what has arrived, until `close`."""
        manager = asyncio.create_task(self._manage())
        manager.add_done_callback(lambda _: self._queue.wake())
        try:
            while True:
                batch = await self._queue.take()
                done = manager.done()
                if batch:
                    yield batch
                if done:
                    manager.result()
                    return
        finally:
            manager.cancel()
            await asyncio.gather(manager, return_exceptions=True)

    # Connections, one after the other.

    async def _manage(self) -> None:
        """Keep a connection while symbols are wanted."""
        while not self._closing.is_set():
            if await self._connect(successor=False):
                await self._serve()
            else:
                await self._wait()

    async def _connect(self, successor: bool) -> bool:
        """Open a connection, however long that takes. Returns `False` when none is wanted any more."""
        while self._wanted and not self._closing.is_set():
            await self._pause(self._backoff.next_wait_s(self._context.clock()))
            # The wait may have changed what is wanted.
            if not self._wanted or self._closing.is_set():
                break
            if await self._try_to_connect(successor):
                return True
        return False

    async def _try_to_connect(self, successor: bool) -> bool:
        address = self._context.adapter.address(sorted(self._wanted))
        timing, name, given = self._context.timing, self.exchange.name, self._queue.given
        if successor:
            given.keep_all()
        try:
            socket = await open_socket(address.url, timing.connect_s, timing.ping_s)
        except (OSError, WebSocketException) as error:
            given.keep_recent()
            self.counters.failures += 1
            log.warning("%s: cannot connect to %.100s: %s", name, address.url, reason(error))
            await self._pause(retry_after(error, self._context.wall_us() / 1e6))
            return False
        self._backoff.connected(self._context.clock())
        self.counters.connections += 1
        if not successor and self._connected:
            self._queue.put(Reconnected())
        self._connected = True
        connection = Connection(socket, address.symbols, self._context, successor)
        connection.subscriptions.want(self._wanted)
        self._open.append(connection)
        log.info("%s: connected, %d symbols wanted", name, len(self._wanted))
        return True

    async def _serve(self) -> None:
        """Use the connection, and those that take its place by plan, until there is none."""
        try:
            while self._wanted and not self._closing.is_set():
                for connection in self._open:
                    await connection.ask()
                await self._wait()
                if not await self._look_after():
                    return
            await self._open.pop(0).say_goodbye()
            for successor in self._open:
                self.counters.overlapping += successor.give_held()
        finally:
            await self._end_all()

    async def _look_after(self) -> bool:
        """Replace what is broken or about to end. Returns whether there still is a connection."""
        current = self._open[0]
        fault = current.fault()
        if len(self._open) > 1:
            await self._go_on_with_handover(fault)
        elif fault:
            self.counters.reconnects += 1
            log.warning("%s: connection lost: %s", self.exchange.name, fault)
            return False
        elif self._connecting is not None:
            if self._connecting.done():
                self._connecting.result()
                self._connecting = None
        elif current.expiring:
            self._connecting = asyncio.create_task(self._connect(successor=True))
        return True

    async def _go_on_with_handover(self, fault: str | None) -> None:
        """The old connection gives out its trades until the successor has everything; then the successor goes on alone,
        beginning with what only it had. When the successor fails first, the old one stays."""
        old, new = self._open
        failed = new.fault()
        if failed and not fault:
            log.warning("%s: the successor failed: %s", self.exchange.name, failed)
            await self._end(new)
            self._queue.given.keep_recent()
        elif fault or new.has_everything():
            await self._end(old)
            self.counters.overlapping += new.give_held()
            self._queue.given.keep_recent()
            self.counters.handovers += 1
            log.info("%s: handed over to a new connection", self.exchange.name)

    async def _end(self, connection: Connection) -> None:
        """End one of the two connections of a handover."""
        await connection.end()
        self._open.remove(connection)
        self._connecting = None

    async def _end_all(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
            self._connecting = None
        while self._open:
            await self._open.pop().end()
        self._queue.given.keep_recent()

    # Waiting.

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless `close` is called."""
        if seconds <= 0:
            return
        tasks = {
            asyncio.ensure_future(self._sleep(seconds)),
            asyncio.ensure_future(self._closing.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def _wait(self) -> None:
        """Wait for the next tick, until a request may be sent, or until there is something else to do."""
        due = [connection.request_due_s() for connection in self._open]
        await self._context.wait(min([self._context.timing.tick_s, *due]))
