"""One client of the local exchange: its socket, what it carries, how it behaves."""

import asyncio
import time
from dataclasses import dataclass, field

from aiohttp import web

from producers.local_exchange.dialect import Conversation
from producers.local_exchange.frames import text_frame
from producers.local_exchange.limits import Limit


@dataclass(eq=False)
class Client:
    """A connection."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport
    conversation: Conversation
    messages: Limit
    opened_at: float = field(default_factory=time.monotonic)
    asked: bool = False
    """Whether it has sent a text."""
    pings: dict[bytes, float] = field(default_factory=dict)
    silent: bool = False
    """Whether nothing is sent to it any more, no pong either."""
    muted: set[str] = field(default_factory=set)
    """Symbols that are subscribed and not sent, until they are subscribed anew."""

    @property
    def listening(self) -> bool:
        """Whether there is anybody to write to."""
        return not self.silent and not self.socket.closed and not self.transport.is_closing()

    def takes(self, symbol: str) -> bool:
        """Return whether a trade of the symbol is sent to it."""
        return self.conversation.carries(symbol) and symbol not in self.muted

    def answer(self, payloads: list[bytes]) -> None:
        """Send what was answered, and forget the mutes of what is not carried any more."""
        self.muted = {symbol for symbol in self.muted if self.conversation.carries(symbol)}
        self.write(b"".join(text_frame(payload) for payload in payloads))

    def write(self, data: bytes) -> None:
        """Send, if there is anybody to send to: some event loops raise where there is not."""
        if data and self.listening:
            self.transport.write(data)
