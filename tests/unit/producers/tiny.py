"""A second exchange for tests, as unlike Binance as the seam allows, and its adapter.

Its address names no symbol, a request names one, answers do not say what they answer, ids do not rise by one.
Frames: `+X` and `-X` ask, `ok` and `no` answer, `X 7` is trade 7 of X, `bye` announces the end, `bug` makes the adapter
fail.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from producers.adapter import Address, Answer, Ending, Exchange, Frame, Hole, Newest, Page
from producers.source import BadRecord
from schemas.records import Trade
from schemas.units import ONE

TINY = Exchange(
    name="tiny",
    messages_per_s=1_000,
    symbols_per_connection=10,
    symbols_per_request=1,
    lifetime_s=3_600,
    ids="global",
)
TIME = 1_735_689_600_000_000


@dataclass(frozen=True)
class Tiny:
    """The adapter."""

    url: str
    exchange: Exchange = TINY

    def address(self, symbols: Sequence[str]) -> Address:
        return Address(self.url, frozenset())

    def subscribe(self, symbols: Sequence[str], request_id: int) -> str:
        return f"+{' '.join(symbols)}"

    def unsubscribe(self, symbols: Sequence[str], request_id: int) -> str:
        return f"-{' '.join(symbols)}"

    def parse(self, raw: bytes, received_time: int) -> Frame:
        match raw.decode().split(" "):
            case ["ok"]:
                return Answer(None, None)
            case ["no"]:
                return Answer(None, "unknown")
            case ["bye"]:
                return Ending()
            case ["bug"]:
                raise RuntimeError("a bug in the adapter")
            case [symbol, trade_id]:
                return tiny_trade(symbol, int(trade_id))
        return BadRecord("tiny stream", raw, "no word of tiny")

    async def history(self, hole: Hole) -> Page:
        return Page((), hole.before_id - 1)

    async def newest(self, symbols: Sequence[str]) -> Sequence[Newest]:
        return ()


def tiny_trade(symbol: str, trade_id: int) -> Trade:
    """A trade as the adapter reads it, all of one price, quantity and time."""
    return Trade(
        exchange="tiny",
        symbol=symbol,
        price=ONE,
        quantity=ONE,
        trade_id=trade_id,
        trade_time=TIME,
        event_time=TIME,
        received_time=TIME,
        buyer_is_maker=True,
    )


class TinyExchange:
    """The server, on loopback. `async with` it.

    Told nothing else, it answers every request, each subscription with a trade too, and sends what a test gives
    `sockets`.
    """

    def __init__(self, unknown: Sequence[str] = (), after_subscribing: Sequence[str] = (), cuts: bool = False) -> None:
        self.refusing = False
        """Whether handshakes are refused with HTTP 503, and by `Retry-After` for how long."""
        self.retry_after = ""
        self.sockets: list[ServerConnection] = []
        """Every connection there was, in order."""
        self.requests: list[str] = []
        self.handshakes = 0
        self._unknown, self._after_subscribing, self._cuts = unknown, after_subscribing, cuts
        self._ids = count(1)
        self._server: Server | None = None

    async def __aenter__(self) -> "TinyExchange":
        self._server = await serve(self._converse, "127.0.0.1", 0, process_request=self._greet, compression=None)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    def _greet(self, connection: ServerConnection, _: Request) -> Response | None:
        self.handshakes += 1
        if not self.refusing:
            return None
        response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "no")
        response.headers["Retry-After"] = self.retry_after
        return response

    async def _converse(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        with suppress(ConnectionClosed):
            async for message in socket:
                assert isinstance(message, str)
                self.requests.append(message)
                for frame in self._answers(message[0], message[1:].split(" ")):
                    await socket.send(frame)
                if self._cuts:
                    socket.transport.abort()

    def _answers(self, sign: str, symbols: list[str]) -> list[str]:
        if set(symbols) & set(self._unknown):
            return ["no"]
        if sign == "-":
            return ["ok"]
        return ["ok", *(f"{symbol} {next(self._ids)}" for symbol in symbols), *self._after_subscribing]
