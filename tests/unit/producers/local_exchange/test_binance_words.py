"""The words of the local exchange: Binance's answers and events."""

import msgspec
import pytest

from producers.binance.protocol import parse_frame
from producers.local_exchange.binance_words import STREAMS_MAX, Subscriptions, trade_event
from producers.local_exchange.frames import text_frame
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
# request → (reply, streams after it); the connection begins with xrpusdt@trade
REQUESTS = [
    ('{"method":"SUBSCRIBE","params":["a@trade"],"id":1}', {"result": None, "id": 1}, 2),
    ('{"method":"UNSUBSCRIBE","params":["xrpusdt@trade"],"id":"x1"}', {"result": None, "id": "x1"}, 0),
    ('{"method":"LIST_SUBSCRIPTIONS","id":3}', {"result": ["xrpusdt@trade"], "id": 3}, 1),
    ('{"method":"GET_PROPERTY","params":["combined"],"id":4}', {"result": True, "id": 4}, 1),
    ('{"method":"SET_PROPERTY","params":["combined",false],"id":5}', {"result": None, "id": 5}, 1),
    (
        '{"method":"SET_PROPERTY","params":["colour",1],"id":5}',
        {"error": {"code": 0, "msg": "Unknown property"}, "id": 5},
        1,
    ),
    (
        '{"method":"SET_PROPERTY","params":["combined",1],"id":5}',
        {"error": {"code": 1, "msg": "Invalid value type: expected Boolean"}, "id": 5},
        1,
    ),
    (
        '{"method":"SUBSCRIBE","params":["a@trade"],"id":{}}',
        {"error": {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer"}, "id": None},
        1,
    ),
    (
        '{"method":"SUBSCRIBE","params":[7],"id":6}',
        {"error": {"code": 2, "msg": "Invalid request: property name must be a string"}, "id": 6},
        1,
    ),
]


@pytest.mark.parametrize(("text", "reply", "streams"), REQUESTS)
def test_answers_of_the_local_exchange(text: str, reply: object, streams: int) -> None:
    subscriptions = Subscriptions(["xrpusdt@trade"], combined=True, micros=False)
    assert msgspec.json.decode(subscriptions.answer(text)) == reply
    assert len(subscriptions.streams) == streams


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("{nonsense", 3, "Invalid JSON"),
        ('{"params":[],"id":1}', 2, "missing field `method`"),
        ('{"method":"subscribe","id":1}', 2, "unknown variant `subscribe`"),
    ],
)
def test_refusals_of_the_local_exchange(text: str, code: int, words: str) -> None:
    error = msgspec.json.decode(Subscriptions([], combined=True, micros=True).answer(text))["error"]
    assert error["code"] == code
    assert words in error["msg"]


def test_the_exchange_carries_no_more_streams_than_binance() -> None:
    subscriptions = Subscriptions([f"s{n}@trade" for n in range(STREAMS_MAX)], combined=True, micros=True)
    answer = subscriptions.answer('{"method":"SUBSCRIBE","params":["one@trade"],"id":1}')
    assert b"too many parameters" in answer
    assert len(subscriptions.streams) == STREAMS_MAX


@pytest.mark.parametrize("is_micros", [True, False])
def test_the_exchange_writes_what_the_client_reads(is_micros: bool) -> None:
    event = trade_event(TRADE, combined=True, micros=is_micros)
    read = parse_frame(event, 9)
    if is_micros:
        assert read == TRADE
    else:
        assert read == msgspec.structs.replace(
            TRADE, trade_time=1_672_515_782_136_000, event_time=1_672_515_782_136_000
        )
    assert msgspec.json.decode(trade_event(TRADE, combined=False, micros=True))["t"] == 12_345


@pytest.mark.parametrize(
    ("size", "header"), [(5, b"\x81\x05"), (125, b"\x81\x7d"), (126, b"\x81\x7e\x00\x7e"), (65_536, b"\x81\x7f")]
)
def test_frame_headers(size: int, header: bytes) -> None:
    frame = text_frame(b"x" * size)
    assert frame.startswith(header)
    assert frame.endswith(b"x" * size)
