"""What Bitstamp says about its pairs: `GET /api/v2/trading-pairs-info/`.

Source of the fields: Bitstamp documentation, "Trading pairs info", and "Markets", which says the same in other words;
mid 2026. A price has `counter_decimals`, a quantity `base_decimals`.
"""

import msgspec

from producers.bitstamp.protocol import EXCHANGE
from producers.listing import Lister, Listing, amount, taken
from producers.numbers import UNREADABLE
from schemas.records import Instrument
from schemas.units import ONE, SCALE

PATH = "/api/v2/trading-pairs-info/"


class _Pair(msgspec.Struct):
    name: str
    base_decimals: int
    counter_decimals: int
    trading: str
    url_symbol: str | None = None
    market_symbol: str | None = None
    minimum_order: str | None = None
    minimum_order_value: str | None = None


def parse_pairs(payload: bytes) -> Listing:
    """Return every pair in the answer. Raises `ValueError` for what is no list of pairs."""
    try:
        rows = msgspec.json.decode(payload, type=list[msgspec.Raw])
    except UNREADABLE as error:
        raise ValueError(f"no list of pairs: {error}") from error
    return taken(EXCHANGE, "name", rows, _Pair, _instrument)


def _instrument(pair: _Pair) -> Instrument:
    base, slash, counter = pair.name.partition("/")
    name = pair.url_symbol or pair.market_symbol
    if not (name and base and slash and counter):
        raise ValueError(f"name: {pair.name!r} and url_symbol: {name!r} name no pair")
    if name != name.lower() or name.upper().lower() != name:
        raise ValueError(f"url_symbol: {name!r} cannot be told from what it is in capitals")
    # "10.0 USD", or the number alone
    smallest = (pair.minimum_order or pair.minimum_order_value or "0").split(" ")[0]
    return Instrument(
        exchange=EXCHANGE,
        symbol=name.upper(),
        base_asset=base,
        quote_asset=counter,
        exchange_status="TRADING" if pair.trading == "Enabled" else pair.trading.upper(),
        tick_size=_smallest(pair.counter_decimals, "counter_decimals"),
        step_size=_smallest(pair.base_decimals, "base_decimals"),
        min_notional=amount(smallest, "minimum_order"),
    )


def _smallest(decimals: int, name: str) -> int:
    if not 0 <= decimals <= SCALE:
        raise ValueError(f"{name}: {decimals} is not between 0 and {SCALE}")
    smallest: int = ONE // 10**decimals
    return smallest


LISTER = Lister(EXCHANGE, PATH, parse_pairs)
