"""The local exchange as Bitstamp: its trade channels, pairs and transactions.

Source: Bitstamp documentation, "WebSocket API v2", "Transactions (public)", "Trading pairs info", "Markets", "Request
limits", mid 2026.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import msgspec

from producers.local_exchange.dialect import Call, Floor, Reply, Route
from producers.local_exchange.frames import decimal
from schemas.records import Instrument, Trade
from schemas.units import ONE, plain

PREFIX = "live_trades_"
SECOND = 1_000_000
WINDOWS = {"minute": 60 * SECOND, "hour": 3_600 * SECOND, "day": 86_400 * SECOND}


class BitstampConversation:
    """One connection: its channels."""

    form = None

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._channels: set[str] = set()

    def carries(self, symbol: str) -> bool:
        return PREFIX + symbol.lower() in self._channels

    def hear(self, text: str) -> list[bytes]:
        try:
            message = msgspec.json.decode(text)
            event = message["event"]
            if event == "bts:heartbeat":
                return [_event(event, "", {"status": "success"})]
            channel = message["data"]["channel"]
        except (ValueError, KeyError, TypeError):
            return [_error("", "Incorrect JSON format.")]
        if event == "bts:subscribe":
            symbol = channel.removeprefix(PREFIX).upper()
            if symbol not in self._floor.markets or symbol in self._floor.unknown:
                return [_error(channel, "Bad subscription string.")]
            self._channels.add(channel)
            return [_event("bts:subscription_succeeded", channel, {})]
        if event == "bts:unsubscribe":
            self._channels.discard(channel)
            return [_event("bts:unsubscription_succeeded", channel, {})]
        return [_error(channel, "Bad event.")]

    def refuse(self, text: str, with_id: bool) -> list[bytes]:
        return [_error("", "The exchange refuses it.")]

    def tick(self) -> list[bytes]:
        return []


class BitstampDialect:
    """Bitstamp."""

    shared_ids = True
    messages_per_s = 50
    weight_max = 400
    weight_s = 1.0
    streams: tuple[str, ...] = ("/",)
    first_message_s = float("inf")

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.routes: tuple[Route, ...] = (
            Route("/api/v2/trading-pairs-info/", lambda _: self._listed(_pair)),
            Route("/api/v2/markets/", lambda _: self._listed(_market)),
            Route("/api/v2/transactions/{pair}/", self._transactions),
        )

    def greet(self, path: str, stream: str, query: Mapping[str, str]) -> BitstampConversation:
        return BitstampConversation(self._floor)

    def trade(self, trade: Trade, form: Hashable) -> bytes:
        buyer, seller = _order_ids(trade)
        data = {
            "id": trade.trade_id,
            "amount": trade.quantity / ONE,
            "amount_str": decimal(trade.quantity),
            "price": trade.price / ONE,
            "price_str": plain(trade.price),
            "type": _type(trade),
            "timestamp": str(trade.trade_time // SECOND),
            "microtimestamp": str(trade.trade_time),
            "buy_order_id": buyer,
            "sell_order_id": seller,
        }
        return _event("trade", PREFIX + trade.symbol.lower(), data)

    def ending(self, wrapped: bool) -> bytes:
        return _event("bts:request_reconnect", "", "")

    def _listed(self, row: Any) -> Reply:
        return Reply(msgspec.json.encode([row(market) for market in self._floor.markets.values()]))

    def _transactions(self, call: Call) -> Reply:
        history = self._floor.history.get(call.place["pair"].upper())
        if history is None:
            return Reply(b'{"status":"error","reason":"Invalid currency pair.","code":"API0017"}', 404)
        reach = WINDOWS.get(call.query.get("time", "hour"))
        if reach is None:
            return Reply(b'{"status":"error","reason":{"time":["Invalid value."]}}', 400)
        trades = history.since(self._floor.now_us() - reach)
        told = trades[: -self._floor.unseen or None]
        return Reply(msgspec.json.encode([_row(trade) for trade in reversed(told)]))


def _row(trade: Trade) -> dict[str, str]:
    return {
        "date": str(trade.trade_time // SECOND),
        "tid": str(trade.trade_id),
        "price": plain(trade.price),
        "type": str(_type(trade)),
        "amount": decimal(trade.quantity),
    }


def _type(trade: Trade) -> int:
    """Return 0 where the taker buys, 1 where it sells."""
    return 1 if trade.buyer_is_maker else 0


def _order_ids(trade: Trade) -> tuple[int, int]:
    """Return the ids of buyer and seller: the taker's order is the later one, and has the higher id."""
    maker = 1_200_000_000_000_000 + 2 * trade.trade_id
    taker = maker + 1
    recorded = trade.buyer_order_id, trade.seller_order_id
    made = (maker, taker) if trade.buyer_is_maker else (taker, maker)
    return recorded[0] or made[0], recorded[1] or made[1]


def _event(event: str, channel: str, data: Any) -> bytes:
    return msgspec.json.encode({"event": event, "channel": channel, "data": data})


def _error(channel: str, message: str) -> bytes:
    return _event("bts:error", channel, {"code": None, "message": message})


def _pair(market: Instrument) -> dict[str, Any]:
    return {
        "name": f"{market.base_asset}/{market.quote_asset}",
        "url_symbol": market.symbol.lower(),
        "base_decimals": _decimals(market.step_size),
        "counter_decimals": _decimals(market.tick_size),
        "instant_order_counter_decimals": _decimals(market.tick_size),
        "minimum_order": f"{plain(market.min_notional)} {market.quote_asset}",
        "trading": _trading(market),
        "instant_and_market_orders": _trading(market),
        "description": f"{market.base_asset} / {market.quote_asset}",
    }


def _market(market: Instrument) -> dict[str, Any]:
    return {
        "name": f"{market.base_asset}/{market.quote_asset}",
        "market_symbol": market.symbol.lower(),
        "base_currency": market.base_asset,
        "base_decimals": _decimals(market.step_size),
        "counter_currency": market.quote_asset,
        "counter_decimals": _decimals(market.tick_size),
        "minimum_order_value": plain(market.min_notional),
        "trading": _trading(market),
        "instant_order_counter_decimals": _decimals(market.tick_size),
        "instant_and_market_orders": _trading(market),
        "description": f"{market.base_asset} / {market.quote_asset}",
        "market_type": "SPOT",
    }


def _trading(market: Instrument) -> str:
    return "Enabled" if market.exchange_status == "TRADING" else "Disabled"


def _decimals(units: int) -> int:
    return len(str(ONE // units)) - 1
