"""The names of instruments, exact in the topics and as people type them."""

import pytest

from schemas.errors import Refused
from schemas.symbols import split_instrument, typed_instrument


def test_an_instrument_is_an_exchange_and_a_symbol() -> None:
    assert split_instrument("binance:XRPUSDT") == ("binance", "XRPUSDT")


@pytest.mark.parametrize("text", ["", ":", "binance:", ":XRPUSDT", "XRPUSDT", "a:b:c", "a::b"])
def test_anything_else_is_named(text: str) -> None:
    with pytest.raises(Refused, match=rf"^instrument: '{text}' is not exchange:SYMBOL$"):
        split_instrument(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("xrpusdt", ("somewhere", "XRPUSDT")),
        ("XRP/USDT", ("somewhere", "XRPUSDT")),
        ("xrp-usdt ", ("somewhere", "XRPUSDT")),
        ("xrp_usdt", ("somewhere", "XRPUSDT")),
        ("binance:xrpusdt", ("binance", "XRPUSDT")),
        (" Binance :XRP/usdt", ("binance", "XRPUSDT")),
        (":xrpusdt", ("somewhere", "XRPUSDT")),
        ("binance:", ("binance", "")),
        ("/", ("somewhere", "")),
        ("", ("somewhere", "")),
    ],
)
def test_what_is_typed(text: str, named: tuple[str, str]) -> None:
    assert typed_instrument(text, "somewhere") == named


def test_without_an_exchange_none_is_made_up() -> None:
    assert typed_instrument("xrpusdt") == ("", "XRPUSDT")
