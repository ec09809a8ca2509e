"""The seam between a session and an exchange: what an adapter has to say, and the words it says it in.

An adapter has no socket, no clock and no state: `producers.session` has them, for every exchange alike. What is asked
over REST goes through `producers.rest`, which keeps the exchange's limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from producers.source import BadRecord, Reconnected
from schemas.records import Trade

Ids = Literal["contiguous", "global"]
"""Whether the trade ids of a symbol rise by one, so that an id that is left out is a trade that is missing; or belong
to all symbols together, so that they rise, and say no more."""


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
    ids: Ids
    heartbeat: str | None = None
    """A message to be sent each `heartbeat_s` seconds."""
    heartbeat_s: float = 10


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


@dataclass(frozen=True, slots=True)
class Newest:
    """What an exchange says is the newest trade of a symbol: its id, and its time in microseconds where that is said.

    `None` for an id where the exchange knows of no trade.
    """

    symbol: str
    trade_id: int | None
    trade_time: int | None = None


@dataclass(frozen=True, slots=True)
class Unheeded:
    """A frame of the protocol that says nothing that matters."""


Frame = Trade | Answer | Ending | Newest | Unheeded | BadRecord
Notice = Newest | Reconnected
"""What a session tells among its trades, for whoever looks after holes (`producers.holes`)."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Trades of a symbol that are missing: those with ids above `after_id` and below `before_id`.

    The times are those of the trades on either side, in microseconds: an exchange with global ids is asked by them.
    """

    symbol: str
    after_id: int
    before_id: int
    after_time: int
    before_time: int


@dataclass(frozen=True, slots=True)
class Page:
    """The first trades of a hole, in the order of their ids; whoever asked marks them as filled and when received.

    The exchange has no others with ids up to `reached`; the next page is asked for after that. It is `before_id - 1`
    once all is told, and `after_id` where the answer says nothing yet (it came from a cache that is behind).
    """

    trades: Sequence[Trade]
    reached: int
    unread: str | None = None
    """Why a row of the answer was left out, where one was."""


class HistoryUnavailable(Exception):
    """Trades of the past that cannot be had: in `again_s` seconds perhaps, or never (`None`)."""

    def __init__(self, reason: str, again_s: float | None) -> None:
        super().__init__(reason)
        self.again_s = again_s


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

    async def history(self, hole: Hole) -> Page:
        """Return the first trades of a hole, as many as one request gives. Raises `HistoryUnavailable`."""
        ...

    async def newest(self, symbols: Sequence[str]) -> Sequence[Newest]:
        """Return what REST says is the newest trade of each of `symbols`, as few or many requests as that takes.

        Those of which it says nothing are left out. Raises `HistoryUnavailable`.
        """
        ...
