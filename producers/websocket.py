"""The WebSocket below a connection: opened without a proxy where it is of this machine, with its frames counted."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.protocol import Event as ProtocolEvent

from producers.retry_after import retry_after_s

FRAMES_MAX = 4_096
FRAME_BYTES_MAX = 16 << 20
"""One that is larger ends the connection; a dead letter holds a part of what is no trade."""
CLOSE_TIMEOUT_S = 1.5
"""With unsubscribing before it within what the end of a producer may take."""
SHOWN = 200
"""Bytes of a refusal's body that are told."""


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
        max_size=FRAME_BYTES_MAX,
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


def retry_after(error: Exception, now_s: float) -> float:
    """Return the seconds that a refusal asks to wait at `now_s` (seconds since the epoch), 0 for nothing."""
    if not isinstance(error, InvalidStatus):
        return 0.0
    return retry_after_s(error.response.headers.get("Retry-After", ""), now_s)


def reason(error: Exception) -> str:
    """Return why a connection could not be opened; a refusal with what its body says."""
    text = str(error) or type(error).__name__
    if not isinstance(error, InvalidStatus) or not error.response.body:
        return text
    said = bytes(error.response.body[:SHOWN]).decode(errors="replace").strip()
    return f"{text}: {said}" if said else text
