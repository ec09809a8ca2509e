"""What Coinbase Exchange says about its products: `GET /products`.

Source of the fields: Coinbase Exchange documentation, "Get all known trading pairs", mid 2026. An order's size has no
limits of its own any more; `min_market_funds` is the least that one may be worth.
"""

import msgspec

from producers.coinbase.protocol import EXCHANGE
from producers.listing import LeftOut, Lister, Listing, amount, taken
from producers.numbers import UNREADABLE
from schemas.records import Instrument

PATH = "/products"
ALIAS, ALIASED = "-USDC", "-USD"
"""A product in USDC is the one in USD where both are listed, and its trades come under that name."""


class _Product(msgspec.Struct):
    id: str
    base_currency: str
    quote_currency: str
    quote_increment: str
    base_increment: str
    status: str
    min_market_funds: str = "0"
    trading_disabled: bool = False
    cancel_only: bool = False
    post_only: bool = False
    limit_only: bool = False
    auction_mode: bool = False


def parse_products(payload: bytes) -> Listing:
    """Return every product in the answer. Raises `ValueError` for what is no list of products."""
    try:
        rows = msgspec.json.decode(payload, type=list[msgspec.Raw])
    except UNREADABLE as error:
        raise ValueError(f"no list of products: {error}") from error
    listing = taken(EXCHANGE, "id", rows, _Product, _instrument)
    names = {instrument.symbol for instrument in listing.instruments}
    twins = {name: twin for name in names if (twin := _twin(name)) in names}
    kept = [instrument for instrument in listing.instruments if instrument.symbol not in twins]
    aliases = [LeftOut(f"{EXCHANGE}:{name}", f"its trades come as those of {twins[name]}") for name in sorted(twins)]
    return Listing(kept, listing.left_out + aliases)


def _twin(name: str) -> str | None:
    return name.removesuffix(ALIAS) + ALIASED if name.endswith(ALIAS) else None


def _instrument(product: _Product) -> Instrument:
    return Instrument(
        exchange=EXCHANGE,
        symbol=product.id,
        base_asset=product.base_currency,
        quote_asset=product.quote_currency,
        exchange_status=_status(product),
        tick_size=amount(product.quote_increment, "quote_increment"),
        step_size=amount(product.base_increment, "base_increment"),
        min_notional=amount(product.min_market_funds, "min_market_funds"),
    )


def _status(product: _Product) -> str:
    """Return TRADING where any order can be placed, else what is in the way."""
    if product.status != "online":
        return product.status.upper()
    modes = {
        "HALT": product.trading_disabled,
        "CANCEL_ONLY": product.cancel_only,
        "AUCTION": product.auction_mode,
        "POST_ONLY": product.post_only,
        "LIMIT_ONLY": product.limit_only,
    }
    return next((mode for mode, holds in modes.items() if holds), "TRADING")


LISTER = Lister(EXCHANGE, PATH, parse_products)
