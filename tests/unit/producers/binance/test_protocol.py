"""Binance's words: what is sent, and what a frame is."""

import pytest

from producers.adapter import Answer, Ending, Frame
from producers.binance.protocol import parse_frame, request, stream_url
from producers.source import BadRecord
from schemas.records import Trade

TRADE = Trade(
    exchange="binance",
    symbol="XRPUSDT",
    price=43_183_010,
    quantity=2_670_000_000,
    trade_id=12_345,
    trade_time=1_672_515_782_136_001,
    event_time=1_672_515_782_136_002,
    received_time=9,
    buyer_is_maker=True,
)
# As the documentation of 2026 has it: without the order ids that were there until 2024, and with them.
DATA = (
    b'"e":"trade","E":1672515782136002,"s":"XRPUSDT","t":12345,"p":"0.43183010","q":"26.70000000",'
    b'"T":1672515782136001,"m":true,"M":true'
)
OLD_DATA = DATA.replace(b'"T":', b'"b":88,"a":50,"T":')


def combined(data: bytes) -> bytes:
    return b'{"stream":"xrpusdt@trade","data":{' + data + b"}}"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (combined(DATA), TRADE),
        (combined(OLD_DATA), TRADE),
        (b'{"result":null,"id":3}', Answer(3, None)),
        (b'{"result":["xrpusdt@trade"],"id":"a1"}', Answer("a1", None)),
        (
            b'{"error":{"code":2,"msg":"Invalid request"},"id":4}',
            Answer(4, "code 2: Invalid request"),
        ),
        (b'{"code":0,"msg":"Unknown property","id":5}', Answer(5, "code 0: Unknown property")),
        (b'{"code":3,"msg":"Invalid JSON"}', Answer(None, "code 3: Invalid JSON")),
        (b'{"e":"serverShutdown","E":1770123456789}', Ending()),
        (b'{"stream":"x","data":{"e":"serverShutdown","E":1}}', Ending()),
    ],
)
def test_frames(raw: bytes, expected: Frame) -> None:
    assert parse_frame(raw, 9) == expected


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", "truncated"),
        (b"\xff", "malformed"),
        (b"17", "Expected `object`"),
        (b"{}", "missing required field `stream`"),
        (combined(DATA.replace(b'"p":"0.43183010",', b"")), "missing required field `p`"),
        (combined(DATA.replace(b'"0.43183010"', b"0.43183010")), r"Expected `str`, got `float` - at `$.data.p`"),
        (combined(DATA.replace(b"0.43183010", b"0.00000000")), "price: 0 is not between"),
        (combined(DATA.replace(b"0.43183010", b"-1.00000000")), "price: -1 is not between"),
        (combined(DATA.replace(b"0.43183010", b"0.431830101")), "p: '0.431830101' has more than 8 decimals"),
        (combined(DATA.replace(b"26.70000000", b"many")), "q: 'many' is not a decimal number"),
        (combined(DATA.replace(b"1672515782136001", b"0")), "T: 0 is not a time"),
        (combined(DATA.replace(b'"t":12345', b'"t":-1')), "Expected `int` >= 0 - at `$.data.t`"),
        (combined(DATA.replace(b'"t":12345', b'"t":9223372036854775808')), "at `$.data.t`"),
        (combined(DATA.replace(b'"XRPUSDT"', b'""')), "length >= 1 - at `$.data.s`"),
        (combined(DATA.replace(b'"trade"', b'"aggTrade"')), "Invalid value 'aggTrade'"),
    ],
)
def test_what_is_no_frame_keeps_its_bytes_and_names_the_defect(raw: bytes, error: str) -> None:
    bad = parse_frame(raw, 9)
    assert isinstance(bad, BadRecord)
    assert bad.raw == raw
    assert error in bad.error


def test_times_in_milliseconds_are_understood_too() -> None:
    raw = combined(DATA.replace(b"1672515782136002", b"1672515782136").replace(b"1672515782136001", b"1672515782135"))
    trade = parse_frame(raw, 9)
    assert isinstance(trade, Trade)
    assert (trade.event_time, trade.trade_time) == (1_672_515_782_136_000, 1_672_515_782_135_000)


def test_what_is_sent() -> None:
    url = stream_url("wss://stream.binance.com:9443/", ["XRPUSDT", "BTCUSDT"])
    assert url == ("wss://stream.binance.com:9443/stream?streams=xrpusdt@trade/btcusdt@trade&timeUnit=MICROSECOND")
    assert request("SUBSCRIBE", ["XRPUSDT"], 7) == '{"method":"SUBSCRIBE","params":["xrpusdt@trade"],"id":7}'
