"""The local exchange as Coinbase Exchange: the channels `matches` and `heartbeat`, products and their trades.

Source: Coinbase Exchange documentation, "WebSocket Feed" (overview, channels, errors, rate limits), "Get product
trades", "Pagination", mid 2026.
"""

from collections.abc import Hashable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from producers.local_exchange.dialect import Call, Floor, Reply, Route
from producers.local_exchange.frames import decimal
from schemas.records import Instrument, Trade
from schemas.times import iso
from schemas.units import plain

CHANNELS = ("matches", "heartbeat")
LIMIT_MAX, LIMIT_DEFAULT = 1_000, 100


class CoinbaseConversation:
    """One connection: its products by channel."""

    form = None

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._products: dict[str, set[str]] = {}

    def carries(self, symbol: str) -> bool:
        return symbol in self._products.get("matches", ())

    def hear(self, text: str) -> list[bytes]:
        try:
            message = msgspec.json.decode(text)
            kind, channels = message["type"], message["channels"]
            asked = _asked(channels, message.get("product_ids", []))
        except (ValueError, KeyError, TypeError, AttributeError):
            return [_error("Malformed JSON")]
        if kind not in ("subscribe", "unsubscribe"):
            return [_error(f"Type {kind} is not valid")]
        for channel, products in asked.items():
            if channel not in CHANNELS:
                return [_error("Failed to subscribe", f"{channel} is not a valid channel")]
            for product in products:
                if product not in self._floor.markets or product in self._floor.unknown:
                    return [_error("Failed to subscribe", f"{product} is not a valid product")]
        return self._subscribe(asked) if kind == "subscribe" else self._unsubscribe(asked)

    def refuse(self, text: str, with_id: bool) -> list[bytes]:
        return [_error("Failed to subscribe", "the exchange refuses it")]

    def tick(self) -> list[bytes]:
        beats = []
        for product in sorted(self._products.get("heartbeat", ())):
            newest = self._floor.history[product].newest(1)
            number = newest[0].trade_id if newest else 0
            body = {"type": "heartbeat", "sequence": number * 7, "last_trade_id": number, "product_id": product}
            beats.append(msgspec.json.encode(body | {"time": iso(self._floor.now_us())}))
        return beats

    def _subscribe(self, asked: Mapping[str, list[str]]) -> list[bytes]:
        new = [product for product in asked.get("matches", []) if not self.carries(product)]
        for channel, products in asked.items():
            self._products.setdefault(channel, set()).update(products)
        last = [trade for product in new for trade in self._floor.history[product].newest(1)]
        return [*(match(trade, "last_match") for trade in last), self._subscriptions()]

    def _unsubscribe(self, asked: Mapping[str, list[str]]) -> list[bytes]:
        for channel, products in asked.items():
            self._products[channel] = self._products.get(channel, set()) - set(products)
        return [self._subscriptions()]

    def _subscriptions(self) -> bytes:
        channels = [{"name": name, "product_ids": sorted(held)} for name, held in self._products.items() if held]
        return msgspec.json.encode({"type": "subscriptions", "channels": channels})


class CoinbaseDialect:
    """Coinbase Exchange."""

    shared_ids = False
    messages_per_s = 100
    weight_max = 10
    weight_s = 1.0
    streams: tuple[str, ...] = ("/",)
    first_message_s = 5.0

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.routes: tuple[Route, ...] = (
            Route(
                "/time",
                lambda _: Reply(msgspec.json.encode({"iso": iso(floor.now_us()), "epoch": floor.now_us() / 1e6})),
            ),
            Route("/currencies", self._currencies),
            Route("/products", self._products),
            Route("/products/{product}/trades", self._trades),
        )

    def greet(self, path: str, stream: str, query: Mapping[str, str]) -> CoinbaseConversation:
        return CoinbaseConversation(self._floor)

    def trade(self, trade: Trade, form: Hashable) -> bytes:
        return match(trade, "match")

    def ending(self, wrapped: bool) -> bytes:
        """Coinbase announces no end: this is what a client hears that is cut for being slow."""
        return _error("ErrSlowConsume")

    def _time(self, _: Call) -> Reply:
        now = self._floor.now_us()
        return Reply(msgspec.json.encode({"iso": iso(now), "epoch": now / 1e6}))

    def _currencies(self, _: Call) -> Reply:
        markets = self._floor.markets.values()
        names = {name for market in markets for name in (market.base_asset, market.quote_asset)}
        rows = [
            {"id": name, "name": name, "min_size": "0.00000001", "status": "online", "max_precision": "0.00000001"}
            for name in sorted(names)
        ]
        return Reply(msgspec.json.encode(rows))

    def _products(self, _: Call) -> Reply:
        return Reply(msgspec.json.encode([_product(market) for market in self._floor.markets.values()]))

    def _trades(self, call: Call) -> Reply:
        history = self._floor.history.get(call.place["product"])
        if history is None:
            return Reply(b'{"message":"NotFound"}', 404)
        numbers = {name: call.query[name] for name in ("after", "before", "limit") if name in call.query}
        for name, text in numbers.items():
            if not text.isdigit():
                return Reply(msgspec.json.encode({"message": f"invalid {name}"}), 400)
        limit = max(1, min(int(numbers.get("limit", LIMIT_DEFAULT)), LIMIT_MAX))
        newest = history.newest(1 + self._floor.unseen)[:1]
        known = newest[0].trade_id if newest else 0
        end = min(int(numbers.get("after", known + 1)), known + 1)
        chosen = history.below_id(end, limit)[::-1]
        if "before" in numbers:
            chosen = [trade for trade in chosen if trade.trade_id > int(numbers["before"])]
        cursors = {"CB-BEFORE": str(chosen[0].trade_id), "CB-AFTER": str(chosen[-1].trade_id)} if chosen else {}
        return Reply(msgspec.json.encode([_row(trade) for trade in chosen]), headers=cursors)


def match(trade: Trade, kind: str) -> bytes:
    """Return a trade as a `match` or a `last_match`: `side` is that of the maker."""
    body = {
        "type": kind,
        "trade_id": trade.trade_id,
        "maker_order_id": str(UUID(int=trade.trade_id)),
        "taker_order_id": str(UUID(int=trade.trade_id + (1 << 64))),
        "side": _side(trade),
        "size": decimal(trade.quantity),
        "price": plain(trade.price),
        "product_id": trade.symbol,
        "sequence": trade.trade_id * 7,
        "time": _time(trade),
    }
    return msgspec.json.encode(body)


def _row(trade: Trade) -> dict[str, Any]:
    return {
        "trade_id": trade.trade_id,
        "side": _side(trade),
        "size": decimal(trade.quantity),
        "price": decimal(trade.price),
        "time": _time(trade),
    }


def _side(trade: Trade) -> str:
    return "buy" if trade.buyer_is_maker else "sell"


def _time(trade: Trade) -> str:
    """Return the time of a trade with as many digits as it needs."""
    return iso(trade.trade_time).removesuffix("Z").rstrip("0").rstrip(".") + "Z"


def _asked(channels: list[Any], products: list[str]) -> dict[str, list[str]]:
    """Return the products by channel; a channel can name its own."""
    named = [channel if isinstance(channel, dict) else {"name": channel} for channel in channels]
    return {channel["name"]: list(channel.get("product_ids", products)) for channel in named}


def _error(message: str, reason: str | None = None) -> bytes:
    body = {"type": "error", "message": message}
    return msgspec.json.encode(body | ({"reason": reason} if reason else {}))


def _product(market: Instrument) -> dict[str, Any]:
    trading = market.exchange_status == "TRADING"
    return {
        "id": market.symbol,
        "base_currency": market.base_asset,
        "quote_currency": market.quote_asset,
        "quote_increment": plain(market.tick_size),
        "base_increment": plain(market.step_size),
        "display_name": f"{market.base_asset}-{market.quote_asset}",
        "min_market_funds": plain(market.min_notional),
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "status": "online" if trading else "offline",
        "status_message": "",
        "trading_disabled": not trading,
        "fx_stablecoin": False,
        "auction_mode": False,
    }
