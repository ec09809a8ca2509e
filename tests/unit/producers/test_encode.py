"""The fast encoder of trades writes what the codec writes, and refuses what it refuses."""

import msgspec
import pytest
from hypothesis import given

from producers.encode import TradeEncoder
from schemas.checks import FIRST_MARKET_TIME, LAST_TIME, LONG_MAX
from schemas.codec import Codec, schema_text
from schemas.records import Trade
from schemas.units import PRICE_MAX
from tests.records import TRADES

CODEC = Codec(Trade, 4711, lambda schema_id: schema_text(Trade))
ONE_TRADE = Trade(
    exchange="binance",
    symbol="XRPUSDT",
    price=42_856_000,
    quantity=2_670_000_000,
    trade_id=25_388_799,
    trade_time=1_559_433_601_348_000,
    event_time=1_559_433_601_351_000,
    received_time=1_559_433_601_352_000,
    buyer_is_maker=True,
)


@given(TRADES)
def test_as_the_codec_byte_for_byte(trade: Trade) -> None:
    encoded = TradeEncoder(CODEC)(trade)
    assert encoded == CODEC.encode(trade)
    assert CODEC.decode(encoded) == trade


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("price", 0, "price: 0 is not between"),
        ("price", PRICE_MAX + 1, "price: "),
        ("quantity", -1, "quantity: -0.00000001 is not between"),
        ("trade_id", -1, "trade_id: -1 is not between 0"),
        ("trade_id", LONG_MAX + 1, "trade_id: 9223372036854775808 is not between 0"),
        ("trade_time", FIRST_MARKET_TIME - 1, "trade_time: 1230767999999999 is not between 1230768000000000"),
        ("trade_time", LAST_TIME + 1, "trade_time: 4102444800000000 is not between"),
        ("event_time", FIRST_MARKET_TIME - 1, "event_time: "),
        ("event_time", LAST_TIME + 1, "event_time: "),
        ("received_time", LAST_TIME + 1, "received_time: "),
        ("received_time", -1, "received_time: "),
        ("seller_order_id", -5, "seller_order_id: -5 is not between 0"),
        ("symbol", "A:B", "symbol: 'A:B'"),
        ("exchange", "", "exchange: ''"),
        ("symbol", "A\ud800", r"symbol: 'A\\ud800'"),
    ],
)
def test_what_cannot_be_written_is_named(field: str, value: object, message: str) -> None:
    encode = TradeEncoder(CODEC)
    encode(ONE_TRADE)  # whose names are known from now on
    with pytest.raises(ValueError, match=message):
        encode(msgspec.structs.replace(ONE_TRADE, **{field: value}))


@pytest.mark.parametrize("field", ["trade_time", "event_time", "received_time"])
@pytest.mark.parametrize("time", [FIRST_MARKET_TIME, LAST_TIME])
def test_the_first_and_the_last_time(field: str, time: int) -> None:
    one = msgspec.structs.replace(ONE_TRADE, **{field: time})
    assert CODEC.decode(TradeEncoder(CODEC)(one)) == one
