"""The local exchange as Binance: its trade streams and its public REST calls.

Source: Binance Spot API documentation, "WebSocket Streams", "REST API" and "Limits", mid 2026.
"""

from collections.abc import Callable, Hashable, Mapping

import msgspec

from producers.local_exchange.binance_words import (
    STREAMS_MAX,
    Subscriptions,
    agg_trades,
    exchange_info,
    public_trades,
    rest_error,
    shutdown_event,
    tickers,
    trade_event,
)
from producers.local_exchange.dialect import Call, Floor, Reply, Route
from producers.local_exchange.history import History
from schemas.records import Trade

LIMIT_MAX = 1_000
MANDATORY = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
Form = tuple[bool, bool]
"""Whether a trade is wrapped in its stream's name, and whether its times are in microseconds."""
Rows = Callable[[list[Trade], bool], bytes]


class BinanceConversation:
    """One connection: its streams, and the requests about them."""

    def __init__(self, floor: Floor, subscriptions: Subscriptions) -> None:
        self._floor, self._subscriptions = floor, subscriptions

    @property
    def form(self) -> Form:
        return self._subscriptions.combined, self._subscriptions.micros

    def carries(self, symbol: str) -> bool:
        return f"{symbol.lower()}@trade" in self._subscriptions.streams

    def hear(self, text: str) -> list[bytes]:
        if any(f"{symbol.lower()}@trade" in text for symbol in self._floor.unknown):
            return self.refuse(text, with_id=False)
        return [self._subscriptions.answer(text)]

    def refuse(self, text: str, with_id: bool) -> list[bytes]:
        return [self._subscriptions.refusal(text, with_id)]

    def tick(self) -> list[bytes]:
        return []


class BinanceDialect:
    """Binance."""

    shared_ids = False
    messages_per_s = 5
    weight_max = 6_000
    weight_s = 60.0
    streams: tuple[str, ...] = ("/ws", "/ws/{stream}", "/stream")
    first_message_s = float("inf")

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.routes: tuple[Route, ...] = (
            Route("/api/v3/ping", lambda _: Reply(b"{}")),
            Route("/api/v3/time", self._time),
            Route("/api/v3/exchangeInfo", self._exchange_info, 20),
            Route("/api/v3/trades", lambda call: self._trades(call, public_trades, of_id=False), 25),
            Route("/api/v3/historicalTrades", lambda call: self._trades(call, public_trades, of_id=True), 25),
            Route("/api/v3/ticker/24hr", self._tickers, 80),
            Route("/api/v3/aggTrades", lambda call: self._trades(call, agg_trades, of_id=True), 4),
        )

    def greet(self, path: str, stream: str, query: Mapping[str, str]) -> BinanceConversation | str:
        combined = path == "/stream"
        named = query.get("streams", "").split("/") if combined else [stream]
        streams = [name for name in named if name]
        if len(set(streams)) > STREAMS_MAX:
            return f"more than {STREAMS_MAX} streams"
        micros = query.get("timeUnit", "").upper() == "MICROSECOND"
        return BinanceConversation(self._floor, Subscriptions(streams, combined, micros))

    def trade(self, trade: Trade, form: Hashable) -> bytes:
        assert isinstance(form, tuple)
        combined, micros = form
        return trade_event(trade, combined, micros)

    def ending(self, wrapped: bool) -> bytes:
        return shutdown_event(self._floor.now_us() // 1_000, wrapped)

    def _time(self, call: Call) -> Reply:
        unit = 1 if _wants_micros(call) else 1_000
        return Reply(f'{{"serverTime":{self._floor.now_us() // unit}}}'.encode())

    def _exchange_info(self, call: Call) -> Reply:
        symbol, markets = call.query.get("symbol"), self._floor.markets
        if symbol is not None and symbol not in markets:
            return _refused(-1121, "Invalid symbol.")
        chosen = list(markets.values()) if symbol is None else [markets[symbol]]
        return Reply(exchange_info(chosen, self._floor.now_us() // 1_000))

    def _tickers(self, call: Call) -> Reply:
        try:
            symbols = msgspec.json.decode(call.query.get("symbols", "null"), type=list[str] | None)
        except msgspec.DecodeError:
            return _refused(-1100, "Illegal characters found in parameter 'symbols'.")
        history = self._floor.history
        if any(symbol not in history for symbol in symbols or ()):
            return _refused(-1121, "Invalid symbol.")
        chosen = symbols or list(history)
        return Reply(tickers({symbol: self._chosen(history[symbol], -1, LIMIT_MAX) for symbol in chosen}))

    def _trades(self, call: Call, rows: Rows, of_id: bool) -> Reply:
        symbol = call.query.get("symbol")
        if not symbol:
            return _refused(-1102, MANDATORY)
        history = self._floor.history.get(symbol)
        if history is None:
            return _refused(-1121, "Invalid symbol.")
        numbers = {"limit": call.query.get("limit", "500")}
        if of_id:
            numbers["fromId"] = call.query.get("fromId", "-1")
        for name, text in numbers.items():
            if not text.removeprefix("-").isdigit():
                return _refused(-1100, f"Illegal characters found in parameter '{name}'.")
        limit = max(1, min(int(numbers["limit"]), LIMIT_MAX))
        return Reply(rows(self._chosen(history, int(numbers.get("fromId", -1)), limit), _wants_micros(call)))

    def _chosen(self, history: History, first: int, limit: int) -> list[Trade]:
        if first >= 0:
            return history.from_id(first, limit)
        unseen = self._floor.unseen
        return history.newest(limit + unseen)[: -unseen or None][-limit:]


def _refused(code: int, message: str) -> Reply:
    return Reply(rest_error(code, message), 400)


def _wants_micros(call: Call) -> bool:
    return call.headers.get("X-MBX-TIME-UNIT", "").upper() == "MICROSECOND"
