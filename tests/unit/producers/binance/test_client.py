"""Binance's adapter: what its address carries and what it asks for."""

import msgspec

from producers.binance.client import BINANCE, Binance


def test_the_address_names_the_first_symbols_and_requests_the_others() -> None:
    symbols = [f"S{number:03}USDT" for number in range(150)]
    address = Binance("ws://127.0.0.1:1/").address(symbols)
    assert address.symbols == frozenset(symbols[:100])
    assert address.url.startswith("ws://127.0.0.1:1/stream?streams=s000usdt@trade/s001usdt@trade/")
    assert address.url.count("@trade") == 100
    few = Binance("ws://127.0.0.1:1").address(symbols[:2])
    assert few.symbols == frozenset(symbols[:2])


def test_requests() -> None:
    binance = Binance("ws://127.0.0.1:1")
    for method, text in (
        ("SUBSCRIBE", binance.subscribe(["XRPUSDT"], 3)),
        ("UNSUBSCRIBE", binance.unsubscribe(["XRPUSDT"], 3)),
    ):
        assert msgspec.json.decode(text) == {"method": method, "params": ["xrpusdt@trade"], "id": 3}


def test_the_limits_are_within_binances() -> None:
    # Beside the requests, one ping of ours and one pong a second at most.
    assert BINANCE.messages_per_s + 2 <= 5
    assert BINANCE.symbols_per_connection == 1_024
    assert BINANCE.lifetime_s < 24 * 3_600
    assert BINANCE.ids == "contiguous"
