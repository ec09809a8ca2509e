"""A local exchange: Binance's trade streams and public REST calls on loopback, playing a simulated market or files.

`python -m producers.local_exchange` runs it. It keeps Binance's limits (5 messages a second, 1,024 streams, pings to
be answered), and tests make it misbehave: see `LocalExchange.drop` and what follows it.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

from aiohttp import WSCloseCode, WSMsgType, web

from infra.config import LOOPBACK
from producers.local_exchange.wire import (
    STREAMS_MAX,
    Subscriptions,
    decimal,
    exchange_info,
    historical_trades,
    rest_error,
    shutdown_event,
    text_frame,
    trade_event,
)
from producers.pace import paced
from producers.recorded.layouts import RECORDING
from schemas.records import Instrument, Trade

log = logging.getLogger(__name__)

MESSAGES_PER_S = 5
HISTORY = 10_000
"""Trades a symbol kept for `historicalTrades`."""
BUFFER_MAX = 1 << 20
"""Bytes that a client may be behind before the play waits for it."""
SLOW_S = 30.0
"""A client that makes the play wait for so long is disconnected."""
WAIT_S = 0.002


@dataclass(frozen=True)
class Play:
    """What is played: `trades` are made when the play begins, once `wait_for` symbols all have a subscriber."""

    trades: Callable[[], Iterator[Trade]]
    speed: float | None = 1.0
    wait_for: frozenset[str] = frozenset()
    journal: Path | None = None
    """Written in the layout of the recordings: every trade that was sent to at least one subscriber."""


@dataclass(frozen=True)
class Manners:
    """How the exchange treats its connections, in seconds; the numbers of Binance."""

    ping_s: float = 20
    pong_s: float = 60
    lifetime_s: float = 24 * 3_600


@dataclass(eq=False)
class _Client:
    socket: web.WebSocketResponse
    transport: asyncio.Transport
    subscriptions: Subscriptions
    opened_at: float
    messages: deque[float] = field(default_factory=lambda: deque(maxlen=MESSAGES_PER_S + 1))
    pings: dict[bytes, float] = field(default_factory=dict)
    silent: bool = False

    @property
    def listening(self) -> bool:
        """Whether there is anybody to write to."""
        return not self.silent and not self.socket.closed and not self.transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send, if there is anybody to send to: some event loops raise where there is not."""
        if self.listening:
            self.transport.write(data)


class LocalExchange:
    """One exchange on `127.0.0.1:port`; port 0 takes a free one, to be read from `port` after `start`."""

    def __init__(self, markets: list[Instrument], play: Play, port: int = 0, manners: Manners | None = None):
        self.port = port
        self.sent: Counter[str] = Counter()
        """Trades by symbol that were sent to at least one subscriber."""
        self.messages: list[str] = []
        """The last requests of clients, for tests."""
        self.finished = asyncio.Event()
        self.handshakes = 0
        self.pongs = 0
        """Pongs that echoed a ping of ours."""
        self.refusals = 0
        """So many of the next handshakes are refused with HTTP 503."""
        self.refused_requests = 0
        """So many of the next requests on a connection are answered by an error."""
        self._markets = {market.symbol: market for market in markets}
        self._play = play
        self._manners = manners or Manners()
        self._clients: set[_Client] = set()
        self._history: dict[str, deque[Trade]] = {symbol: deque(maxlen=HISTORY) for symbol in self._markets}
        self._skip: Counter[str] = Counter()
        self._subscribed = asyncio.Event()
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
        app.add_routes(
            [
                web.get("/ws", self._stream),
                web.get("/ws/{stream}", self._stream),
                web.get("/stream", self._stream),
                web.get("/api/v3/ping", self._ping),
                web.get("/api/v3/time", self._time),
                web.get("/api/v3/exchangeInfo", self._exchange_info),
                web.get("/api/v3/historicalTrades", self._historical_trades),
                web.get("/local/status", self._status),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._tasks = [asyncio.create_task(self._run_play()), asyncio.create_task(self._watch_clients())]

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

    # Misbehaviour, for tests.

    def drop(self, mid_frame: bool = False) -> None:
        """Reset every connection, with `mid_frame` after half a frame."""
        for client in list(self._clients):
            if mid_frame:
                client.write(text_frame(b'{"stream":"x@trade","data":{"e":"trade"}}')[:20])
                client.transport.close()
            else:
                client.transport.abort()

    def go_silent(self) -> None:
        """Say nothing more on the present connections, and answer no ping: they are half open."""
        for client in self._clients:
            client.silent = True

    def send_text(self, payload: bytes) -> None:
        """Send one text frame, whatever is in it, to every client."""
        for client in self._clients:
            client.write(text_frame(payload))

    def announce_shutdown(self) -> None:
        """Send `serverShutdown` to every client."""
        self.send_text(shutdown_event(_now_us() // 1_000))

    def skip(self, symbol: str, trades: int) -> None:
        """Keep the next trades of a symbol back: the ids that subscribers see have a gap."""
        self._skip[symbol] += trades

    def repeat_last(self, symbol: str) -> None:
        """Send a symbol's last trade again."""
        self._send([self._history[symbol][-1]])

    # The play.

    async def _run_play(self) -> None:
        while not self._play.wait_for <= self._subscribed_symbols():
            self._subscribed.clear()
            await self._subscribed.wait()
        journal = self._play.journal.open("w", encoding="utf-8") if self._play.journal else None
        try:
            if journal:
                journal.write(",".join(RECORDING) + "\n")
            async for batch in paced(self._play.trades(), self._play.speed):
                trades = [trade for trade in batch if isinstance(trade, Trade)]
                self._emit(trades, journal)
                await self._until_drained()
        finally:
            if journal:
                journal.close()
        self.finished.set()
        log.info("played all: %d trades sent", self.sent.total())

    def _emit(self, trades: list[Trade], journal: TextIO | None) -> None:
        going_out = []
        for trade in trades:
            if trade.symbol in self._history:
                self._history[trade.symbol].append(trade)
            if self._skip[trade.symbol] > 0:
                self._skip[trade.symbol] -= 1
            else:
                going_out.append(trade)
        sent = self._send(going_out)
        for trade in sent:
            self.sent[trade.symbol] += 1
        if journal:
            journal.writelines(_recorded(trade) for trade in sent)
            journal.flush()

    def _send(self, trades: list[Trade]) -> list[Trade]:
        """Write each trade to its subscribers. Returns those trades that had one."""
        outgoing: dict[_Client, list[bytes]] = {client: [] for client in self._clients if client.listening}
        sent = []
        for trade in trades:
            stream = f"{trade.symbol.lower()}@trade"
            frames: dict[tuple[bool, bool], bytes] = {}
            for client, chunks in outgoing.items():
                if stream not in client.subscriptions.streams:
                    continue
                form = client.subscriptions.combined, client.subscriptions.micros
                if form not in frames:
                    frames[form] = text_frame(trade_event(trade, *form))
                chunks.append(frames[form])
            if frames:
                sent.append(trade)
        for client, chunks in outgoing.items():
            if chunks:
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
        streams = {stream for client in self._clients for stream in client.subscriptions.streams}
        return {stream.removesuffix("@trade").upper() for stream in streams if stream.endswith("@trade")}

    # Connections.

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.handshakes += 1
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=503, text="Service Unavailable")
        combined = request.path == "/stream"
        named = request.query.get("streams", "").split("/") if combined else [request.match_info.get("stream", "")]
        streams = [stream for stream in named if stream]
        if len(set(streams)) > STREAMS_MAX:
            return web.Response(status=400, text=f"more than {STREAMS_MAX} streams")
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=1 << 16)
        await socket.prepare(request)
        assert request.transport is not None
        micros = request.query.get("timeUnit", "").upper() == "MICROSECOND"
        client = _Client(socket, request.transport, Subscriptions(streams, combined, micros), time.monotonic())
        self._clients.add(client)
        self._subscribed.set()
        try:
            await self._converse(client)
        finally:
            self._clients.discard(client)
        return socket

    async def _converse(self, client: _Client) -> None:
        async for message in client.socket:
            if not client.listening:
                continue
            client.messages.append(time.monotonic())
            if len(client.messages) > MESSAGES_PER_S and client.messages[-1] - client.messages[0] < 1:
                log.warning("a client sent more than %d messages in a second", MESSAGES_PER_S)
                await client.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
                return
            if message.type is WSMsgType.PING:
                await client.socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self.pongs += client.pings.pop(bytes(message.data), None) is not None
            elif message.type is WSMsgType.TEXT:
                self.messages = [*self.messages[-999:], message.data]
                text = message.data
                if self.refused_requests:
                    self.refused_requests -= 1
                    text = text.replace("SUBSCRIBE", "REFUSED")
                client.write(text_frame(client.subscriptions.answer(text)))
                self._subscribed.set()

    async def _watch_clients(self) -> None:
        """Ping; disconnect who does not answer with the same payload, and who has been here for too long."""
        manners, last_ping = self._manners, time.monotonic()
        while True:
            await asyncio.sleep(min(0.5, manners.ping_s / 4))
            now = time.monotonic()
            pinging = now - last_ping >= manners.ping_s
            last_ping = now if pinging else last_ping
            for client in [client for client in self._clients if client.listening]:
                unanswered = any(now - sent > manners.pong_s for sent in client.pings.values())
                if unanswered or now - client.opened_at > manners.lifetime_s:
                    log.info("disconnecting a client: %s", "no pong" if unanswered else "its time is over")
                    client.transport.close()
                elif pinging:
                    payload = str(_now_us()).encode()
                    client.pings[payload] = now
                    client.write(b"\x89" + bytes([len(payload)]) + payload)

    # REST.

    async def _ping(self, _: web.Request) -> web.Response:
        return _json(b"{}")

    async def _time(self, request: web.Request) -> web.Response:
        unit = 1 if _wants_micros(request) else 1_000
        return _json(f'{{"serverTime":{_now_us() // unit}}}'.encode())

    async def _exchange_info(self, request: web.Request) -> web.Response:
        symbol = request.query.get("symbol")
        if symbol is not None and symbol not in self._markets:
            return _json(rest_error(-1121, "Invalid symbol."), 400)
        markets = list(self._markets.values()) if symbol is None else [self._markets[symbol]]
        return _json(exchange_info(markets, _now_us() // 1_000))

    async def _historical_trades(self, request: web.Request) -> web.Response:
        symbol = request.query.get("symbol")
        if not symbol:
            message = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            return _json(rest_error(-1102, message), 400)
        if symbol not in self._history:
            return _json(rest_error(-1121, "Invalid symbol."), 400)
        numbers = {"limit": request.query.get("limit", "500"), "fromId": request.query.get("fromId", "-1")}
        for name, text in numbers.items():
            if not text.removeprefix("-").isdigit():
                return _json(rest_error(-1100, f"Illegal characters found in parameter '{name}'."), 400)
        limit, first = max(1, min(int(numbers["limit"]), 1_000)), int(numbers["fromId"])
        history = self._history[symbol]
        if first < 0:
            chosen = list(history)[-limit:]
        else:
            chosen = list(islice((trade for trade in history if trade.trade_id >= first), limit))
        return _json(historical_trades(chosen, _wants_micros(request)))

    async def _status(self, _: web.Request) -> web.Response:
        """Tell how far the play is: not Binance's, for the demo."""
        return web.json_response(
            {
                "finished": self.finished.is_set(),
                "sent": dict(self.sent),
                "clients": len(self._clients),
                "subscribed": sorted(self._subscribed_symbols()),
            }
        )


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


def _wants_micros(request: web.Request) -> bool:
    return request.headers.get("X-MBX-TIME-UNIT", "").upper() == "MICROSECOND"


def _now_us() -> int:
    return time.time_ns() // 1_000


def _recorded(trade: Trade) -> str:
    buyer = "" if trade.buyer_order_id is None else trade.buyer_order_id
    seller = "" if trade.seller_order_id is None else trade.seller_order_id
    return (
        f"trade,{trade.event_time},{trade.symbol},{trade.trade_id},{decimal(trade.price)},"
        f"{decimal(trade.quantity)},{buyer},{seller},{trade.trade_time},"
        f"{'true' if trade.buyer_is_maker else 'false'}\n"
    )
