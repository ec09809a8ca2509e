"""Bitstamp's words: what is sent, and what a frame is."""

from typing import Any

import msgspec
import pytest

from producers.adapter import Answer, Ending, Frame, Unheeded
from producers.bitstamp.protocol import parse_frame, request
from producers.source import BadRecord
from schemas.records import Trade

TRADE = Trade(
    exchange="bitstamp",
    symbol="BTCUSD",
    price=6_168_800_000_000,
    quantity=1_414_016,
    trade_id=93_215_787,
    trade_time=1_795_694_671_934_000,
    event_time=1_795_694_671_934_000,
    received_time=9,
    buyer_is_maker=True,
    buyer_order_id=1_211_625_836_466_176,
    seller_order_id=1_211_625_840_754_689,
)
DATA = {
    "id": 93215787,
    "amount": 0.014140159999,
    "amount_str": "0.01414016",
    "price": 61688.1,
    "price_str": "61688",
    "type": 1,
    "timestamp": "1795694671",
    "microtimestamp": "1795694671934000",
    "buy_order_id": 1211625836466176,
    "sell_order_id": 1211625840754689,
}


def frame(channel: str = "live_trades_btcusd", **changed: Any) -> bytes:
    return msgspec.json.encode({"event": "trade", "channel": channel, "data": DATA | changed})


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # floats are not read
        (frame(), TRADE),
        # the side is the taker's: one that buys
        (frame(type=0), msgspec.structs.replace(TRADE, buyer_is_maker=False)),
        (b'{"event":"bts:subscription_succeeded","channel":"live_trades_btcusd","data":{}}', Answer(None, None)),
        (b'{"event":"bts:unsubscription_succeeded","channel":"live_trades_btcusd","data":{}}', Answer(None, None)),
        (
            b'{"event":"bts:error","channel":"","data":{"code":null,"message":"Incorrect JSON format."}}',
            Answer(None, "Incorrect JSON format."),
        ),
        (b'{"event":"bts:error","channel":"","data":{"code":4009,"message":"No."}}', Answer(None, "code 4009: No.")),
        (b'{"event":"bts:error","channel":"","data":""}', Answer(None, "error: ")),
        (b'{"event":"bts:request_reconnect","channel":"","data":""}', Ending()),
        (b'{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}', Unheeded()),
    ],
)
def test_frames(raw: bytes, expected: Frame) -> None:
    assert parse_frame(raw, 9) == expected


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", "truncated"),
        (b"\xff", "malformed"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field `event`"),
        (b'{"event":"order_created","channel":"live_orders_btcusd","data":{}}', "Invalid enum value 'order_created'"),
        (frame(price_str="abc"), "price_str: 'abc' is not a decimal number"),
        (frame(amount_str="0"), "quantity: 0 is not between"),
        (frame(type=2), "Expected `int` <= 1"),
        (frame(microtimestamp="now"), "microtimestamp: 'now' is not a whole number"),
        (frame(microtimestamp="0"), "microtimestamp: 0 is not a time"),
        (frame(channel="live_orders_btcusd"), "matching regex"),
        (frame(channel="live_trades_"), "matching regex"),
        (frame(buy_order_id=1 << 64), "buy_order_id"),
    ],
)
def test_what_is_no_frame_of_the_protocol_is_kept_as_it_came(raw: bytes, error: str) -> None:
    found = parse_frame(raw, 9)
    assert isinstance(found, BadRecord)
    assert found.raw == raw
    assert error in found.error


@pytest.mark.parametrize(
    ("raw", "symbol"),
    [
        (frame(price_str="abc"), "BTCUSD"),
        (frame()[:-9] + b"\x00" + frame()[-8:], "BTCUSD"),
        (b"\x00" + frame()[1:], "BTCUSD"),
        (frame().replace(b"live_trades_btcusd", b"live_trades_bt\x00usd"), None),
        (b"no frame", None),
    ],
)
def test_what_cannot_be_read_says_its_symbol_where_that_can_be_read(raw: bytes, symbol: str | None) -> None:
    found = parse_frame(raw, 9)
    assert isinstance(found, BadRecord)
    assert found.symbol == symbol


def test_requests() -> None:
    assert msgspec.json.decode(request("bts:subscribe", "BTCUSD")) == {
        "event": "bts:subscribe",
        "data": {"channel": "live_trades_btcusd"},
    }
