"""What Binance says about its symbols: `GET /api/v3/exchangeInfo`.

Source of the fields: Binance Spot API documentation, "Exchange information" and "Filters", mid 2026. All filters are
optional there; those that are not known here do not matter to a limit order.
"""

import msgspec

from producers.listing import Lister, Listing, amount, price_limit, quantity_limit, taken
from producers.numbers import UNREADABLE
from schemas.records import Instrument
from schemas.units import AMOUNT_MAX, PRICE_MAX

EXCHANGE = "binance"
PATH = "/api/v3/exchangeInfo"
Text = str | None


class _Filter(msgspec.Struct):
    filterType: str
    tickSize: Text = None
    minPrice: Text = None
    maxPrice: Text = None
    stepSize: Text = None
    minQty: Text = None
    maxQty: Text = None
    minNotional: Text = None
    maxNotional: Text = None
    multiplierUp: Text = None
    multiplierDown: Text = None
    bidMultiplierUp: Text = None
    bidMultiplierDown: Text = None
    askMultiplierUp: Text = None
    askMultiplierDown: Text = None
    maxPosition: Text = None


class _Kind(msgspec.Struct):
    filterType: str


class _Symbol(msgspec.Struct):
    symbol: str
    status: str
    baseAsset: str
    quoteAsset: str
    filters: list[msgspec.Raw]


class _ExchangeInfo(msgspec.Struct):
    symbols: list[msgspec.Raw]


READ = frozenset(
    {"PRICE_FILTER", "LOT_SIZE", "MIN_NOTIONAL", "NOTIONAL", "PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE", "MAX_POSITION"}
)
"""The filters that are read; of others not even the fields are looked at."""


def parse_exchange_info(payload: bytes) -> Listing:
    """Return every instrument in the answer. Raises `ValueError` for what is no exchange information."""
    try:
        info = msgspec.json.decode(payload, type=_ExchangeInfo)
    except UNREADABLE as error:
        raise ValueError(f"no exchange information: {error}") from error
    return taken(EXCHANGE, "symbol", info.symbols, _Symbol, _instrument)


def _instrument(symbol: _Symbol) -> Instrument:
    filters = {
        kind: msgspec.json.decode(raw, type=_Filter)
        for raw in symbol.filters
        for kind in [msgspec.json.decode(raw, type=_Kind).filterType]
        if kind in READ
    }
    price, lot = _filter(filters, "PRICE_FILTER"), _filter(filters, "LOT_SIZE")
    return Instrument(
        exchange=EXCHANGE,
        symbol=symbol.symbol,
        base_asset=symbol.baseAsset,
        quote_asset=symbol.quoteAsset,
        exchange_status=symbol.status,
        # A tick or step of 0 switches the rule off: then the eight decimals of every price are the only grid.
        tick_size=_units(price, "tickSize") or 1,
        min_price=_units(price, "minPrice"),
        max_price=price_limit(price.maxPrice, "PRICE_FILTER.maxPrice"),
        step_size=_units(lot, "stepSize") or 1,
        min_quantity=_units(lot, "minQty"),
        max_quantity=quantity_limit(lot.maxQty, "LOT_SIZE.maxQty"),
        min_notional=_min_notional(filters),
        max_notional=_at_most(filters, "NOTIONAL", "maxNotional", AMOUNT_MAX),
        max_position=_at_most(filters, "MAX_POSITION", "maxPosition", AMOUNT_MAX),
        **_multipliers(filters),
    )


def _multipliers(filters: dict[str, _Filter]) -> dict[str, int]:
    """Return how many times the market price an order may be, by side or the same for both."""
    by_side = "PERCENT_PRICE_BY_SIDE" in filters
    kind = "PERCENT_PRICE_BY_SIDE" if by_side else "PERCENT_PRICE"
    return {
        f"{side}_multiplier_{end}": _at_most(filters, kind, field, PRICE_MAX)
        for side in ("bid", "ask")
        for end in ("up", "down")
        for field in [f"{side}Multiplier{end.title()}" if by_side else f"multiplier{end.title()}"]
    }


def _at_most(filters: dict[str, _Filter], kind: str, field: str, largest: int) -> int:
    """Return a limit of a filter, 0 where there is none: it is not said, or beyond what the wire holds."""
    rule = filters.get(kind)
    if rule is None or getattr(rule, field) is None:
        return 0
    limit = _units(rule, field)
    return 0 if limit > largest else limit


def _min_notional(filters: dict[str, _Filter]) -> int:
    """Return the larger of the lower bounds: a symbol may have both filters, one, or neither."""
    rules = [filters[kind] for kind in ("NOTIONAL", "MIN_NOTIONAL") if kind in filters]
    return max((_units(rule, "minNotional") for rule in rules), default=0)


def _filter(filters: dict[str, _Filter], kind: str) -> _Filter:
    if kind not in filters:
        raise ValueError(f"no {kind} among its filters")
    return filters[kind]


def _units(rule: _Filter, field: str) -> int:
    return amount(getattr(rule, field), f"{rule.filterType}.{field}")


LISTER = Lister(EXCHANGE, PATH, parse_exchange_info)
