"""The adapter of Binance: its trade streams for a session.

What the exchange demands (WebSocket Streams, mid 2026): a connection lives 24 hours at most, carries 1,024 streams,
and may send 5 messages a second, pongs included; `serverShutdown` announces its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from producers.adapter import Address, Exchange, Hole, Newest, Page
from producers.binance import history
from producers.binance.protocol import EXCHANGE, PARAMS_PER_REQUEST, STREAMS_MAX, parse_frame, request, stream_url
from producers.rest import Rest, known

BINANCE = Exchange(
    name=EXCHANGE,
    messages_per_s=3,
    symbols_per_connection=STREAMS_MAX,
    symbols_per_request=PARAMS_PER_REQUEST,
    lifetime_s=23 * 3_600,
    ids="contiguous",
)


@dataclass(frozen=True)
class Binance:
    """Binance as a session uses it, at the base URL `url`; without `rest` it has no past."""

    url: str
    exchange: Exchange = BINANCE
    rest: Rest | None = None

    parse = staticmethod(parse_frame)

    def address(self, symbols: Sequence[str]) -> Address:
        """Return the URL of a connection that begins with the first of `symbols`."""
        first = symbols[:PARAMS_PER_REQUEST]
        return Address(stream_url(self.url, first), frozenset(first))

    def subscribe(self, symbols: Sequence[str], request_id: int) -> str:
        """Return the request for the streams of `symbols`."""
        return request("SUBSCRIBE", symbols, request_id)

    def unsubscribe(self, symbols: Sequence[str], request_id: int) -> str:
        """Return the request that ends the streams of `symbols`."""
        return request("UNSUBSCRIBE", symbols, request_id)

    async def history(self, hole: Hole) -> Page:
        """Return the first thousand trades of a hole at most."""
        params = history.page_params(hole)
        raw = await known(self.rest, self.exchange).get(
            history.TRADES_PATH, params, history.TRADES_WEIGHT, history.HEADERS
        )
        return history.parse_page(raw, hole, self.exchange.name)

    async def newest(self, symbols: Sequence[str]) -> Sequence[Newest]:
        """Return the newest ids by one request for all `symbols`."""
        params, weight = history.newest_request(symbols)
        return history.parse_newest(
            await known(self.rest, self.exchange).get(history.TICKER_PATH, params, weight), symbols
        )
