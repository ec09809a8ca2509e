"""The fast encoder of trades writes what the codec writes, and refuses what it refuses."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.encode import LONG_MAX, TradeEncoder
from schemas.codec import Codec, schema_text
from schemas.records import Trade
from schemas.units import AMOUNT_MAX, PRICE_MAX

CODEC = Codec(Trade, 4711, lambda schema_id: schema_text(Trade))
LONGS = st.one_of(st.integers(0, LONG_MAX), st.sampled_from([0, 63, 64, 8191, 8192, (1 << 27), LONG_MAX]))
TRADES = st.builds(
    Trade,
    exchange=st.text(max_size=20),
    symbol=st.text(max_size=200),
    price=st.integers(1, PRICE_MAX),
    quantity=st.integers(1, AMOUNT_MAX),
    trade_id=LONGS,
    trade_time=LONGS,
    event_time=LONGS,
    received_time=LONGS,
    buyer_is_maker=st.booleans(),
    buyer_order_id=st.none() | LONGS,
    seller_order_id=st.none() | LONGS,
)
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
        ("trade_time", LONG_MAX + 1, "trade_time: 9223372036854775808 is not between 0"),
        ("seller_order_id", -5, "seller_order_id: -5 is not between 0"),
    ],
)
def test_what_cannot_be_written_is_named(field: str, value: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TradeEncoder(CODEC)(msgspec.structs.replace(ONE_TRADE, **{field: value}))
