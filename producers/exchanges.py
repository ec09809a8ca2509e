"""Every exchange there is. A new one is its adapter's folder and a line in each of the two."""

from collections.abc import Sequence

from infra.config import Config
from producers.adapter import Adapter
from producers.binance import history as of_binance
from producers.binance.client import BINANCE, Binance
from producers.bitstamp import history as of_bitstamp
from producers.bitstamp.client import BITSTAMP, Bitstamp
from producers.coinbase import history as of_coinbase
from producers.coinbase.client import COINBASE, Coinbase
from producers.rest import Rest

EXCHANGES = (BINANCE, COINBASE, BITSTAMP)
CONTIGUOUS = frozenset(exchange.name for exchange in EXCHANGES if exchange.ids == "contiguous")
"""The names of those whose trade ids rise by one."""


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
