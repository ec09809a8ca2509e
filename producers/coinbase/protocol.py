"""Coinbase Exchange's feed as text: what is sent, and what a received frame is. No socket, no clock.

Source: Coinbase Exchange documentation, "WebSocket Feed": overview, channels, errors; mid 2026. `side` is the maker's.
`last_match` is the newest trade at the time of subscribing, seen before or not; `heartbeat` tells the newest id each
second, because matches may be dropped. Its `sequence` counts events of all orders: it says nothing about trades.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from producers.adapter import Answer, Frame, Newest, Unheeded
from producers.numbers import UNREADABLE, units
from producers.source import BadRecord
from schemas.records import Trade
from schemas.times import micros_of

EXCHANGE = "coinbase"
ORIGIN = "coinbase stream"
CHANNELS = ("matches", "heartbeat")
PRODUCTS_PER_REQUEST = 100

Id = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Name = Annotated[str, msgspec.Meta(min_length=1)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Match(msgspec.Struct):
    """A trade, without what tells of which kind of frame it is."""

    trade_id: Id
    side: Literal["buy", "sell"]
    size: str
    price: str
    time: Time


class _Match(Match, kw_only=True):
    type: Literal["match"]
    product_id: Name


class _LastMatch(Match, tag_field="type", tag="last_match"):
    product_id: Name


class _Heartbeat(msgspec.Struct, tag_field="type", tag="heartbeat"):
    product_id: Name
    last_trade_id: Id


class _Subscriptions(msgspec.Struct, tag_field="type", tag="subscriptions"):
    pass


class _Error(msgspec.Struct, tag_field="type", tag="error"):
    message: str
    reason: str | None = None


class _Typed(msgspec.Struct):
    type: str


_Control = _LastMatch | _Heartbeat | _Subscriptions | _Error
_decode_match = msgspec.json.Decoder(_Match).decode
_decode_control = msgspec.json.Decoder(_Control).decode
_decode_type = msgspec.json.Decoder(_Typed).decode
KNOWN = {"match", "last_match", "heartbeat", "subscriptions", "error"}


def request(kind: str, products: Sequence[str]) -> str:
    """Return the text of a `subscribe` or `unsubscribe` of the trades and heartbeats of `products`."""
    return msgspec.json.encode({"type": kind, "product_ids": list(products), "channels": CHANNELS}).decode()


def trade_of(match: Match, product: str, received_time: int) -> Trade:
    """Return the trade. Raises `ValueError`, with field and value, for numbers that no trade may have."""
    time = micros_of(match.time)
    trade = Trade(
        exchange=EXCHANGE,
        symbol=product,
        price=units(match.price, "price"),
        quantity=units(match.size, "size"),
        trade_id=match.trade_id,
        trade_time=time,
        event_time=time,
        received_time=received_time,
        buyer_is_maker=match.side == "buy",
    )
    trade.check()
    return trade


def parse_frame(raw: bytes, received_time: int) -> Frame:
    """Return what one text frame is; `received_time`, in microseconds, goes into the trade."""
    try:
        match = _decode_match(raw)
        return trade_of(match, match.product_id, received_time)
    except UNREADABLE as error:
        return _parse_control(raw) or BadRecord(ORIGIN, raw, str(error))


def _parse_control(raw: bytes) -> Frame | None:
    """Return what a frame is that is no trade, `None` where it is nothing of the protocol."""
    try:
        frame = _decode_control(raw)
    except UNREADABLE:
        return _unheeded(raw)
    if isinstance(frame, _LastMatch):
        return Newest(frame.product_id, frame.trade_id, micros_of(frame.time))
    if isinstance(frame, _Heartbeat):
        return Newest(frame.product_id, frame.last_trade_id or None)  # 0: the exchange does not know
    if isinstance(frame, _Error):
        return Answer(None, ": ".join(filter(None, (frame.message, frame.reason))))
    return Answer(None, None)


def _unheeded(raw: bytes) -> Frame | None:
    """The documentation asks to pass over types that are not known."""
    try:
        kind = _decode_type(raw).type
    except UNREADABLE:
        return None
    return None if kind in KNOWN else Unheeded()
