"""The arithmetic of an order's price and quantity, line by line, by the functions of `streams.trading.rules`."""

from dataclasses import dataclass

from schemas.parameters import BY_FIELD
from schemas.records import Settings, Setup
from schemas.units import ONE, plain
from streams.trading.filters import (
    ALLOWED,
    FILTERS,
    LOSS_LIMIT,
    LOT_SIZE,
    MAX_POSITION,
    MIN_NOTIONAL,
    MINUTE_LIMIT,
    NOTIONAL,
    NOTIONAL_LIMIT,
    ORDERS_LIMIT,
    PRICE_FILTER,
    refusal,
)
from streams.trading.matching import BUYING, SELLING
from streams.trading.rules import Rules, buy_price, buy_quantity, rebuy_level, rules_of, sell_price

QUOTIENT_DIGITS = 8
"""A quotient that never ends is shown with so many decimals, and an ellipsis."""

LIMITING = {
    FILTERS[NOTIONAL_LIMIT]: "what is held, open BUYs and this one at most {}",
    FILTERS[ORDERS_LIMIT]: "at most {} open orders",
    FILTERS[MINUTE_LIMIT]: "at most {} orders a minute",
    FILTERS[LOSS_LIMIT]: "at most {} lost on the day",
}


@dataclass(frozen=True)
class Calculation:
    """One line of arithmetic: plain decimals. `exact` is the value before it is floored, with … where it never ends."""

    what: str
    formula: str
    exact: str
    result: str


def buy_arithmetic(setup: Setup, price: int, reason: str | None = None) -> tuple[Calculation, ...]:
    """Return price, quantity and rebuy level of the BUY at this market price, or which filter forbids it.

    That of the position is told by the order's `reason`, and so is a limit of the user: what the leader held, had
    ordered and lost at that instant is nowhere else.
    """
    rules, settings = rules_of(*setup), setup.settings
    limit = buy_price(rules, price)
    quantity = buy_quantity(rules, limit)
    lines = [
        Calculation(
            "BUY price",
            f"floor({plain(price)} × (1 − {plain(settings.buy_down_interval)}), tick {plain(rules.tick)})",
            _decimal(buy_price(rules._replace(tick=1), price * ONE), 16),
            plain(limit),
        )
    ]
    if limit > 0:
        lines.append(_quantity(settings, rules, limit, quantity))
    held = rules.max_position if reason == FILTERS[MAX_POSITION] else 0
    refused = refusal(rules, BUYING, price, limit, quantity, held)
    if refused != ALLOWED:
        return (*lines, _refused(rules, refused, BUYING, price, limit, quantity))
    if reason in LIMITING:
        most = LIMITING[reason].format(BY_FIELD[reason.lower()].text(getattr(settings, reason.lower())))
        return (*lines, Calculation(reason, most, _decimal(limit * quantity, 16), "refused"))
    return (*lines, _rebuy(settings, rules, limit))


def _quantity(settings: Settings, rules: Rules, limit: int, quantity: int) -> Calculation:
    finer = 10**QUOTIENT_DIGITS
    # The quotient is in steps: a numerator so many times larger gives it with so many digits behind the point.
    steps = buy_quantity(rules._replace(lot_num=rules.lot_num * finer, step=1), limit)
    ends = rules.lot_num * finer % (rules.lot_den * limit) == 0
    return Calculation(
        "quantity",
        f"floor({plain(settings.budget)} / {settings.chunks} / {plain(limit)}, step {plain(rules.step)})",
        _decimal(steps * rules.step, 8 + QUOTIENT_DIGITS) + ("" if ends else "…"),
        plain(quantity),
    )


def _rebuy(settings: Settings, rules: Rules, limit: int) -> Calculation:
    """One more trader starts below the level; exact to sixteen decimals, while prices have eight."""
    return Calculation(
        "rebuy below",
        f"{plain(limit)} × (1 − {plain(settings.rebuy_interval)})",
        _decimal(rebuy_level(rules, limit * ONE), 16),
        plain(rebuy_level(rules, limit)),
    )


def sell_arithmetic(setup: Setup, bought: int, quantity: int, seen: int) -> tuple[Calculation, ...]:
    """Return price and quantity of the SELL of what was bought at a limit, and which filter forbids it where one does.

    `seen` is the price of what the SELL answers.
    """
    rules, settings = rules_of(*setup), setup.settings
    limit, fee = sell_price(rules, bought), plain(settings.fee)
    factors = f"(1 + {fee}) × (1 + {plain(settings.profit_interval)}) × (1 + {fee})"
    line = Calculation(
        "SELL price",
        f"floor({plain(bought)} × {factors}, tick {plain(rules.tick)})",
        _decimal(sell_price(rules._replace(tick=1), bought * ONE**3), 32),
        plain(limit),
    )
    same = Calculation("quantity", "as bought", plain(quantity), plain(quantity))
    refused = refusal(rules, SELLING, seen, limit, quantity, 0)
    if refused == ALLOWED:
        return line, same
    return line, same, _refused(rules, refused, SELLING, seen, limit, quantity)


def _refused(rules: Rules, refused: int, side: int, seen: int, limit: int, quantity: int) -> Calculation:
    """Return what a filter of the exchange wants, and what it got."""
    name = FILTERS[refused]
    if refused == PRICE_FILTER:
        wanted = f"price from {plain(rules.min_price)} to {plain(rules.max_price)}"
        return Calculation(name, wanted, plain(limit), "refused")
    if refused == LOT_SIZE:
        wanted = f"quantity from {plain(rules.min_quantity)} to {plain(rules.max_quantity)}"
        return Calculation(name, wanted, plain(quantity), "refused")
    if refused == MAX_POSITION:
        wanted = f"what is held and bought at most {plain(rules.max_position)}"
        return Calculation(name, wanted, f"{plain(quantity)} more", "refused")
    if refused not in (MIN_NOTIONAL, NOTIONAL):
        return Calculation(name, _percent_range(rules, side, seen), plain(limit), "refused")
    smallest, largest = _decimal(rules.min_notional, 16), _decimal(rules.max_notional, 16)
    bound = f"at least {smallest}" if refused == MIN_NOTIONAL else f"at most {largest}"
    return Calculation(name, f"{plain(limit)} × {plain(quantity)} {bound}", _decimal(limit * quantity, 16), "refused")


def _percent_range(rules: Rules, side: int, seen: int) -> str:
    """Return from and up to how many times the market price an order of a side may be."""
    bid = rules.bid_low_num, rules.bid_low_den, rules.bid_high_num, rules.bid_high_den
    ask = rules.ask_low_num, rules.ask_low_den, rules.ask_high_num, rules.ask_high_den
    low_num, low_den, high_num, high_den = bid if side == BUYING else ask
    lowest = plain(low_num * ONE // low_den)
    upper = f" to {plain(high_num * ONE // high_den)}" if high_den else ""
    return f"from {lowest}{upper} times {plain(seen)}"


def _decimal(value: int, scale: int) -> str:
    """`value` / 10^scale as a plain decimal without trailing zeros."""
    whole, fraction = divmod(value, 10**scale)
    digits = f"{fraction:0{scale}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
