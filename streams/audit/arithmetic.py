"""The arithmetic of an order's price and quantity, line by line, by the functions of `streams.trading.rules`."""

from dataclasses import dataclass

from schemas.records import Order, Settings, Setup
from schemas.units import ONE, plain
from streams.trading.filters import ALLOWED, FILTERS, LOT_SIZE, MIN_NOTIONAL, PRICE_FILTER, refusal
from streams.trading.rules import Rules, buy_price, buy_quantity, rebuy_level, rules_of, sell_price

QUOTIENT_DIGITS = 8
"""A quotient that never ends is shown with so many decimals, and an ellipsis."""


@dataclass(frozen=True)
class Calculation:
    """One line of arithmetic: plain decimals. `exact` is the value before it is floored, with … where it never ends."""

    what: str
    formula: str
    exact: str
    result: str


def buy_arithmetic(setup: Setup, price: int) -> tuple[Calculation, ...]:
    """Return price, quantity and rebuy level of the BUY at this market price, or which filter forbids it."""
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
    refused = refusal(rules, limit, quantity)
    if refused != ALLOWED:
        return (*lines, _refused(rules, refused, limit, quantity))
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


def sell_arithmetic(setup: Setup, bought: Order) -> tuple[Calculation, ...]:
    """Return price and quantity of the SELL after this BUY, and which filter forbids it where one does."""
    rules, settings = rules_of(*setup), setup.settings
    limit, fee = sell_price(rules, bought.price), plain(settings.fee)
    factors = f"(1 + {fee}) × (1 + {plain(settings.profit_interval)}) × (1 + {fee})"
    line = Calculation(
        "SELL price",
        f"floor({plain(bought.price)} × {factors}, tick {plain(rules.tick)})",
        _decimal(sell_price(rules._replace(tick=1), bought.price * ONE**3), 32),
        plain(limit),
    )
    same = Calculation("quantity", "as bought", plain(bought.quantity), plain(bought.quantity))
    refused = refusal(rules, limit, bought.quantity)
    return (line, same) if refused == ALLOWED else (line, same, _refused(rules, refused, limit, bought.quantity))


def _refused(rules: Rules, refused: int, limit: int, quantity: int) -> Calculation:
    """Return what a filter of the exchange wants, and what it got."""
    name = FILTERS[refused]
    if refused == PRICE_FILTER:
        wanted = f"price from {plain(rules.min_price)} to {plain(rules.max_price)}"
        return Calculation(name, wanted, plain(limit), "refused")
    if refused == LOT_SIZE:
        wanted = f"quantity from {plain(rules.min_quantity)} to {plain(rules.max_quantity)}"
        return Calculation(name, wanted, plain(quantity), "refused")
    assert refused == MIN_NOTIONAL
    wanted = f"{plain(limit)} × {plain(quantity)} at least {_decimal(rules.min_notional, 16)}"
    return Calculation(name, wanted, _decimal(limit * quantity, 16), "refused")


def _decimal(value: int, scale: int) -> str:
    """`value` / 10^scale as a plain decimal without trailing zeros."""
    whole, fraction = divmod(value, 10**scale)
    digits = f"{fraction:0{scale}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
