"""The WebSocket below a connection: opened without a proxy where it is of this machine, with its frames counted."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.protocol import Event as ProtocolEvent

FRAMES_MAX = 4_096
CLOSE_TIMEOUT_S = 5.0


class CountingSocket(ClientConnection):
    """Counts every frame, pings and pongs too: they are what is heard in a quiet market."""

    frames = 0

    def process_event(self, event: ProtocolEvent) -> None:
        self.frames += 1
        super().process_event(event)


async def open_socket(url: str, connect_s: float, ping_s: float) -> CountingSocket:
    """Connect within `connect_s`, then ping every `ping_s` seconds.

    Raises `OSError`, `TimeoutError` or a `WebSocketException`.
    """
    socket = await connect(
        url,
        compression=None,
        max_queue=FRAMES_MAX,
        open_timeout=connect_s,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=ping_s,
        ping_timeout=None,
        proxy=None if is_loopback(url) else True,
        create_connection=CountingSocket,
    )
    assert isinstance(socket, CountingSocket)
    return socket


def is_loopback(url: str) -> bool:
    """Return whether a URL is of this machine, where no proxy must come between."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def retry_after(error: Exception) -> float:
    """Return the seconds that a refusal asks to wait, 0 where it asks for nothing."""
    if not isinstance(error, InvalidStatus):
        return 0.0
    text = error.response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
