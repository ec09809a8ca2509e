"""The adapter of Bitstamp: its live trades for a session.

What the exchange demands ("WebSocket API v2", mid 2026): one channel a request, a heartbeat now and then, a successor
as soon as it asks for one; a connection lives 90 days at most. It names no limit of messages or channels.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from producers.adapter import Address, Exchange, Hole, Newest, Page
from producers.bitstamp import history
from producers.bitstamp.protocol import EXCHANGE, HEARTBEAT, HEARTBEAT_S, parse_frame, request
from producers.rest import Rest, known, one_by_one

BITSTAMP = Exchange(
    name=EXCHANGE,
    messages_per_s=10,
    symbols_per_connection=500,
    symbols_per_request=1,
    lifetime_s=80 * 24 * 3_600,
    ids="global",
    heartbeat=HEARTBEAT,
    heartbeat_s=HEARTBEAT_S,
)


def _now_us() -> int:
    return time.time_ns() // 1_000


@dataclass(frozen=True)
class Bitstamp:
    """Bitstamp as a session uses it, at the base URL `url`; without `rest` it has no past."""

    url: str
    exchange: Exchange = BITSTAMP
    rest: Rest | None = None
    now_us: Callable[[], int] = _now_us
    """Its trades of the past are asked for by how long ago they were."""

    parse = staticmethod(parse_frame)

    def address(self, symbols: Sequence[str]) -> Address:
        """Return the URL of the stream, which names no pair."""
        return Address(self.url, frozenset())

    def subscribe(self, symbols: Sequence[str], request_id: int) -> str:
        """Return the request for the trades of the one symbol."""
        return request("bts:subscribe", symbols[0])

    def unsubscribe(self, symbols: Sequence[str], request_id: int) -> str:
        """Return the request that ends the trades of the one symbol."""
        return request("bts:unsubscribe", symbols[0])

    async def history(self, hole: Hole) -> Page:
        """Return the trades of a hole, all of them: those of one window."""
        window = history.window(hole, self.now_us())
        raw = await known(self.rest, self.exchange).get(history.transactions_path(hole.symbol), {"time": window})
        return history.parse_page(raw, hole)

    async def newest(self, symbols: Sequence[str]) -> Sequence[Newest]:
        """Return the newest trades of the last hour by a request for each of `symbols`."""

        async def ask(symbol: str) -> Newest:
            raw = await known(self.rest, self.exchange).get(history.transactions_path(symbol), {"time": "hour"})
            return history.parse_newest(raw, symbol)

        return await one_by_one(symbols, ask)
