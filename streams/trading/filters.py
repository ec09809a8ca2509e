"""The exchange's filters: what forbids an order. Written, like the rules, in the part of Python that also compiles.

Source: Binance Spot, "Filters" of a limit order, mid 2026. Prices and quantities are in the units of the rules.
"""

from streams.trading.matching import BUYING
from streams.trading.rules import Rules

FILTERS = (
    *("", "PRICE_FILTER", "LOT_SIZE", "MIN_NOTIONAL"),
    *("NOTIONAL", "PERCENT_PRICE_BY_SIDE", "MAX_POSITION"),
    *("NOTIONAL_LIMIT", "ORDERS_LIMIT", "MINUTE_LIMIT", "LOSS_LIMIT"),
)
"""Names of what forbids an order: filters as in Binance's exchangeInfo, then the user's own limits, which are in
`streams.trading.strategy`; index 0 forbids nothing."""
ALLOWED, PRICE_FILTER, LOT_SIZE, MIN_NOTIONAL, NOTIONAL, PERCENT_PRICE_BY_SIDE, MAX_POSITION = range(7)
NOTIONAL_LIMIT, ORDERS_LIMIT, MINUTE_LIMIT, LOSS_LIMIT = range(7, 11)


def refusal(rules: Rules, side: int, seen: int, price: int, quantity: int, held: int) -> int:
    """Return the index in `FILTERS` of the first filter that forbids a limit order on tick and step, or `ALLOWED`.

    `side` is `BUYING` or `SELLING`, `seen` the price of the trade or the fill that the order answers, `held` what is
    bought and not sold, and what open orders buy.
    """
    forbids = refusal_by_itself(rules, price, quantity)
    if forbids == ALLOWED and is_far_off(rules, side, seen, price):
        forbids = PERCENT_PRICE_BY_SIDE
    if forbids == ALLOWED and side == BUYING and is_too_much(rules, quantity, held):
        forbids = MAX_POSITION
    return forbids


def refusal_by_itself(rules: Rules, price: int, quantity: int) -> int:
    """Return the index of the first filter that forbids an order wherever the market is and whatever is held."""
    if is_off_price(rules, price):
        return PRICE_FILTER
    if is_off_size(rules, quantity):
        return LOT_SIZE
    if is_too_small(rules, price, quantity):
        return MIN_NOTIONAL
    if is_too_large(rules, price, quantity):
        return NOTIONAL
    return ALLOWED


def is_off_price(rules: Rules, price: int) -> bool:
    """Return whether a price is out of its range (PRICE_FILTER)."""
    return price <= 0 or price < rules.min_price or price > rules.max_price


def is_off_size(rules: Rules, quantity: int) -> bool:
    """Return whether a quantity is out of its range (LOT_SIZE)."""
    return quantity <= 0 or quantity < rules.min_quantity or quantity > rules.max_quantity


def is_too_small(rules: Rules, price: int, quantity: int) -> bool:
    """Return whether an order is worth too little (MIN_NOTIONAL, or the lower bound of NOTIONAL)."""
    return price * quantity < rules.min_notional


def is_too_large(rules: Rules, price: int, quantity: int) -> bool:
    """Return whether an order is worth too much (the upper bound of NOTIONAL)."""
    return price * quantity > rules.max_notional


def is_far_off(rules: Rules, side: int, seen: int, price: int) -> bool:
    """Return whether a limit is too many or too few times the market price `seen` (PERCENT_PRICE_BY_SIDE).

    The exchange takes the average of some minutes, which nobody knows at the time of the order; here it is the market
    price that the order answers.
    """
    if side == BUYING:
        return (
            price * rules.bid_low_den < seen * rules.bid_low_num
            or price * rules.bid_high_den > seen * rules.bid_high_num
        )
    return (
        price * rules.ask_low_den < seen * rules.ask_low_num or price * rules.ask_high_den > seen * rules.ask_high_num
    )


def is_too_much(rules: Rules, quantity: int, held: int) -> bool:
    """Return whether a BUY would leave more of the base asset than is allowed (MAX_POSITION)."""
    return held + quantity > rules.max_position
