"""Bitstamp's trade channels as text: what is sent, and what a received frame is. No socket, no clock.

Source: Bitstamp documentation, "WebSocket API v2", mid 2026. `type` is the taker's side: 0 buys, 1 sells. Numbers are
read from the fields that end with `_str`: the others have been floats. Ids are those of all pairs together.

A symbol is what the exchange calls a pair (`url_symbol`, `btcusd`), in capitals: `BTCUSD`.
"""

import re
from typing import Annotated, Any, Literal

import msgspec

from producers.adapter import Answer, Ending, Frame, Unheeded
from producers.numbers import UNREADABLE, micros, units
from producers.source import BadRecord
from schemas.records import Trade

EXCHANGE = "bitstamp"
ORIGIN = "bitstamp stream"
PREFIX = "live_trades_"
CHANNEL = re.compile(rb'"channel": *"live_trades_([a-z0-9]+)"')
SELLS = 1
HEARTBEAT = '{"event":"bts:heartbeat"}'
HEARTBEAT_S = 10.0

Id = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Kind = Annotated[int, msgspec.Meta(ge=0, le=1)]


class _Data(msgspec.Struct):
    id: Id
    amount_str: str
    price_str: str
    type: Kind
    microtimestamp: str
    buy_order_id: Id | None = None
    sell_order_id: Id | None = None


class _Trade(msgspec.Struct):
    event: Literal["trade"]
    channel: Annotated[str, msgspec.Meta(pattern=f"^{PREFIX}.")]
    data: _Data


class _Event(msgspec.Struct):
    event: str
    channel: str = ""
    data: Any = None


_decode_trade = msgspec.json.Decoder(_Trade).decode
_decode_event = msgspec.json.Decoder(_Event).decode


def pair_of(symbol: str) -> str:
    """Return what the exchange calls the pair of a symbol."""
    return symbol.lower()


def request(event: str, symbol: str) -> str:
    """Return the text of a `bts:subscribe` or `bts:unsubscribe` of the trades of a symbol."""
    return msgspec.json.encode({"event": event, "data": {"channel": PREFIX + pair_of(symbol)}}).decode()


def parse_frame(raw: bytes, received_time: int) -> Frame:
    """Return what one text frame is; `received_time`, in microseconds, goes into the trade."""
    try:
        frame = _decode_trade(raw)
        data = frame.data
        time = micros(_whole(data.microtimestamp, "microtimestamp"), "microtimestamp")
        trade = Trade(
            exchange=EXCHANGE,
            symbol=frame.channel[len(PREFIX) :].upper(),
            price=units(data.price_str, "price_str"),
            quantity=units(data.amount_str, "amount_str"),
            trade_id=data.id,
            trade_time=time,
            event_time=time,
            received_time=received_time,
            buyer_is_maker=data.type == SELLS,
            buyer_order_id=data.buy_order_id,
            seller_order_id=data.sell_order_id,
        )
        trade.check()
    except UNREADABLE as error:
        return _parse_control(raw) or BadRecord(ORIGIN, raw, str(error), _symbol_in(raw))
    return trade


def _parse_control(raw: bytes) -> Frame | None:
    """Return what a frame is that is no trade, `None` where it is nothing of the protocol."""
    try:
        frame = _decode_event(raw)
    except UNREADABLE:
        return None
    match frame.event:
        case "bts:subscription_succeeded" | "bts:unsubscription_succeeded":
            return Answer(None, None)
        case "bts:error":
            return Answer(None, _said(frame.data))
        case "bts:request_reconnect":
            return Ending()
        case "bts:heartbeat":
            return Unheeded()
    return None


def _symbol_in(raw: bytes) -> str | None:
    """Return the symbol of a frame that cannot be read, where its channel can."""
    found = CHANNEL.search(raw)
    return found[1].decode().upper() if found else None


def _said(data: Any) -> str:
    """Return what an error says."""
    if not isinstance(data, dict):
        return f"error: {data}"
    code, message = data.get("code"), str(data.get("message"))
    return message if code is None else f"code {code}: {message}"


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{field}: {text!r} is not a whole number")
    return int(text)
