"""The seam between the local exchange and a protocol: what an exchange's words, limits and REST calls are.

A dialect has no socket and no clock; `producers.local_exchange.server` has them, for every protocol alike.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from producers.local_exchange.history import History
from schemas.records import Instrument, Trade


@dataclass
class Floor:
    """What is traded, and what a protocol may tell of it."""

    markets: dict[str, Instrument]
    history: dict[str, History]
    now_us: Callable[[], int]
    unknown: set[str] = field(default_factory=set)
    """Symbols for which every subscription is refused, although they are traded."""
    unseen: int = 0
    """So many of the newest trades of each symbol are not told of yet: REST answers out of a cache."""


class Call(NamedTuple):
    """A REST request."""

    place: Mapping[str, str]
    """What the path names."""
    query: Mapping[str, str]
    headers: Mapping[str, str]


class Reply(NamedTuple):
    """The answer to a REST request."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}


@dataclass(frozen=True)
class Route:
    """A REST call: `path` as aiohttp takes it, and what it costs of the limit."""

    path: str
    answer: Callable[[Call], Reply]
    weight: int = 1


class Conversation(Protocol):
    """One connection as the exchange sees it."""

    @property
    def form(self) -> Hashable:
        """What tells apart the forms in which the dialect writes one trade."""
        ...

    def carries(self, symbol: str) -> bool:
        """Return whether the trades of a symbol are subscribed."""
        ...

    def hear(self, text: str) -> list[bytes]:
        """Return what is answered to a message."""
        ...

    def refuse(self, text: str, with_id: bool) -> list[bytes]:
        """Return what is answered to a message that is refused, whatever is in it."""
        ...

    def tick(self) -> list[bytes]:
        """Return what is sent each second without being asked."""
        ...


class Dialect(Protocol):
    """A protocol."""

    shared_ids: bool
    """Whether ids are those of all symbols together."""
    messages_per_s: int
    """A client that sends more is disconnected."""
    weight_max: int
    weight_s: float
    """REST calls of so much weight are answered in so many seconds; what is beyond is refused with HTTP 429."""
    streams: tuple[str, ...]
    """The paths at which a WebSocket can be opened."""
    routes: tuple[Route, ...]
    first_message_s: float
    """A client that has asked for nothing for so long is disconnected."""

    def greet(self, path: str, stream: str, query: Mapping[str, str]) -> Conversation | str:
        """Return the conversation of a new connection, or why it is refused with HTTP 400."""
        ...

    def trade(self, trade: Trade, form: Hashable) -> bytes:
        """Return the event of a trade."""
        ...

    def ending(self, wrapped: bool) -> bytes:
        """Return the announcement that the connection is about to end."""
        ...
