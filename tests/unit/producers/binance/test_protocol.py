"""Binance's words: what a frame is, what the local exchange answers, what trade ids tell."""

import asyncio

import httpx
import msgspec
import pytest

from producers.binance.exchange_info import load_exchange_info
from producers.binance.protocol import Frame, Response, ServerShutdown, parse_frame, request, stream_url
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import MARKETS, simulated_trades
from producers.local_exchange.wire import STREAMS_MAX, Subscriptions, text_frame, trade_event
from producers.numbers import micros, units
from producers.sequence import TradeIds
from producers.source import BadFrame
from schemas.records import Trade
from tests.unit.producers.binance.test_client import START, until

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
        (b'{"result":null,"id":3}', Response(3, None)),
        (b'{"result":["xrpusdt@trade"],"id":"a1"}', Response("a1", None)),
        (
            b'{"error":{"code":2,"msg":"Invalid request"},"id":4}',
            Response(4, "code 2: Invalid request"),
        ),
        (b'{"code":0,"msg":"Unknown property","id":5}', Response(5, "code 0: Unknown property")),
        (b'{"code":3,"msg":"Invalid JSON"}', Response(None, "code 3: Invalid JSON")),
        (b'{"e":"serverShutdown","E":1770123456789}', ServerShutdown()),
        (b'{"stream":"x","data":{"e":"serverShutdown","E":1}}', ServerShutdown()),
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
    assert isinstance(bad, BadFrame)
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.43183010", 43_183_010), ("1.5", 150_000_000), ("12", 1_200_000_000), ("-0.00000001", -1)],
)
def test_units(text: str, expected: int) -> None:
    assert units(text, "p") == expected


@pytest.mark.parametrize(
    "text", ["", "abc", "1_0.00000000", "٣.00000000", "NaN", "1e2", " 1", "1.000000001", ".0000000x"]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"^p: "):
        units(text, "p")


def test_micros_by_magnitude() -> None:
    assert micros(1_559_865_600_006, "time") == micros(1_559_865_600_006_000, "time")


# id → what is wrong about it
IDS = [(10, None), (11, None), (13, "X: 1 trades missing, id 12"), (13, "X: trade id 13 after 13")]
IDS += [(12, "X: trade id 12 after 13"), (14, None), (20, "X: 5 trades missing, ids 15 to 19")]


def test_trade_ids() -> None:
    ids = TradeIds()
    for trade_id, wrong in IDS:
        found = ids.observe("X", trade_id)
        assert (found and str(found)) == wrong
    assert ids.observe("Y", 5) is None
    ids.forget("X")
    assert ids.observe("X", 100) is None


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


async def test_rest_calls_of_the_local_exchange() -> None:
    trades = [trade for _, trade in zip(range(2_000), simulated_trades(3, 100, START), strict=False)]
    exchange = LocalExchange([m.instrument() for m in MARKETS], Play(lambda: iter(trades), None))
    await exchange.start()
    try:
        await until(exchange.finished.is_set)
        async with httpx.AsyncClient(base_url=exchange.rest_url, trust_env=False) as client:
            (await client.get("/api/v3/ping")).raise_for_status()
            server_time = (await client.get("/api/v3/time")).json()["serverTime"]
            assert 10**12 < server_time < 10**13
            micros_header = {"X-MBX-TIME-UNIT": "MICROSECOND"}
            own = [trade for trade in trades if trade.symbol == "XRPUSDT"]
            query = {"symbol": "XRPUSDT", "fromId": own[5].trade_id, "limit": 3}
            rows = (await client.get("/api/v3/historicalTrades", params=query, headers=micros_header)).json()
            assert [(row["id"], row["time"]) for row in rows] == [(t.trade_id, t.trade_time) for t in own[5:8]]
            latest = (await client.get("/api/v3/historicalTrades", params={"symbol": "XRPUSDT"})).json()
            assert [row["id"] for row in latest] == [trade.trade_id for trade in own[-500:]]
            for path, params, code in [
                ("/api/v3/historicalTrades", {}, -1102),
                ("/api/v3/historicalTrades", {"symbol": "NONE"}, -1121),
                ("/api/v3/historicalTrades", {"symbol": "XRPUSDT", "limit": "x"}, -1100),
                ("/api/v3/exchangeInfo", {"symbol": "NONE"}, -1121),
            ]:
                refused = await client.get(path, params=params)
                assert (refused.status_code, refused.json()["code"]) == (400, code)
            body = (await client.get("/api/v3/exchangeInfo")).content
    finally:
        await exchange.stop()
    assert len(msgspec.json.decode(body)["symbols"]) == len(MARKETS)


async def test_exchange_info_over_the_wire_is_what_the_markets_are() -> None:
    markets = [market.instrument() for market in MARKETS]
    exchange = LocalExchange(markets, Play(lambda: iter(()), None))
    await exchange.start()
    try:
        assert await asyncio.to_thread(load_exchange_info, exchange.rest_url) == markets
    finally:
        await exchange.stop()
