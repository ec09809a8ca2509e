"""Trades by the column are what the codec says of each of them, whatever the bytes."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.checks import FIRST_MARKET_TIME, LAST_TIME
from schemas.codec import Codec, CodecError, UnknownSchema
from schemas.columns import decode_trades
from schemas.errors import Refused
from schemas.records import Trade
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX
from tests.records import TRADES
from tests.samples import trade
from tests.unit.schemas.test_codec import OTHER, POISON, drop, evolved, written_as

QUANTITY_MAX = 2**63 - 1
OLDER = evolved(Trade, drop("buyer_order_id", "seller_order_id"))


def other_writers(schema_id: int) -> str:
    if schema_id != OTHER:
        raise UnknownSchema(f"schema id {schema_id}: unknown to the registry")
    return OLDER


CODEC = Codec(Trade, 7, other_writers)
FORMER = evolved(Trade, drop("filled"))


def agrees(values: list[bytes | None], keys: Sequence[bytes | None] | None = None) -> None:
    """Decode in columns and one by one, and compare; each trade has the key of its instrument if no other is given."""
    given = own_keys(values) if keys is None else list(keys)
    distinct = sorted({key for key in given if key is not None})
    codes = np.array([0 if key is None else distinct.index(key) + 1 for key in given], np.int16)
    columns = decode_trades(values, distinct, codes, CODEC)
    assert {len(column) for column in columns[:4]} == {len(values)}
    for i, value in enumerate(values):
        found = tuple(int(column[i]) for column in columns[:4])
        one = taken(value, given[i])
        if isinstance(one, Refused):
            assert str(columns.errors[i]) == str(one)
            assert found == (0, 0, 0, 0)
        else:
            assert i not in columns.errors
            assert found == (one.price, min(one.quantity, QUANTITY_MAX), one.trade_id, one.trade_time)
            assert columns.table[:, i].tolist() == [*found, one.buyer_is_maker]
            assert columns.cut.get(i, found[1]) == one.quantity


def own_keys(values: list[bytes | None]) -> list[bytes | None]:
    trades = map(decoded, values)
    return [b"binance:XRPUSDT" if isinstance(each, CodecError) else each.instrument.encode() for each in trades]


def taken(value: bytes | None, key: bytes | None) -> Trade | Refused:
    one = decoded(value)
    if isinstance(one, CodecError) or key == one.instrument.encode():
        return one
    if key is None:
        return Refused("key: a trade without one belongs to no instrument")
    return Refused(f"key: {key!r} is not {one.instrument}")


def decoded(value: bytes | None) -> Trade | CodecError:
    try:
        return CODEC.decode(value)
    except CodecError as error:
        return error


@given(st.lists(TRADES, max_size=8))
def test_trades(trades: list[Trade]) -> None:
    agrees([CODEC.encode(each) for each in trades])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A trade with some bytes changed, taken out or put in."""
    data = bytearray(CODEC.encode(draw(TRADES)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.integers(0, 3))
        data[at : at + gone] = draw(st.binary(max_size=3))
    return bytes(data)


@given(st.lists(st.one_of(damaged(), TRADES.map(CODEC.encode), st.none(), st.binary(max_size=80)), max_size=6))
@example([])
@example([None])
@example([b""])
def test_damaged_trades_among_good_ones(values: list[bytes | None]) -> None:
    agrees(values)


@pytest.mark.parametrize("name", POISON)
def test_the_poison_that_the_codec_knows(name: str) -> None:
    good = CODEC.encode(trade("100"))
    agrees([good, POISON[name][0], good])


def test_a_trade_of_an_older_writer_among_ours() -> None:
    agrees([CODEC.encode(trade("100")), written_as(OLDER, trade("101", 2)), CODEC.encode(trade("102", 3))])


def test_a_writer_of_before_trades_were_filled_is_read_without_the_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec(Trade, 7, lambda _: FORMER)
    values = [written_as(FORMER, trade("101", 2)), codec.encode(trade("100")), written_as(FORMER, trade("102", 3))]
    monkeypatch.setattr(codec, "decode", lambda _: pytest.fail("decoded one by one"))
    columns = decode_trades(values, [trade("1").instrument.encode()], np.ones(3, np.int16), codec)
    assert columns.price.tolist() == [101 * ONE, 100 * ONE, 102 * ONE]
    assert columns.trade_id.tolist() == [2, 1, 3]


@pytest.mark.parametrize("quantity", [1, 2**63 - 1, 2**63, 2**64, AMOUNT_MAX])
@pytest.mark.parametrize("price", [1, PRICE_MAX])
def test_the_largest_and_the_smallest(price: int, quantity: int) -> None:
    agrees([CODEC.encode(msgspec.structs.replace(trade("1"), price=price, quantity=quantity))])


def test_names_beyond_ascii() -> None:
    agrees([CODEC.encode(msgspec.structs.replace(trade("1"), symbol="币安人生USDT"))])


OTHER_KEYS = (
    *(b"binance:XRPUSD", b"binance:XRPUSDTT", b"binancE:XRPUSDT", b"binance:XRPUSDt", b"binance;XRPUSDT", b"binance"),
    *(b"", b":", b"binance:", b":XRPUSDT", b"XRPUSDT", b"binance:XRPUSDT:", b"x" * 300, None),
)


@pytest.mark.parametrize("key", OTHER_KEYS)
def test_a_trade_under_another_key_among_good_ones(key: bytes | None) -> None:
    own, other = (CODEC.encode(trade("100", instrument=name)) for name in ("binance:XRPUSDT", "binance:ETHUSDT"))
    agrees([own, own, other, b"x"], [b"binance:XRPUSDT", key, b"binance:ETHUSDT", key])
    agrees([own], [key])


def test_a_key_that_has_other_letters_between_exchange_and_symbol() -> None:
    one = msgspec.structs.replace(trade("1"), exchange="binance:XR", symbol="USDT")
    agrees([CODEC.write(one)], [b"binance:XRPUSDT"])


@given(st.lists(st.tuples(TRADES, TRADES, st.booleans()), max_size=6))
def test_keys_of_any_kind(trades: list[tuple[Trade, Trade, bool]]) -> None:
    keys = [(other if swapped else each).instrument.encode() for each, other, swapped in trades]
    agrees([CODEC.encode(each) for each, _, _ in trades], keys)


EDGES: dict[str, list[object]] = {
    "price": [0, 1, PRICE_MAX, PRICE_MAX + 1],
    "trade_id": [-1, 0, 2**63 - 1],
    **{
        key: [0, FIRST_MARKET_TIME - 1, FIRST_MARKET_TIME, LAST_TIME, LAST_TIME + 1]
        for key in ("trade_time", "event_time")
    },
    "received_time": [-1, 0, LAST_TIME, LAST_TIME + 1],
    **{key: [None, -1, 0, 2**63 - 1] for key in ("buyer_order_id", "seller_order_id")},
    "exchange": ["", "x" * 40, "x" * 41, "a:b", "a\nb", "a\x7fb", "a\x00b", "a b", "币"],
    "symbol": ["", "x" * 100, "x" * 101, "a:b", "a\nb", "a\x7fb", "a\x00b", "a b", "币"],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in EDGES.items() for value in values])
def test_the_edges_of_every_field(field: str, value: object) -> None:
    one = msgspec.structs.replace(trade("1"), **{field: value})
    agrees([CODEC.write(one), CODEC.write(trade("1"))], [one.instrument.encode(), b"binance:XRPUSDT"])
