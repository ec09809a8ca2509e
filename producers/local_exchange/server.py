"""A local exchange on loopback, playing a simulated market or files in the words of a real one.

`python -m producers.local_exchange` runs it. It keeps the limits of the exchange that it plays (messages a second,
pings to be answered, REST calls), and tests make it misbehave: see `LocalExchange.drop`, what follows it, and `Faults`.
"""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from infra.config import LOOPBACK
from producers.local_exchange.binance import BinanceDialect
from producers.local_exchange.clients import Client
from producers.local_exchange.dialect import Dialect, Floor
from producers.local_exchange.faults import Faults, HttpFault
from producers.local_exchange.frames import ping_frame, text_frame
from producers.local_exchange.history import History
from producers.local_exchange.journal import Journal
from producers.local_exchange.limits import Limit
from producers.local_exchange.rest import RestCalls, refused
from producers.pace import paced
from schemas.records import Instrument, Trade

log = logging.getLogger(__name__)

HISTORY = 10_000
BUFFER_MAX = 1 << 20
"""Bytes that a client may be behind before the play waits for it."""
SLOW_S = 30.0
"""A client that makes the play wait for so long is disconnected."""
WAIT_S = 0.002
TICK_S = 1.0


@dataclass(frozen=True)
class Play:
    """What is played: `trades` are made when the play begins, once `wait_for` symbols all have a subscriber."""

    trades: Callable[[], Iterator[Trade]]
    speed: float | None = 1.0
    wait_for: frozenset[str] = frozenset()
    journal: Path | None = None
    """Written in the layout of the recordings: every trade that was sent to at least one subscriber."""
    tape: Path | None = None
    """Like the journal, with every trade that was made, sent or not."""
    history: int = HISTORY
    """Trades a symbol that REST can tell of."""


@dataclass(frozen=True)
class Manners:
    """How the exchange treats its connections, in seconds; the numbers of Binance."""

    ping_s: float = 20
    pong_s: float = 60
    lifetime_s: float = 24 * 3_600


class LocalExchange:
    """One exchange on `127.0.0.1:port`; port 0 takes a free one, to be read from `port` after `start`."""

    def __init__(
        self,
        markets: list[Instrument],
        play: Play,
        port: int = 0,
        manners: Manners | None = None,
        dialect: Callable[[Floor], Dialect] = BinanceDialect,
    ):
        self.port = port
        self.faults = Faults()
        self.sent: Counter[str] = Counter()
        """Trades by symbol that were sent to at least one subscriber."""
        self.messages: list[str] = []
        """The last requests of clients, for tests."""
        self.made = 0
        """Trades that were made, sent or not."""
        self.finished = asyncio.Event()
        self.handshakes = 0
        self.pongs = 0
        """Pongs that echoed a ping of ours."""
        self.floor = Floor(
            {market.symbol: market for market in markets},
            {market.symbol: History(play.history) for market in markets},
            _now_us,
        )
        self._dialect = dialect(self.floor)
        self.rest = RestCalls(self._dialect, self.faults)
        self._play = play
        self._manners = manners or Manners()
        self._clients: set[Client] = set()
        self._late: defaultdict[str, list[Trade]] = defaultdict(list)
        self._last_sent: dict[str, Trade] = {}
        self._before_first: dict[str, int] | None = None
        """Where ids began anew: the id, by symbol, below the first one since."""
        self._subscribed = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None

    @property
    def stream_url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}"

    @property
    def rest_url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Listen, and play as soon as the awaited symbols are subscribed. Raises `OSError` when the port is taken."""
        app = web.Application()
        app.add_routes([web.get(path, self._stream) for path in self._dialect.streams])
        app.add_routes([web.get(route.path, self.rest.answering(route)) for route in self._dialect.routes])
        app.add_routes([web.get("/local/status", self._status), web.post("/local/cut", self._cut)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._tasks = [asyncio.create_task(work()) for work in (self._run_play, self._watch_clients, self._tick)]

    async def stop(self) -> None:
        """Stop playing, close every connection, stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in list(self._clients):
            client.transport.abort()
        if self._runner is not None:
            await self._runner.cleanup()

    async def run(self) -> None:
        """Serve until cancelled. Raises whatever ended the play."""
        await asyncio.gather(*self._tasks)

    def pause(self) -> None:
        """Make no more trades until `resume`; all else goes on."""
        self._open.clear()

    def resume(self) -> None:
        """Make trades again; those that were due meanwhile come at once."""
        self._open.set()

    # Misbehaviour, for tests.

    def drop(self, mid_frame: bool = False) -> None:
        """Reset every connection, with `mid_frame` after half a frame."""
        for client in list(self._clients):
            if mid_frame:
                client.write(text_frame(b'{"stream":"x@trade","data":{"e":"trade"}}')[:20])
                client.transport.close()
            else:
                client.transport.abort()

    def cut(self, seconds: float) -> None:
        """Reset every connection and refuse new ones for so long; the market goes on."""
        self.faults.cut_until = time.monotonic() + seconds
        self.drop()

    def go_silent(self) -> None:
        """Say nothing more on the present connections, and answer no ping: they are half open."""
        for client in self._clients:
            client.silent = True

    def mute(self, symbol: str) -> None:
        """Send no more trades of a symbol to who is subscribed now, while all else goes on."""
        for client in self._clients:
            client.muted.add(symbol)

    def send_text(self, payload: bytes) -> None:
        """Send one text frame, whatever is in it, to every client."""
        for client in self._clients:
            client.write(text_frame(payload))

    def announce_shutdown(self, wrapped: bool = False) -> None:
        """Tell every client that its connection is about to end."""
        self.send_text(self._dialect.ending(wrapped))

    def skip(self, symbol: str, trades: int) -> None:
        """Never send the next trades of a symbol: the ids that subscribers see have a gap, which REST can fill."""
        self.faults.skipped[symbol] += trades

    def hold(self, symbol: str, trades: int) -> None:
        """Hold the next trades of a symbol until `release`."""
        self.faults.held[symbol] += trades

    def release(self, symbol: str) -> None:
        """Send the trades of a symbol that were held: late, after newer ones."""
        self._note(self._send(self._late.pop(symbol, [])))

    def repeat_last(self, symbol: str) -> None:
        """Send a symbol's last trade that had a subscriber again. Raises `KeyError` while there is none."""
        self._send([self._last_sent[symbol]])

    def restart_ids(self) -> None:
        """Let the ids of every symbol begin anew at 1, as where a test network is wiped; what was before is gone."""
        self._before_first = {}
        for history in self.floor.history.values():
            history.clear()

    # The play.

    async def _run_play(self) -> None:
        while not self._play.wait_for <= self._subscribed_symbols():
            self._subscribed.clear()
            await self._subscribed.wait()
        self._journal, tape = Journal(self._play.journal), Journal(self._play.tape)
        try:
            async for batch in paced(self._play.trades(), self._play.speed):
                await self._open.wait()
                trades = [self._numbered(trade) for trade in batch if isinstance(trade, Trade)]
                self.made += len(trades)
                tape.add(trades)
                self._emit(trades)
                await self._until_drained()
        finally:
            self._journal.close()
            tape.close()
        self.finished.set()
        log.info("played all: %d trades sent", self.sent.total())

    def _numbered(self, trade: Trade) -> Trade:
        if self._before_first is None:
            return trade
        whose = "" if self._dialect.shared_ids else trade.symbol
        before = self._before_first.setdefault(whose, trade.trade_id - 1)
        return msgspec.structs.replace(trade, trade_id=trade.trade_id - before)

    def _emit(self, trades: list[Trade]) -> None:
        going_out = []
        for trade in trades:
            if trade.symbol in self.floor.history:
                self.floor.history[trade.symbol].append(trade)
            if self.faults.take(self.faults.skipped, trade.symbol):
                continue
            if self.faults.take(self.faults.held, trade.symbol):
                self._late[trade.symbol].append(trade)
                continue
            going_out.append(trade)
        self._note(self._send(going_out))

    def _note(self, sent: list[Trade]) -> None:
        for trade in sent:
            self.sent[trade.symbol] += 1
            self._last_sent[trade.symbol] = trade
        self._journal.add(sent)

    def _send(self, trades: list[Trade]) -> list[Trade]:
        """Write each trade to its subscribers. Returns those trades that had one."""
        outgoing: dict[Client, list[bytes]] = {client: [] for client in self._clients if client.listening}
        sent = []
        for trade in trades:
            frames: dict[object, bytes] = {}
            for client, chunks in outgoing.items():
                if not client.takes(trade.symbol):
                    continue
                form = client.conversation.form
                if form not in frames:
                    frames[form] = text_frame(self._dialect.trade(trade, form))
                chunks.append(frames[form])
            if frames:
                sent.append(trade)
        for client, chunks in outgoing.items():
            client.write(b"".join(chunks))
        return sent

    async def _until_drained(self) -> None:
        """Wait for clients that are behind, so that a play faster than they are loses nothing."""
        deadline = time.monotonic() + SLOW_S
        while behind := [
            client
            for client in self._clients
            if client.listening and client.transport.get_write_buffer_size() > BUFFER_MAX
        ]:
            await asyncio.sleep(WAIT_S)
            if time.monotonic() > deadline:
                for client in behind:
                    log.warning("a client took nothing for %g s: disconnected", SLOW_S)
                    client.transport.abort()
                    self._clients.discard(client)

    def _subscribed_symbols(self) -> set[str]:
        return {
            symbol
            for symbol in self.floor.markets
            if any(client.conversation.carries(symbol) for client in self._clients)
        }

    # Connections.

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.handshakes += 1
        if time.monotonic() < self.faults.cut_until:
            return refused(HttpFault(503))
        if self.faults.handshakes:
            return refused(self.faults.handshakes.popleft())
        conversation = self._dialect.greet(request.path, request.match_info.get("stream", ""), request.query)
        if isinstance(conversation, str):
            return refused(HttpFault(400, body=conversation))
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=1 << 16)
        await socket.prepare(request)
        assert request.transport is not None
        client = Client(socket, request.transport, conversation, Limit(self._dialect.messages_per_s, 1.0))
        self._clients.add(client)
        self._subscribed.set()
        try:
            await self._converse(client)
        finally:
            self._clients.discard(client)
        return socket

    async def _converse(self, client: Client) -> None:
        async for message in client.socket:
            if not client.listening:
                continue
            if client.messages.exceeded(time.monotonic()):
                log.warning("a client sent more than %d messages in a second", self._dialect.messages_per_s)
                await client.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
                return
            if message.type is WSMsgType.PING:
                await client.socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self.pongs += client.pings.pop(bytes(message.data), None) is not None
            elif message.type is WSMsgType.TEXT:
                self._hear(client, message.data)

    def _hear(self, client: Client, text: str) -> None:
        self.messages = [*self.messages[-999:], text]
        client.asked = True
        if self.faults.refused_requests:
            self.faults.refused_requests -= 1
            client.answer(client.conversation.refuse(text, self.faults.refusals_have_ids))
        else:
            client.answer(client.conversation.hear(text))
        self._subscribed.set()

    async def _watch_clients(self) -> None:
        """Ping; disconnect who does not answer with the same payload, asks for nothing, or has been here too long."""
        manners, last_ping = self._manners, time.monotonic()
        while True:
            await asyncio.sleep(min(0.5, manners.ping_s / 4))
            now = time.monotonic()
            pinging = now - last_ping >= manners.ping_s
            last_ping = now if pinging else last_ping
            for client in [client for client in self._clients if client.listening]:
                why = self._unwanted(client, now)
                if why:
                    log.info("disconnecting a client: %s", why)
                    client.transport.close()
                elif pinging:
                    payload = str(_now_us()).encode()
                    client.pings[payload] = now
                    client.write(ping_frame(payload))

    def _unwanted(self, client: Client, now: float) -> str:
        age = now - client.opened_at
        if any(now - sent > self._manners.pong_s for sent in client.pings.values()):
            return "no pong"
        if not client.asked and age > self._dialect.first_message_s:
            return "it asks for nothing"
        return "its time is over" if age > self._manners.lifetime_s else ""

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for client in [client for client in self._clients if client.listening]:
                client.answer(client.conversation.tick())

    # Not of any exchange: for the demo.

    async def _status(self, _: web.Request) -> web.Response:
        """Tell how far the play is."""
        return web.json_response(
            {
                "finished": self.finished.is_set(),
                "sent": dict(self.sent),
                "clients": len(self._clients),
                "subscribed": sorted(self._subscribed_symbols()),
            }
        )

    async def _cut(self, request: web.Request) -> web.Response:
        """Cut the streams for `?seconds=`."""
        self.cut(float(request.query.get("seconds", "0")))
        return web.json_response({})


def _now_us() -> int:
    return time.time_ns() // 1_000
