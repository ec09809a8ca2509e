"""Every protocol that the local exchange speaks, by the name of its exchange."""

from collections.abc import Callable

from producers.local_exchange.binance import BinanceDialect
from producers.local_exchange.bitstamp import BitstampDialect
from producers.local_exchange.coinbase import CoinbaseDialect
from producers.local_exchange.dialect import Dialect, Floor

DIALECTS: dict[str, Callable[[Floor], Dialect]] = {
    "binance": BinanceDialect,
    "coinbase": CoinbaseDialect,
    "bitstamp": BitstampDialect,
}
