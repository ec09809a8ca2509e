"""Binance's trade streams as text: what is sent, and what a received frame is. No socket, no clock.

Source: Binance Spot API documentation, "WebSocket Streams", mid 2026.
"""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from producers.adapter import Answer, Ending, Frame
from producers.numbers import UNREADABLE, micros, units
from producers.source import BadRecord
from schemas.records import Trade

EXCHANGE = "binance"
ORIGIN = "binance stream"
STREAMS_MAX = 1_024
"""Streams that one connection may carry."""
PARAMS_PER_REQUEST = 100
"""Streams named in one URL or request: about two kilobytes."""
TIME_UNIT = "timeUnit=MICROSECOND"


_Id = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class _Data(msgspec.Struct, tag_field="e", tag="trade"):
    E: _Id
    s: Annotated[str, msgspec.Meta(min_length=1)]
    t: _Id
    p: str
    q: str
    T: _Id
    m: bool


class _Frame(msgspec.Struct):
    stream: str
    data: _Data


_decode_trade = msgspec.json.Decoder(_Frame).decode


def stream_name(symbol: str) -> str:
    """Return the name of the trade stream of a symbol."""
    return f"{symbol.lower()}@trade"


def stream_url(base: str, symbols: Sequence[str]) -> str:
    """Return the URL of a connection that begins with the streams of `symbols`."""
    streams = "/".join(quote(stream_name(symbol), safe="@") for symbol in symbols)
    return f"{base.rstrip('/')}/stream?streams={streams}&{TIME_UNIT}"


def request(method: str, symbols: Sequence[str], request_id: int) -> str:
    """Return the text of a `SUBSCRIBE` or `UNSUBSCRIBE` of the trade streams of `symbols`."""
    body = {"method": method, "params": [stream_name(symbol) for symbol in symbols], "id": request_id}
    return msgspec.json.encode(body).decode()


def parse_frame(raw: bytes, received_time: int) -> Frame:
    """Return what one text frame is; `received_time`, in microseconds, goes into the trade."""
    try:
        data = _decode_trade(raw).data
        trade = Trade(
            exchange=EXCHANGE,
            symbol=data.s,
            price=units(data.p, "p"),
            quantity=units(data.q, "q"),
            trade_id=data.t,
            trade_time=micros(data.T, "T"),
            event_time=micros(data.E, "E"),
            received_time=received_time,
            buyer_is_maker=data.m,
        )
        trade.check_amounts()
    except UNREADABLE as error:
        return _parse_control(raw) or BadRecord(ORIGIN, raw, str(error))
    return trade


def _parse_control(raw: bytes) -> Frame | None:
    """Return what a frame is that is no trade, `None` where it is nothing of the protocol."""
    try:
        frame = msgspec.json.decode(raw)
    except UNREADABLE:
        return None
    if not isinstance(frame, dict):
        return None
    if _is_shutdown(frame) or _is_shutdown(frame.get("data")):
        return Ending()
    error = frame.get("error", frame)
    if isinstance(error, dict) and "code" in error and "msg" in error:
        return Answer(frame.get("id"), f"code {error['code']}: {error['msg']}")
    if "result" in frame and "id" in frame:
        return Answer(frame["id"], None)
    return None


def _is_shutdown(event: Any) -> bool:
    return isinstance(event, dict) and event.get("e") == "serverShutdown"
