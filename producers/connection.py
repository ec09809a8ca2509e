"""One connection to an exchange: it asks for symbols, reads what comes, and tells whether it can still be used."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed

from producers.adapter import Adapter, Answer, Ending, Newest
from producers.event_queue import EventQueue
from producers.source import BadRecord
from producers.subscriptions import Subscriptions
from producers.websocket import CLOSE_TIMEOUT_S, CountingSocket
from schemas.records import Trade

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """How long things may take, in seconds; what an exchange demands is in `producers.adapter.Exchange`."""

    silence_s: float = 60
    """Nothing at all for so long, three pings of the exchange and of ours unheard: the connection is dead."""
    ping_s: float = 20
    connect_s: float = 10
    answer_s: float = 10
    """A request without an answer for so long: the connection is replaced."""
    overlap_s: float = 2
    """Old and new connection run side by side at least so long."""
    overlap_max_s: float = 20
    backoff_s: float = 0.5
    backoff_max_s: float = 60
    stable_s: float = 60
    """A connection that lived so long was a good one: the next attempt comes at once."""
    goodbye_s: float = 2
    """Unsubscribing before a connection is closed takes so long at most; what is left ends with the connection."""
    tick_s: float = 0.25


@dataclass(frozen=True)
class Context:
    """What all connections of a session share."""

    adapter: Adapter
    timing: Timing
    clock: Callable[[], float]
    """Seconds."""
    wall_us: Callable[[], int]
    """Microseconds since the epoch."""
    queue: EventQueue
    wake: asyncio.Event
    """Tells the session that there may be something to do."""

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until there may be something to do."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self.wake.wait()
        except TimeoutError:
            pass
        self.wake.clear()


class Connection:
    """An open socket with its subscriptions, read from the moment on that it is made.

    Its trades are given out as they come; of a successor they are held until `give_held`, because the connection
    before it brings the same.
    """

    def __init__(self, socket: CountingSocket, symbols: Iterable[str], context: Context, successor: bool) -> None:
        exchange = context.adapter.exchange
        self._context, self._socket = context, socket
        self._name, self._message_s = exchange.name, 1 / exchange.messages_per_s
        self.subscriptions = Subscriptions(symbols, exchange.symbols_per_request)
        self._opened_at = self._heard_at = self._incomplete_at = context.clock()
        self._may_send_at = self._opened_at
        self._heartbeat_at = self._opened_at + exchange.heartbeat_s
        self._frames = 0
        self._blocked = False
        """Whether it is not read because the queue is full: that nothing is heard then is no silence."""
        self._held: list[Trade] = []
        self._first_ids: dict[str, int] = {}
        self._take = self._hold if successor else context.queue.put_trade
        self.ending = False
        """Whether the exchange has said that it will close this connection."""
        self.ended: str | None = None
        """Why it has ended, `None` while it has not."""
        self._reader = asyncio.create_task(self._read())
        self._reader.add_done_callback(lambda _: context.wake.set())

    # What is sent.

    def request_due_s(self) -> float:
        """Return the seconds until the next request may be sent; infinity where there is none."""
        if self.subscriptions.asked is not None:
            return float("inf")
        due_at = self.subscriptions.again_at if self.subscriptions.complete else self._may_send_at
        return max(due_at, self._may_send_at) - self._context.clock()

    async def ask(self) -> None:
        """Send the next message, if there is one and the exchange's limit allows it: a heartbeat, else a request."""
        now = self._context.clock()
        if self.ended is not None or now < self._may_send_at:
            return
        message = self._next_message(now)
        if message is None:
            return
        self._may_send_at = now + self._message_s
        try:
            async with asyncio.timeout(self._context.timing.answer_s):
                await self._socket.send(message)
        except TimeoutError:
            self.ended = self.ended or "a request could not be sent"
        except ConnectionClosed as error:
            self.ended = self.ended or str(error)

    def _next_message(self, now: float) -> str | None:
        adapter = self._context.adapter
        if adapter.exchange.heartbeat is not None and now >= self._heartbeat_at:
            self._heartbeat_at = now + adapter.exchange.heartbeat_s
            return adapter.exchange.heartbeat
        request = self.subscriptions.next_request(now)
        if request is None:
            return None
        words = adapter.subscribe if request.subscribes else adapter.unsubscribe
        return words(request.symbols, request.id)

    # What is read.

    async def _read(self) -> None:
        """Take in frames until the connection ends."""
        receive, parse, now = self._socket.recv, self._context.adapter.parse, self._context.wall_us
        queue = self._context.queue
        try:
            while True:
                raw = await receive(decode=False)
                frame = parse(raw, now())
                if type(frame) is Trade:
                    self._take(frame)
                else:
                    self._control(frame, raw)
                if queue.full:
                    self._blocked = True
                    await queue.until_taken()
                    self._blocked = False
        except ConnectionClosed as error:
            self.ended = self.ended or str(error)

    def _hold(self, trade: Trade) -> None:
        self._first_ids.setdefault(trade.symbol, trade.trade_id)
        self._held.append(trade)

    def _control(self, frame: object, raw: bytes) -> None:
        """Take in what is no trade."""
        if isinstance(frame, BadRecord | Newest):
            self._context.queue.put(frame)
        elif isinstance(frame, Ending):
            log.warning("%s: the exchange announces the end of the connection", self._name)
            self.ending = True
        elif isinstance(frame, Answer):
            self._answered(frame, raw)
        self._context.wake.set()

    def _answered(self, answer: Answer, raw: bytes) -> None:
        """Take in an answer; a refusal of what cannot be divided any more goes to the dead letters."""
        refusal = self.subscriptions.answered(answer)
        if refusal is not None and not refusal.final:
            many = len(refusal.request.symbols)
            log.warning("%s: %d symbols refused (%s); asking for halves of them", self._name, many, refusal.error)
        elif answer.error is not None:
            asked = refusal.request if refusal else f"request {answer.request_id}"
            if refusal is not None and refusal.told:
                return
            self._context.queue.put(BadRecord(f"{self._name} stream", raw, f"{asked} refused: {answer.error}"))

    # Whether it can be used.

    def fault(self) -> str | None:
        """Return why the connection cannot be used any more, `None` while it can. Raises what its reader raised."""
        now, timing = self._context.clock(), self._context.timing
        if self.ended is not None:
            return self.ended
        if self._reader.done():
            self._reader.result()
        if self._socket.frames != self._frames or self._blocked:
            self._frames, self._heard_at = self._socket.frames, now
        elif now - self._heard_at > timing.silence_s:
            return f"silent for {now - self._heard_at:.1f} s"
        asked = self.subscriptions.asked
        if asked is not None and now - asked.sent_at > timing.answer_s and not self._blocked:
            return f"no answer to a request for {len(asked.symbols)} symbols"
        return None

    @property
    def expiring(self) -> bool:
        """Whether it is about to be closed by the exchange."""
        return self.ending or self._context.clock() - self._opened_at > self._context.adapter.exchange.lifetime_s

    def has_everything(self) -> bool:
        """Return whether a successor may take over: it has run long enough beside the connection before it, and no
        trade is missing between the two, or it has run so long that there is no use in waiting for that."""
        now, timing = self._context.clock(), self._context.timing
        if not self.subscriptions.complete:
            self._incomplete_at = now
        contiguous = self._context.adapter.exchange.ids == "contiguous"
        follows = not contiguous or self._context.queue.given.reach(self._first_ids)
        waited = now - self._incomplete_at >= timing.overlap_s
        return (waited and follows) or now - self._opened_at > timing.overlap_max_s

    def give_held(self) -> int:
        """Give out what was held and not given out already, and from here on everything at once.

        Returns how many trades the connection before it had brought too.
        """
        held, self._held, self._take = self._held, [], self._context.queue.put_trade
        fresh = self._context.queue.given.without_given(held)
        for trade in fresh:
            self._context.queue.put_trade(trade)
        return len(held) - len(fresh)

    # Its end.

    async def say_goodbye(self) -> None:
        """Unsubscribe as far as that goes in `goodbye_s`, close, read what had been received until then, end."""
        try:
            await self._unsubscribe_all()
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._socket.close()
                await asyncio.shield(self._reader)
        except TimeoutError:
            log.warning("%s: the connection did not close within %g s", self._name, CLOSE_TIMEOUT_S)
        finally:
            await self.end()

    async def _unsubscribe_all(self) -> None:
        self.subscriptions.want(())
        timing = self._context.timing
        until = self._context.clock() + timing.goodbye_s
        while self.ended is None and not self.subscriptions.complete and self._context.clock() < until:
            await self.ask()
            await self._context.wait(min(timing.tick_s, self.request_due_s()))

    async def end(self) -> None:
        """Stop reading and let go of the socket, without waiting for the other side."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._socket.transport.abort()
