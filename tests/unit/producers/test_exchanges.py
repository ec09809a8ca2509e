"""Which exchanges are streamed from."""

import pytest

from infra.config import Config
from producers.exchanges import CONTIGUOUS, EXCHANGES, LISTERS, adapters, rest_url
from schemas.symbols import GLOBAL_IDS


@pytest.mark.parametrize(
    ("typed", "configured", "names"),
    [
        ([], "", [exchange.name for exchange in EXCHANGES]),
        ([], " Binance, ", ["binance"]),
        (["binance"], "nowhere", ["binance"]),
        (["BINANCE", "binance"], "", ["binance"]),
    ],
)
def test_those_named_else_those_configured_else_all(typed: list[str], configured: str, names: list[str]) -> None:
    chosen = adapters(Config(exchanges=configured), typed)
    assert [adapter.exchange.name for adapter in chosen] == names


@pytest.mark.parametrize(("typed", "configured"), [(["binance", "nowhere"], ""), ([], "nowhere")])
def test_one_that_there_is_not(typed: list[str], configured: str) -> None:
    with pytest.raises(ValueError, match="'nowhere' is none of the exchanges binance"):
        adapters(Config(exchanges=configured), typed)


@pytest.mark.parametrize("name", [exchange.name for exchange in EXCHANGES])
def test_every_exchange_has_its_addresses_an_adapter_and_a_lister(name: str) -> None:
    config = Config.model_validate({f"{name}_stream_url": "ws://127.0.0.1:7", f"{name}_rest_url": "http://127.0.0.1:8"})
    (adapter,) = adapters(config, [name])
    assert adapter.address(["XRPUSDT"]).url.startswith("ws://127.0.0.1:7")
    assert rest_url(config, name) == "http://127.0.0.1:8"
    assert LISTERS[name].exchange == name
    assert (name in CONTIGUOUS) == (adapter.exchange.ids == "contiguous") == (name not in GLOBAL_IDS)


def test_an_adapter_has_the_configured_address() -> None:
    (adapter,) = adapters(Config(binance_stream_url="ws://127.0.0.1:7"), ["binance"])
    assert adapter.address(["XRPUSDT"]).url.startswith("ws://127.0.0.1:7/stream?")
    assert "binance" in CONTIGUOUS
