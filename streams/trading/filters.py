"""The exchange's filters: what forbids an order. Written, like the rules, in the part of Python that also compiles."""

from streams.trading.rules import Rules

FILTERS = ("", "PRICE_FILTER", "LOT_SIZE", "MIN_NOTIONAL")
"""Names of what forbids an order, as in Binance's exchangeInfo; index 0 forbids nothing."""
ALLOWED, PRICE_FILTER, LOT_SIZE, MIN_NOTIONAL = range(4)


def refusal(rules: Rules, price: int, quantity: int) -> int:
    """Return the index in `FILTERS` of the first filter that forbids a limit order on tick and step, or `ALLOWED`.

    `price` and `quantity` are in the units of `rules`. Source: Binance Spot, filters PRICE_FILTER, LOT_SIZE,
    MIN_NOTIONAL and NOTIONAL of a limit order.
    """
    if price <= 0 or price < rules.min_price or price > rules.max_price:
        return PRICE_FILTER
    if quantity <= 0 or quantity < rules.min_quantity or quantity > rules.max_quantity:
        return LOT_SIZE
    if price * quantity < rules.min_notional:
        return MIN_NOTIONAL
    return ALLOWED
