"""Coinbase's words: what is sent, and what a frame is."""

import msgspec
import pytest

from producers.adapter import Answer, Frame, Newest, Unheeded
from producers.coinbase.protocol import parse_frame, request
from producers.source import BadRecord
from schemas.records import Trade

TRADE = Trade(
    exchange="coinbase",
    symbol="BTC-USD",
    price=6_170_214_000_000,
    quantity=1_500_000,
    trade_id=811,
    trade_time=1_795_694_671_122_440,
    event_time=1_795_694_671_122_440,
    received_time=9,
    buyer_is_maker=False,
)
MATCH = {
    "type": "match",
    "trade_id": 811,
    "sequence": 7001,
    "maker_order_id": "ac928c66-ca53-498f-9c13-a110027a60e8",
    "taker_order_id": "132fb6ae-456b-4654-b4e0-d681ac05cea1",
    "side": "sell",
    "size": "0.015",
    "price": "61702.14",
    "product_id": "BTC-USD",
    "time": "2026-11-26T12:04:31.12244Z",
}
BEAT = {
    "type": "heartbeat",
    "sequence": 90,
    "last_trade_id": 20,
    "product_id": "BTC-USD",
    "time": "2014-11-07T08:19:28Z",
}


def frame(**changed: object) -> bytes:
    return msgspec.json.encode(MATCH | changed)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (frame(), TRADE),
        # the side is the maker's
        (frame(side="buy"), msgspec.structs.replace(TRADE, buyer_is_maker=True)),
        (
            frame(time="2026-11-26T12:04:31Z"),
            msgspec.structs.replace(TRADE, trade_time=1_795_694_671_000_000, event_time=1_795_694_671_000_000),
        ),
        (frame(type="last_match"), Newest("BTC-USD", 811, 1_795_694_671_122_440)),
        (msgspec.json.encode(BEAT), Newest("BTC-USD", 20)),
        (msgspec.json.encode(BEAT | {"last_trade_id": 0}), Newest("BTC-USD", None)),
        (b'{"type":"subscriptions","channels":[]}', Answer(None, None)),
        (b'{"type":"error","message":"Failed to subscribe","reason":"X"}', Answer(None, "Failed to subscribe: X")),
        (b'{"type":"error","message":"ErrSlowConsume"}', Answer(None, "ErrSlowConsume")),
        (b'{"type":"status","products":[]}', Unheeded()),
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
        (b"{}", "missing required field `trade_id`"),
        (frame(type=1), "Expected `str`"),
        (frame(price="abc"), "price: 'abc' is not a decimal number"),
        (frame(price="0"), "price: 0 is not between"),
        (frame(size="0.000000001"), "size: '0.000000001' has more than 8 decimals"),
        (frame(size=0.5), "Expected `str`"),
        (b'{"a":' * 50_000, "recursion"),
        (frame(side="up"), "Invalid enum value 'up'"),
        (frame(time="2026-11-26T12:04:31.12244"), "Expected `datetime` with a timezone component"),
        (frame(trade_id=1 << 64), "trade_id"),
        (frame(trade_id=-1), "Expected `int` >= 0"),
        (frame(product_id=""), "length >= 1"),
    ],
)
def test_what_is_no_frame_of_the_protocol_is_kept_as_it_came(raw: bytes, error: str) -> None:
    found = parse_frame(raw, 9)
    assert isinstance(found, BadRecord)
    assert found.raw == raw
    assert error in found.error


def test_requests() -> None:
    assert msgspec.json.decode(request("subscribe", ["BTC-USD", "ETH-EUR"])) == {
        "type": "subscribe",
        "product_ids": ["BTC-USD", "ETH-EUR"],
        "channels": ["matches", "heartbeat"],
    }
