"""Client order ids: what they are made of, what exchanges take, what is read of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.order_ids import OrderId, client_order_id, code_of, incarnation_of, read_id

TAKEN = re.compile(r"[A-Za-z0-9_-]{1,36}")
"""What exchanges take."""
XRP = "binance:XRPUSDT"
HERE, THERE = incarnation_of("AAAABH3H7BMsAAAAAOt5osQ", "leaders"), incarnation_of("another", "leaders")


@given(
    symbol=st.text(st.characters(exclude_characters=":", codec="utf-8"), min_size=1),
    trader=st.integers(1, 10**14 - 1),
    side=st.sampled_from("BS"),
)
def test_any_symbol_and_any_number_gives_what_exchanges_take(symbol: str, trader: int, side: str) -> None:
    name = client_order_id(HERE, f"binance:{symbol}", trader, side)
    assert TAKEN.fullmatch(name)
    found = read_id(name)
    assert found == OrderId(HERE, code_of(f"binance:{symbol}"), trader, side)
    assert found is not None
    assert found.is_of(f"binance:{symbol}")
    assert not found.is_of(f"bitstamp:{symbol}")


def test_no_two_have_the_same_id() -> None:
    names = [
        client_order_id(incarnation, instrument, trader, side)
        for incarnation in ("", HERE, THERE)
        for instrument in (XRP, "binance:XRPUSDC", "coinbase:XRPUSDT")
        for trader in (1, 11, 111)
        for side in "BS"
    ]
    assert len(set(names)) == len(names)


def test_an_incarnation_is_told_by_every_topic() -> None:
    assert len({incarnation_of(*ids) for ids in (("a", "b"), ("a", "c"), ("c", "b"), ("b", "a"), ("a",))}) == 5


def test_ten_thousand_instruments_have_codes_of_their_own() -> None:
    assert len({code_of(f"binance:{number}USDT") for number in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("binance:XRPUSDT:12:B", OrderId("", XRP, 12, "B")),
        ("binance:币安人生USDT:3:S", OrderId("", "binance:币安人生USDT", 3, "S")),
        ("binance:A-B-3-S:4:B", OrderId("", "binance:A-B-3-S", 4, "B")),
        ("k3f7qa-m2c7x5b4tqwd-12-B", OrderId("k3f7qa", "m2c7x5b4tqwd", 12, "B")),
        *((text, None) for text in ("", "12:B", "k3f7qa-12-B", "-m2c7x5b4tqwd-12-B", "a:B:x:B", "a:B:1:T", "a-b-1-b")),
        *((text, None) for text in ("a:B::B", "a-b--B", "a:B:-1:B", "a:B:²:B", "binance:XRPUSDT:12", "somebody's")),
    ],
)
def test_what_an_id_says(text: str, said: OrderId | None) -> None:
    assert read_id(text) == said
