"""Symbols as people type them."""

import pytest

from streams.cli.errors import USAGE, BadValue
from streams.cli.instruments.symbols import keys_of, nearest, resolve

KNOWN = (
    *("binance:BTCUSDT", "binance:ETHUSDT", "binance:ETHBTC", "binance:XRPUSDT", "paper:ETHUSDT"),
    *("coinbase:BTC-USD", "coinbase:LTC-EUR", "bitstamp:BTCUSD"),
)


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (["XRPUSDT"], ["binance:XRPUSDT"]),
        (["xrpusdt"], ["binance:XRPUSDT"]),
        (["xrp/usdt"], ["binance:XRPUSDT"]),
        (["XRP-USDT", "btc_usdt"], ["binance:XRPUSDT", "binance:BTCUSDT"]),
        (["binance:xrpusdt"], ["binance:XRPUSDT"]),
        (["BINANCE:XrpUsdt"], ["binance:XRPUSDT"]),
        (["paper:ethusdt"], ["paper:ETHUSDT"]),
        (["ltc-eur"], ["coinbase:LTC-EUR"]),
        (["LTCEUR"], ["coinbase:LTC-EUR"]),
        (["coinbase:ltceur", "coinbase:LTC/EUR"], ["coinbase:LTC-EUR"]),
        (["coinbase:btcusd", "bitstamp:btc-usd"], ["coinbase:BTC-USD", "bitstamp:BTCUSD"]),
        (["BTCUSDT", "XRPUSDT", "btcusdt"], ["binance:BTCUSDT", "binance:XRPUSDT"]),
    ],
)
def test_a_symbol_is_found_however_it_is_typed(typed: list[str], keys: list[str]) -> None:
    assert resolve(typed, KNOWN) == keys


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("XRPUDST", "unknown symbol 'XRPUDST'; did you mean XRPUSDT?"),
        ("xrp", "unknown symbol 'xrp'; did you mean XRPUSDT?"),
        ("ETHB", "unknown symbol 'ETHB'; did you mean ETHBTC"),
        ("binance:XRPUSD", "did you mean binance:XRPUSDT"),
        ("binnance:XRPUSDT", "did you mean binance:XRPUSDT"),
        ("DOGEEUR", "unknown symbol 'DOGEEUR'"),
        ("", "unknown symbol ''"),
        ("ETHUSDT", "on several exchanges: binance:ETHUSDT or paper:ETHUSDT"),
        ("btc-usd", "on several exchanges: bitstamp:BTCUSD or coinbase:BTC-USD"),
    ],
)
def test_a_wrong_symbol_is_named_with_the_nearest(typed: str, message: str) -> None:
    with pytest.raises(BadValue) as error:
        resolve([typed], KNOWN)
    assert message in str(error.value)
    assert error.value.code == USAGE


def test_without_instruments_the_hint_is_to_seed() -> None:
    with pytest.raises(BadValue) as error:
        resolve(["XRPUSDT"], ())
    assert error.value.hint == "hedgehog settings seed"


def test_at_most_five_are_suggested() -> None:
    assert len(nearest("AB", [f"AB{i:02}" for i in range(50)])) == 5


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ([], []),
        (["XRPUSDT", "xrp/usdt"], ["binance:XRPUSDT"]),
        (["Coinbase :btc-eur", "btc_eur"], ["coinbase:BTC-EUR", "binance:BTCEUR"]),
        ([":DOGE"], ["binance:DOGE"]),
        (["coinbase:btcusd", "COINBASE:ETH/EUR"], ["coinbase:BTC-USD", "coinbase:ETH-EUR"]),
        (["coinbase:sol_usdc"], ["coinbase:SOL-USDC"]),
        (["bitstamp:btc-usd"], ["bitstamp:BTCUSD"]),
    ],
)
def test_a_recorded_symbol_need_not_be_known(typed: list[str], keys: list[str]) -> None:
    assert keys_of(typed) == keys


@pytest.mark.parametrize("typed", ["", ":", "binance:", "/ -", "a:b:XRP"])
def test_a_text_without_a_symbol_is_refused(typed: str) -> None:
    with pytest.raises(BadValue) as error:
        keys_of(["XRPUSDT", typed])
    assert str(error.value) == f"--symbol: {typed!r} names no symbol"
