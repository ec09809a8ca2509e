"""The client of Binance's trade streams: one connection for many symbols, replaced before it ends, watched for silence.

What the exchange demands (WebSocket Streams, mid 2026): a connection lives 24 hours at most, carries 1,024 streams,
and may send 5 messages a second, pongs included; `serverShutdown` announces its end.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed, WebSocketException

from producers.binance.connection import Connection, Pending, Timing, open_socket, retry_after
from producers.binance.protocol import (
    PARAMS_PER_REQUEST,
    STREAMS_MAX,
    Response,
    ServerShutdown,
    parse_frame,
    request,
    stream_url,
)
from producers.source import BadFrame, Event
from schemas.records import Trade

log = logging.getLogger(__name__)

EVENTS_MAX = 50_000
"""So many events that nobody has taken stop the reading."""


@dataclass(slots=True)
class Counters:
    """What happened to the connections."""

    connections: int = 0
    reconnects: int = 0
    handovers: int = 0
    failures: int = 0
    overlapping: int = 0
    """Trades that both connections of a handover brought; given out once."""


class BinanceSource:
    """Trades of a changing set of symbols. `events` is to be iterated once; `set_symbols` may be called any time.

    Clock, wall clock (microseconds), random numbers and sleep can be given, so that tests need not wait.
    """

    def __init__(
        self,
        url: str,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._timing = timing or Timing()
        self._clock, self._wall_us, self._sleep = clock, wall_us, sleep
        self._rng = rng or random.Random()
        self._wanted: set[str] = set()
        self._refused: set[str] = set()
        """Wanted, but the exchange said no; asked for again on the next connection or when wanted anew."""
        self._closing = asyncio.Event()
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._space = asyncio.Event()
        self._events: list[Event] = []
        self._highest: dict[str, int] = {}
        self._attempt = 0
        self._request_id = 0
        self._streaming: set[str] = set()
        self.counters = Counters()

    def set_symbols(self, symbols: Iterable[str]) -> None:
        """Stream exactly these symbols from now on; `ValueError` for more than one connection may carry."""
        wanted = set(symbols)
        if len(wanted) > STREAMS_MAX:
            raise ValueError(
                f"{len(wanted)} symbols to stream, but one Binance connection carries at most {STREAMS_MAX}"
            )
        self._wanted = wanted
        self._refused &= wanted
        self._wake.set()

    @property
    def streaming(self) -> set[str]:
        """The symbols that the exchange has confirmed on the present connection."""
        return set(self._streaming)

    def close(self) -> None:
        """Unsubscribe, close and let `events` end once everything received has been taken."""
        self._closing.set()
        self._wake.set()

    async def events(self) -> AsyncIterator[list[Event]]:
        """Batches of what has arrived, until `close`."""
        manager = asyncio.create_task(self._manage())
        manager.add_done_callback(lambda _: self._ready.set())
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                done = manager.done()
                batch, self._events = self._events, []
                self._space.set()
                if batch:
                    yield batch
                if done:
                    manager.result()
                    return
        finally:
            manager.cancel()
            await asyncio.gather(manager, return_exceptions=True)

    async def _manage(self) -> None:
        """Keep a connection while symbols are wanted."""
        while not self._closing.is_set():
            connection = await self._connect(held=None)
            if connection is None:
                await self._wait()
                continue
            await self._serve(connection)

    async def _serve(self, connection: Connection) -> None:
        """Use one connection, and those that take its place by plan, until there is none."""
        try:
            while not self._closing.is_set() and self._wanted:
                await self._settle(connection)
                await self._wait()
                broken = self._broken(connection)
                if broken:
                    self._lost(connection, broken)
                    return
                if self._expiring(connection):
                    connection = await self._replace(connection)
            await self._say_goodbye(connection)
        finally:
            self._streaming = set()
            await connection.end()

    async def _connect(self, held: list[Trade] | None) -> Connection | None:
        """A new connection; `None` when none is wanted any more. With `held`, its trades go there."""
        while self._wanted and not self._closing.is_set():
            await self._back_off()
            # The wait may have changed what is wanted.
            symbols = sorted(self._wanted)[:PARAMS_PER_REQUEST]
            if not symbols or self._closing.is_set():
                break
            self._attempt += 1
            try:
                socket = await open_socket(stream_url(self._url, symbols), self._timing)
            except (OSError, WebSocketException) as error:
                self.counters.failures += 1
                log.warning("%s: cannot connect: %s", self._url, str(error) or type(error).__name__)
                await self._pause(retry_after(error))
                continue
            self.counters.connections += 1
            self._refused = set()
            connection = Connection(socket, self._clock(), set(symbols), held)
            connection.reader = asyncio.create_task(self._read(connection))
            log.info("%s: connected, %d symbols wanted", self._url, len(self._wanted))
            return connection
        return None

    async def _back_off(self) -> None:
        """Full jitter: anything between nothing and a bound that doubles with every attempt, up to a limit."""
        if self._attempt:
            bound = min(self._timing.backoff_max_s, self._timing.backoff_s * 2.0 ** min(self._attempt, 30))
            await self._pause(self._rng.uniform(0, bound))

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
        """Wait for the next tick, or until there is something to do."""
        try:
            async with asyncio.timeout(self._timing.tick_s):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _settle(self, connection: Connection) -> None:
        """Ask for what is wanted and not subscribed, and the other way round, within the limit of messages."""
        for method, symbols in (
            ("UNSUBSCRIBE", connection.symbols - self._wanted),
            ("SUBSCRIBE", self._wanted - connection.symbols - self._refused),
        ):
            ordered = sorted(symbols)
            for start in range(0, len(ordered), PARAMS_PER_REQUEST):
                await self._request(connection, method, ordered[start : start + PARAMS_PER_REQUEST])
        if connection.held is None:
            unanswered = {symbol for pending in connection.pending.values() for symbol in pending.symbols}
            self._streaming = connection.symbols - unanswered

    async def _request(self, connection: Connection, method: str, symbols: list[str]) -> None:
        await self._pause(connection.next_request_at - self._clock())
        connection.next_request_at = self._clock() + 1 / self._timing.requests_per_s
        self._request_id += 1
        connection.pending[self._request_id] = Pending(method, symbols, self._clock())
        if method == "SUBSCRIBE":
            connection.symbols |= set(symbols)
        else:
            connection.symbols -= set(symbols)
        try:
            async with asyncio.timeout(self._timing.answer_s):
                await connection.socket.send(request(method, symbols, self._request_id))
        except TimeoutError:
            connection.ended = connection.ended or "a request could not be sent"
        except ConnectionClosed as error:
            connection.ended = connection.ended or str(error)

    async def _read(self, connection: Connection) -> None:
        """Take in frames until the connection ends."""
        receive, now = connection.socket.recv, self._wall_us
        try:
            while True:
                raw = await receive(decode=False)
                frame = parse_frame(raw, now())
                if type(frame) is not Trade:
                    self._control(connection, frame, raw)
                elif connection.held is None:
                    self._give(frame)
                else:
                    connection.hold(frame)
                if len(self._events) >= EVENTS_MAX:
                    await self._until_taken(connection)
        except ConnectionClosed as error:
            connection.ended = connection.ended or str(error)
            self._wake.set()

    async def _until_taken(self, connection: Connection) -> None:
        """Read no more until the events are taken; that nothing is heard meanwhile is no silence."""
        connection.blocked = True
        while len(self._events) >= EVENTS_MAX:
            self._space.clear()
            await self._space.wait()
        connection.blocked = False

    def _give(self, event: Event) -> None:
        if type(event) is Trade and event.trade_id > self._highest.get(event.symbol, -1):
            self._highest[event.symbol] = event.trade_id
        self._events.append(event)
        self._ready.set()

    def _control(self, connection: Connection, frame: object, raw: bytes) -> None:
        """What is no trade."""
        if isinstance(frame, BadFrame):
            self._give(frame)
        elif isinstance(frame, ServerShutdown):
            log.warning("%s: the server announces its shutdown", self._url)
            connection.shutdown = True
        elif isinstance(frame, Response):
            self._answered(connection, frame, raw)
        self._wake.set()

    def _answered(self, connection: Connection, response: Response, raw: bytes) -> None:
        pending = connection.pending.pop(response.id, None) if isinstance(response.id, int) else None
        if response.error is None:
            return
        asked = f"{pending.method} {', '.join(pending.symbols)}" if pending else f"request {response.id}"
        self._give(BadFrame("binance stream", raw, f"{asked} refused: {response.error}"))
        if pending and pending.method == "SUBSCRIBE":
            connection.symbols -= set(pending.symbols)
            self._refused |= set(pending.symbols)

    def _broken(self, connection: Connection) -> str | None:
        """Why the connection cannot be used any more, `None` while it can."""
        now = self._clock()
        if connection.ended is not None:
            return connection.ended
        if connection.reader is not None and connection.reader.done():
            connection.reader.result()
        if connection.socket.frames != connection.frames or connection.blocked:
            connection.frames, connection.heard_at = connection.socket.frames, now
        elif now - connection.heard_at > self._timing.silence_s:
            return f"silent for {now - connection.heard_at:.1f} s"
        for pending in connection.pending.values():
            if now - pending.sent_at > self._timing.answer_s and not connection.blocked:
                return f"{pending.method} of {len(pending.symbols)} symbols unanswered"
        return None

    def _expiring(self, connection: Connection) -> bool:
        return connection.shutdown or self._clock() - connection.opened_at > self._timing.lifetime_s

    def _lost(self, connection: Connection, reason: str) -> None:
        self.counters.reconnects += 1
        if self._clock() - connection.opened_at >= self._timing.stable_s:
            self._attempt = 0
        log.warning("%s: connection lost: %s", self._url, reason)

    async def _replace(self, old: Connection) -> Connection:
        """Open a successor, let both run until it has everything, then go on with it alone.

        The old connection gives out its trades all the while; those of the successor wait. When the successor fails
        first, the old one stays.
        """
        self._attempt = 0 if self._clock() - old.opened_at >= self._timing.stable_s else self._attempt
        new = await self._connect(held=[])
        if new is None:
            return old
        await self._overlap(old, new)
        if new.ended is not None and old.ended is None:
            await new.end()
            return old
        await old.end()
        held, new.held = new.held or [], None
        for trade in held:
            if trade.trade_id > self._highest.get(trade.symbol, -1):
                self._give(trade)
            else:
                self.counters.overlapping += 1
        self.counters.handovers += 1
        log.info("%s: handed over to a new connection", self._url)
        return new

    async def _overlap(self, old: Connection, new: Connection) -> None:
        since = opened = self._clock()
        while not self._closing.is_set() and old.ended is None and new.ended is None:
            await self._settle(new)
            now = self._clock()
            if new.pending:
                since = now
            if now - since >= self._timing.overlap_s and new.follows(self._highest):
                return
            if now - opened > self._timing.overlap_max_s:
                return
            await self._wait()

    async def _say_goodbye(self, connection: Connection) -> None:
        self._wanted = set() if self._closing.is_set() else self._wanted
        if connection.ended is None:
            await self._settle(connection)
        await connection.close_and_drain()
