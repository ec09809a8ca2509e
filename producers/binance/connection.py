"""One socket to Binance's streams, what is known about it, and how long things may take."""

import asyncio
import logging
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.protocol import Event as ProtocolEvent

from schemas.records import Trade

log = logging.getLogger(__name__)

FRAMES_MAX = 4_096
CLOSE_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Timing:
    """How long things may take, in seconds."""

    lifetime_s: float = 23 * 3_600
    """A connection this old is replaced: an hour before the exchange ends it."""
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
    requests_per_s: float = 3
    tick_s: float = 0.25


class CountingSocket(ClientConnection):
    """Counts every frame, pings and pongs too: they are what is heard in a quiet market."""

    frames = 0

    def process_event(self, event: ProtocolEvent) -> None:
        self.frames += 1
        super().process_event(event)


@dataclass(slots=True)
class Pending:
    """A request that the exchange has not answered yet."""

    method: str
    symbols: list[str]
    sent_at: float


@dataclass(slots=True, eq=False)
class Connection:
    """One socket and what is known about it."""

    socket: CountingSocket
    opened_at: float
    symbols: set[str]
    held: list[Trade] | None
    """The trades that wait for the end of a handover; `None` where they are given out at once."""
    heard_at: float = 0.0
    frames: int = 0
    next_request_at: float = 0.0
    pending: dict[int, Pending] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    shutdown: bool = False
    blocked: bool = False
    ended: str | None = None
    reader: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.heard_at = self.opened_at

    def hold(self, trade: Trade) -> None:
        """Keep a trade for the end of the handover."""
        assert self.held is not None
        self.first.setdefault(trade.symbol, trade.trade_id)
        self.held.append(trade)

    def follows(self, highest: dict[str, int]) -> bool:
        """Whether nothing is missing between what was given out and what is held."""
        return all(highest.get(symbol, first) >= first - 1 for symbol, first in self.first.items())

    async def close_and_drain(self) -> None:
        """Close, and read what had been received until then."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self.socket.close()
                if self.reader is not None:
                    await asyncio.shield(self.reader)
        except TimeoutError:
            log.warning("the connection did not close within %g s", CLOSE_TIMEOUT_S)

    async def end(self) -> None:
        """Stop reading and let go of the socket, without waiting for the other side."""
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)
        self.socket.transport.abort()


async def open_socket(url: str, timing: Timing) -> CountingSocket:
    """Connect. Raises `OSError`, `TimeoutError` or a `WebSocketException`."""
    socket = await connect(
        url,
        compression=None,
        max_queue=FRAMES_MAX,
        open_timeout=timing.connect_s,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=timing.ping_s,
        ping_timeout=None,
        proxy=None if is_loopback(url) else True,
        create_connection=CountingSocket,
    )
    assert isinstance(socket, CountingSocket)
    return socket


def is_loopback(url: str) -> bool:
    """Whether a URL is of this machine, where no proxy must come between."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def retry_after(error: Exception) -> float:
    """The seconds that a refusal asks to wait."""
    if not isinstance(error, InvalidStatus):
        return 0.0
    text = error.response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
