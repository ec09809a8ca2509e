"""What the local exchange says as Binance, word for word. No socket, no clock.

Source: Binance Spot API documentation, "WebSocket Streams" and "REST API", mid 2026.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from producers.local_exchange.frames import decimal
from schemas.records import Instrument, Trade
from schemas.units import ONE

STREAMS_MAX = 1_024
METHODS = "SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"


class Subscriptions:
    """The streams of one connection and the form of its events; answers the requests about them."""

    def __init__(self, streams: list[str], combined: bool, micros: bool) -> None:
        self.streams = set(streams)
        self.combined = combined
        self.micros = micros

    def answer(self, raw: str) -> bytes:
        """Return the reply to one text message."""
        try:
            message = msgspec.json.decode(raw)
        except ValueError:
            return _refuse(3, "Invalid JSON: expected value at line 1 column 1", None)
        if not isinstance(message, dict) or "method" not in message:
            return _refuse(2, f"Invalid request: missing field `method` at line 1 column {len(raw)}", None)
        method, params, request_id = message["method"], message.get("params", []), message.get("id")
        if not _is_id(request_id):
            return _refuse(2, "Invalid request: request ID must be an unsigned integer", None)
        if method not in METHODS:
            expected = ", ".join(f"`{name}`" for name in METHODS)
            return _refuse(2, f"Invalid request: unknown variant `{method}`, expected one of {expected}", request_id)
        if not isinstance(params, list):
            return _refuse(2, "Invalid request: too many parameters", request_id)
        return self._do(method, params, request_id)

    def refusal(self, raw: str, with_id: bool) -> bytes:
        """Return the refusal of a message, whatever is in it; one without an id is not wrapped as an error either."""
        error = {"code": 2, "msg": "Invalid request: the exchange refuses it"}
        if not with_id:
            return msgspec.json.encode(error)
        return msgspec.json.encode({"error": error, "id": msgspec.json.decode(raw).get("id")})

    def _do(self, method: str, params: list[Any], request_id: int | str | None) -> bytes:
        if method == "LIST_SUBSCRIPTIONS":
            return _reply(sorted(self.streams), request_id)
        if method.endswith("PROPERTY"):
            return self._property(method, params, request_id)
        if not all(isinstance(stream, str) for stream in params):
            return _refuse(2, "Invalid request: property name must be a string", request_id)
        if method == "UNSUBSCRIBE":
            self.streams -= set(params)
        elif len(self.streams | set(params)) > STREAMS_MAX:
            return _refuse(2, "Invalid request: too many parameters", request_id)
        else:
            self.streams |= set(params)
        return _reply(None, request_id)

    def _property(self, method: str, params: list[Any], request_id: int | str | None) -> bytes:
        if not params or params[0] != "combined":
            return _refuse(0, "Unknown property", request_id)
        if method == "GET_PROPERTY":
            return _reply(self.combined, request_id)
        if len(params) != 2 or not isinstance(params[1], bool):
            return _refuse(1, "Invalid value type: expected Boolean", request_id)
        self.combined = params[1]
        return _reply(None, request_id)


def trade_event(trade: Trade, combined: bool, micros: bool) -> bytes:
    """Return the event of the stream `<symbol>@trade`, with times in milliseconds unless `micros`."""
    unit = 1 if micros else 1_000
    event = (
        f'{{"e":"trade","E":{trade.event_time // unit},"s":"{trade.symbol}","t":{trade.trade_id},'
        f'"p":"{decimal(trade.price)}","q":"{decimal(trade.quantity)}","T":{trade.trade_time // unit},'
        f'"m":{"true" if trade.buyer_is_maker else "false"},"M":true}}'
    )
    if combined:
        event = f'{{"stream":"{trade.symbol.lower()}@trade","data":{event}}}'
    return event.encode()


def shutdown_event(time_ms: int, wrapped: bool = False) -> bytes:
    """Return the announcement that the server is about to go; `wrapped` as combined connections may get it."""
    event = f'{{"e":"serverShutdown","E":{time_ms}}}'
    return (f'{{"stream":"!serverShutdown","data":{event}}}' if wrapped else event).encode()


def exchange_info(markets: list[Instrument], time_ms: int) -> bytes:
    """Return the answer to `GET /api/v3/exchangeInfo`."""
    symbols = [_symbol(market) for market in markets]
    answer = {
        "timezone": "UTC",
        "serverTime": time_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": symbols,
    }
    return msgspec.json.encode(answer)


def public_trades(trades: list[Trade], micros: bool) -> bytes:
    """Return the answer to `GET /api/v3/trades` and `/api/v3/historicalTrades`."""
    unit = 1 if micros else 1_000
    rows = [
        {
            "id": trade.trade_id,
            "price": decimal(trade.price),
            "qty": decimal(trade.quantity),
            "quoteQty": decimal(trade.price * trade.quantity // ONE),
            "time": trade.trade_time // unit,
            "isBuyerMaker": trade.buyer_is_maker,
            "isBestMatch": True,
        }
        for trade in trades
    ]
    return msgspec.json.encode(rows)


def agg_trades(trades: list[Trade], micros: bool) -> bytes:
    """Return the answer to `GET /api/v3/aggTrades`, each trade an aggregate of its own."""
    unit = 1 if micros else 1_000
    rows = [
        {
            "a": trade.trade_id,
            "p": decimal(trade.price),
            "q": decimal(trade.quantity),
            "f": trade.trade_id,
            "l": trade.trade_id,
            "T": trade.trade_time // unit,
            "m": trade.buyer_is_maker,
            "M": True,
        }
        for trade in trades
    ]
    return msgspec.json.encode(rows)


def tickers(trades: Mapping[str, list[Trade]]) -> bytes:
    """Return the answer to `GET /api/v3/ticker/24hr` of these symbols, by what is known of their day; ids are -1
    where there was no trade."""
    return msgspec.json.encode([_ticker(symbol, of_day) for symbol, of_day in trades.items()])


def _ticker(symbol: str, trades: list[Trade]) -> dict[str, Any]:
    prices = [trade.price for trade in trades] or [0]
    return {
        "symbol": symbol,
        "openPrice": decimal(prices[0]),
        "highPrice": decimal(max(prices)),
        "lowPrice": decimal(min(prices)),
        "lastPrice": decimal(prices[-1]),
        "volume": decimal(sum(trade.quantity for trade in trades)),
        "quoteVolume": decimal(sum(trade.price * trade.quantity for trade in trades) // ONE),
        "openTime": trades[0].trade_time // 1_000 if trades else 0,
        "closeTime": trades[-1].trade_time // 1_000 if trades else 0,
        "firstId": trades[0].trade_id if trades else -1,
        "lastId": trades[-1].trade_id if trades else -1,
        "count": len(trades),
    }


def rest_error(code: int, message: str) -> bytes:
    """Return the body of a refused REST request."""
    return msgspec.json.encode({"code": code, "msg": message})


def _symbol(market: Instrument) -> dict[str, Any]:
    return {
        "symbol": market.symbol,
        "status": market.exchange_status,
        "baseAsset": market.base_asset,
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote_asset,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "isSpotTradingAllowed": True,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": decimal(market.min_price),
                "maxPrice": decimal(market.max_price),
                "tickSize": decimal(market.tick_size),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": decimal(market.min_quantity),
                "maxQty": decimal(market.max_quantity),
                "stepSize": decimal(market.step_size),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": decimal(market.min_notional),
                "applyMinToMarket": True,
            },
        ],
    }


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return value.isalnum() and len(value) <= 36
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _reply(result: Any, request_id: int | str | None) -> bytes:
    return msgspec.json.encode({"result": result, "id": request_id})


def _refuse(code: int, message: str, request_id: int | str | None) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "msg": message}, "id": request_id})
