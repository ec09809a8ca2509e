"""What an exchange says about its symbols: `GET /api/v3/exchangeInfo`, from the exchange or from a cached file.

Source of the fields: Binance Spot API documentation, "Exchange information" and "Filters", mid 2026.
"""

import gzip
from pathlib import Path

import httpx
import msgspec

from infra.config import Config
from schemas.records import Instrument
from schemas.units import to_units

EXCHANGE = "binance"
PATH = "/api/v3/exchangeInfo"
TIMEOUT_S = 30.0


class ExchangeInfoError(ValueError):
    """Exchange information that cannot be had or read; the message names the source, the field and the value."""


class _Filter(msgspec.Struct):
    filterType: str
    tickSize: str | None = None
    minPrice: str | None = None
    maxPrice: str | None = None
    stepSize: str | None = None
    minQty: str | None = None
    maxQty: str | None = None
    minNotional: str | None = None


class _Symbol(msgspec.Struct):
    symbol: str
    status: str
    baseAsset: str
    quoteAsset: str
    filters: list[_Filter]


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


def load_exchange_info(source: Config | str | Path) -> list[Instrument]:
    """Every instrument of an exchange.

    `source` is a configuration (its `binance_rest_url` is asked), the URL of a REST server, or a file with the
    answer of one, `.gz` or not. Raises `ExchangeInfoError`.
    """
    if isinstance(source, Config):
        source = source.binance_rest_url
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        name, payload = source, fetch_exchange_info(source)
    else:
        name, payload = str(source), _read(Path(source))
    try:
        return parse_exchange_info(payload)
    except ExchangeInfoError as error:
        raise ExchangeInfoError(f"{name}: {error}") from error.__cause__


def fetch_exchange_info(rest_url: str) -> bytes:
    """The answer of the REST server at `rest_url`, as bytes, to be parsed or kept in a file."""
    url = rest_url if rest_url.rstrip("/").endswith(PATH) else rest_url.rstrip("/") + PATH
    try:
        response = httpx.get(url, timeout=TIMEOUT_S, follow_redirects=True)
    except httpx.HTTPError as error:
        raise ExchangeInfoError(f"{url}: {error or type(error).__name__}") from error
    if response.status_code != httpx.codes.OK:
        wait = response.headers.get("Retry-After")
        again = f"; it asks to wait {wait} s" if wait else ""
        raise ExchangeInfoError(f"{url}: HTTP {response.status_code}: {response.text[:200]}{again}")
    return response.content


def parse_exchange_info(payload: bytes) -> list[Instrument]:
    """Every instrument in the answer, in its order."""
    try:
        info = msgspec.json.decode(payload, type=_ExchangeInfo)
    except msgspec.DecodeError as error:
        raise ExchangeInfoError(f"no exchange information: {error}") from error
    return [_instrument(symbol) for symbol in info.symbols]


def _instrument(symbol: _Symbol) -> Instrument:
    filters = {item.filterType: item for item in symbol.filters}
    price, lot = _filter(symbol, filters, "PRICE_FILTER"), _filter(symbol, filters, "LOT_SIZE")
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL")
    instrument = Instrument(
        exchange=EXCHANGE,
        symbol=symbol.symbol,
        base_asset=symbol.baseAsset,
        quote_asset=symbol.quoteAsset,
        exchange_status=symbol.status,
        # A tick or step of 0 switches the rule off: then the eight decimals of every price are the only grid.
        tick_size=_units(symbol, price, "tickSize") or 1,
        min_price=_units(symbol, price, "minPrice"),
        max_price=_units(symbol, price, "maxPrice"),
        step_size=_units(symbol, lot, "stepSize") or 1,
        min_quantity=_units(symbol, lot, "minQty"),
        max_quantity=_units(symbol, lot, "maxQty"),
        min_notional=_units(symbol, notional, "minNotional") if notional else 0,
    )
    try:
        instrument.check()
    except ValueError as error:
        raise ExchangeInfoError(f"{symbol.symbol}: {error}") from error
    return instrument


def _filter(symbol: _Symbol, filters: dict[str, _Filter], kind: str) -> _Filter:
    if kind not in filters:
        raise ExchangeInfoError(f"{symbol.symbol}: no {kind} among its filters")
    return filters[kind]


def _units(symbol: _Symbol, rule: _Filter, field: str) -> int:
    name = f"{symbol.symbol}: {rule.filterType}.{field}"
    text = getattr(rule, field)
    if text is None:
        raise ExchangeInfoError(f"{name} is missing")
    try:
        units = to_units(text, name)
    except ValueError as error:
        raise ExchangeInfoError(str(error)) from error
    if units < 0:
        raise ExchangeInfoError(f"{name}: {text!r} is negative")
    return units


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError) as error:
        raise ExchangeInfoError(f"{path}: {error}") from error
