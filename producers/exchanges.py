"""Every exchange there is. A new one is its adapter's folder and a line in each of the two."""

from collections.abc import Sequence

from infra.config import Config
from producers.adapter import Adapter
from producers.binance import history as of_binance
from producers.binance.client import BINANCE, Binance
from producers.binance.exchange_info import LISTER as LISTER_OF_BINANCE
from producers.bitstamp import history as of_bitstamp
from producers.bitstamp.client import BITSTAMP, Bitstamp
from producers.bitstamp.pairs import LISTER as LISTER_OF_BITSTAMP
from producers.coinbase import history as of_coinbase
from producers.coinbase.client import COINBASE, Coinbase
from producers.coinbase.products import LISTER as LISTER_OF_COINBASE
from producers.rest import Rest

EXCHANGES = (BINANCE, COINBASE, BITSTAMP)
LISTERS = {lister.exchange: lister for lister in (LISTER_OF_BINANCE, LISTER_OF_COINBASE, LISTER_OF_BITSTAMP)}
"""What their symbols are seeded from."""
CONTIGUOUS = frozenset(exchange.name for exchange in EXCHANGES if exchange.ids == "contiguous")
"""The names of those whose trade ids rise by one."""


def rest_url(config: Config, name: str) -> str:
    """Return the base URL of the REST server of an exchange."""
    urls = {
        BINANCE.name: config.binance_rest_url,
        COINBASE.name: config.coinbase_rest_url,
        BITSTAMP.name: config.bitstamp_rest_url,
    }
    return urls[name]


def adapters(config: Config, names: Sequence[str] = ()) -> list[Adapter]:
    """Return the adapters of the exchanges of these names: else those of `HEDGEHOG_EXCHANGES`, else all.

    Raises `ValueError`, with the name, for one that there is not.
    """
    known: dict[str, Adapter] = {
        BINANCE.name: Binance(config.binance_stream_url, rest=Rest(config.binance_rest_url, of_binance.BUDGET)),
        COINBASE.name: Coinbase(config.coinbase_stream_url, rest=Rest(config.coinbase_rest_url, of_coinbase.BUDGET)),
        BITSTAMP.name: Bitstamp(config.bitstamp_stream_url, rest=Rest(config.bitstamp_rest_url, of_bitstamp.BUDGET)),
    }
    chosen = [name.strip().lower() for name in names or config.exchanges.split(",") if name.strip()]
    for name in chosen:
        if name not in known:
            raise ValueError(f"{name!r} is none of the exchanges {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(chosen or known)]
