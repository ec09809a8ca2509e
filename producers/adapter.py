"""The seam between a session and an exchange: what an adapter has to say, and the words it says it in.

An adapter has no socket, no clock and no state: `producers.session` has them, for every exchange alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from producers.source import BadRecord
from schemas.records import Trade


@dataclass(frozen=True)
class Exchange:
    """What an exchange demands of a connection, and what its trade ids tell."""

    name: str
    """The name that its trades and settings carry."""
    messages_per_s: float
    """So many messages a second are sent on one connection at most; pings and pongs come on top."""
    symbols_per_connection: int
    symbols_per_request: int
    lifetime_s: float
    """A connection this old is replaced; the exchange would end it some time later."""
    contiguous_ids: bool
    """Whether the trade ids of a symbol rise by one, so that an id that is left out is a trade that is missing."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect; `symbols` are those that need no request any more, because the URL names them."""

    url: str
    symbols: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request; `error` is what the exchange says is wrong, `None` for nothing.

    `request_id` is `None` where the answer does not say which request it belongs to.
    """

    request_id: int | str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Ending:
    """The exchange is about to close the connection: time for a successor."""


Frame = Trade | Answer | Ending | BadRecord


class Adapter(Protocol):
    """An exchange as a session uses it."""

    @property
    def exchange(self) -> Exchange:
        """The limits and habits of the exchange."""
        ...

    def address(self, symbols: Sequence[str]) -> Address:
        """Return where to connect for `symbols`, of which the address may name some, all or none."""
        ...

    def subscribe(self, symbols: Sequence[str], request_id: int) -> str:
        """Return the message that asks for the trades of `symbols`, `symbols_per_request` at most."""
        ...

    def unsubscribe(self, symbols: Sequence[str], request_id: int) -> str:
        """Return the message that ends the trades of `symbols`, `symbols_per_request` at most."""
        ...

    def parse(self, raw: bytes, received_time: int) -> Frame:
        """Return what one frame is; `received_time`, in microseconds, goes into a trade. Raises nothing."""
        ...
