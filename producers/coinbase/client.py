"""The adapter of Coinbase Exchange: its matches for a session.

What the exchange demands ("WebSocket Feed": overview, rate limits, mid 2026): a first request within 5 seconds, and 100
messages a second at most. It names no limit of products and of a connection's life.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from producers.adapter import Address, Exchange, Hole, Newest, Page
from producers.coinbase import history
from producers.coinbase.protocol import EXCHANGE, PRODUCTS_PER_REQUEST, parse_frame, request
from producers.rest import Rest, known, one_by_one

COINBASE = Exchange(
    name=EXCHANGE,
    messages_per_s=10,
    symbols_per_connection=1_000,
    symbols_per_request=PRODUCTS_PER_REQUEST,
    lifetime_s=7 * 24 * 3_600,
    ids="contiguous",
)


@dataclass(frozen=True)
class Coinbase:
    """Coinbase Exchange as a session uses it, at the base URL `url`; without `rest` it has no past."""

    url: str
    exchange: Exchange = COINBASE
    rest: Rest | None = None

    parse = staticmethod(parse_frame)

    def address(self, symbols: Sequence[str]) -> Address:
        """Return the URL of the feed, which names no product."""
        return Address(self.url, frozenset())

    def subscribe(self, symbols: Sequence[str], request_id: int) -> str:
        """Return the request for the trades of `symbols`."""
        return request("subscribe", symbols)

    def unsubscribe(self, symbols: Sequence[str], request_id: int) -> str:
        """Return the request that ends the trades of `symbols`."""
        return request("unsubscribe", symbols)

    async def history(self, hole: Hole) -> Page:
        """Return the first thousand trades of a hole at most."""
        raw = await known(self.rest, self.exchange).get(history.trades_path(hole.symbol), history.page_params(hole))
        return history.parse_page(raw, hole)

    async def newest(self, symbols: Sequence[str]) -> Sequence[Newest]:
        """Return the newest trades by a request for each of `symbols`."""

        async def ask(symbol: str) -> Newest:
            raw = await known(self.rest, self.exchange).get(history.trades_path(symbol), {"limit": 1})
            return history.parse_newest(raw, symbol)

        return await one_by_one(symbols, ask)
