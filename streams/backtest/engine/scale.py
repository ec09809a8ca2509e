"""An instrument's integers made small enough for 64 bits, without changing one order.

Prices are counted in the largest unit that tick and every price are multiples of, quantities in steps. Fractions are
replaced by ones with small terms that round every possible price the same way. What still does not fit is refused:
the reference engine, on Python's integers, takes anything.
"""

from typing import NamedTuple

from streams.trading.rules import NO_LIMIT, Rules

INT64_MAX = 2**63 - 1
LARGEST = 2**62 - 1
"""Every product of the rules stays at or below this, so that a sum of two still fits."""


class Units(NamedTuple):
    """What 1 stands for in the compiled engine, in units of 1e-8."""

    price: int
    quantity: int


class TooLarge(ValueError):
    """Numbers that do not fit into 64 bits; the message names them."""


def scale(rules: Rules, price_unit: int, highest: int) -> tuple[Rules, Units]:
    """Return `rules` in units of `price_unit` (1e-8) and of one step, for market prices of 1 to `highest` price units.

    Raises `TooLarge`, or `ValueError` if the tick is not a multiple of the price unit.
    """
    if rules.tick % price_unit:
        raise ValueError(f"tick_size: {rules.tick} (1e-8) is not a multiple of the prices' unit, {price_unit} (1e-8)")
    units = Units(price_unit, rules.step)
    buy_num, buy_den = same_floors(rules.buy_num, rules.buy_den, highest)
    bought = max(1, highest * buy_num // buy_den)
    sell_num, sell_den = same_floors(rules.sell_num, rules.sell_den, bought)
    rebuy_num, rebuy_den = same_floors(-rules.rebuy_num, rules.rebuy_den, bought)
    lot = rules.lot_num // (rules.lot_den * price_unit)
    scaled = Rules(
        chunks=rules.chunks,
        tick=rules.tick // price_unit,
        step=1,
        buy_num=buy_num,
        buy_den=buy_den,
        sell_num=sell_num,
        sell_den=sell_den,
        rebuy_num=-rebuy_num,
        rebuy_den=rebuy_den,
        lot_num=lot,
        lot_den=1,
        min_price=_limit(-(-rules.min_price // price_unit)),
        max_price=_limit(rules.max_price // price_unit),
        min_quantity=_limit(-(-rules.min_quantity // units.quantity)),
        max_quantity=_limit(rules.max_quantity // units.quantity),
        min_notional=_limit(-(-rules.min_notional // (units.price * units.quantity))),
        max_notional=_limit(rules.max_notional // (units.price * units.quantity)),
        # fractions of prices, whatever their unit is
        bid_low_num=rules.bid_low_num,
        bid_low_den=rules.bid_low_den,
        bid_high_num=rules.bid_high_num,
        bid_high_den=rules.bid_high_den,
        ask_low_num=rules.ask_low_num,
        ask_low_den=rules.ask_low_den,
        ask_high_num=rules.ask_high_num,
        ask_high_den=rules.ask_high_den,
        max_position=_limit(rules.max_position // units.quantity),
        budget=_limit(rules.budget // (units.price * units.quantity)),
        notional_limit=_own_limit(rules.notional_limit, units.price * units.quantity),
        orders_limit=rules.orders_limit,
        minute_limit=rules.minute_limit,
        loss_limit=_own_limit(rules.loss_limit, units.price * units.quantity),
        fee_num=rules.fee_num,
        fee_den=rules.fee_den,
    )
    _check(scaled, highest, bought, units)
    return scaled, units


def same_floors(num: int, den: int, limit: int) -> tuple[int, int]:
    """Return the largest fraction not above num / den with a denominator up to `limit`, in lowest terms if that is.

    Its product with every integer 0 <= n <= limit has the floor of n · num / den: floor(n · num / den) / n is such a
    fraction itself, so the largest is not below it. It is found by descending the Stern-Brocot tree in whole runs.
    """
    if den <= limit:
        return num, den
    low_num, low_den = num // den, 1
    high_num, high_den = low_num + 1, 1
    while low_den + high_den <= limit:
        below, above = num * low_den - low_num * den, high_num * den - num * high_den
        if not below:
            break
        steps = min(below // above, (limit - low_den) // high_den)
        low_num, low_den = low_num + steps * high_num, low_den + steps * high_den
        below = num * low_den - low_num * den
        if not below:
            break
        steps = min((above - 1) // below, (limit - high_den) // low_den)
        high_num, high_den = high_num + steps * low_num, high_den + steps * low_den
    return low_num, low_den


def _limit(of_filter: int) -> int:
    """The nearest integer of 64 bits that forbids the same orders: theirs are above 0 and below `INT64_MAX`."""
    return max(0, min(of_filter, INT64_MAX))


def _own_limit(limit: int, unit: int) -> int:
    """A limit of the user in so large units: whole sums of these are above it where they were above what it was."""
    return NO_LIMIT if limit == NO_LIMIT else _limit(limit // unit)


def _check(scaled: Rules, highest: int, bought: int, units: Units) -> None:
    """Raise `TooLarge` if any product that the strategy forms, or a step in units of 1e-8, could exceed 64 bits."""
    sold = bought * scaled.sell_num // scaled.sell_den + 1
    products = {
        "step_size": units.quantity,
        "price · buy-down fraction": highest * scaled.buy_num,
        "buy-down fraction · tick": scaled.buy_den * scaled.tick,
        "buy price · profit fraction": bought * scaled.sell_num,
        "profit fraction · tick": scaled.sell_den * scaled.tick,
        "buy price · rebuy fraction": bought * scaled.rebuy_num,
        "price · bid multiplier": highest * max(scaled.bid_low_num, scaled.bid_high_num),
        "buy price · bid multiplier": bought * max(scaled.bid_low_den, scaled.bid_high_den),
        "buy price · ask multiplier": bought * max(scaled.ask_low_num, scaled.ask_high_num),
        "sell price · ask multiplier": sold * max(scaled.ask_low_den, scaled.ask_high_den),
        "largest notional": max(1, -(-scaled.sell_num // scaled.sell_den)) * scaled.lot_num,
        "budget": scaled.chunks * scaled.lot_num,
    }
    if scaled.loss_limit != NO_LIMIT:
        products["price · fee"] = 2 * max(highest, sold) * scaled.fee_den
        products["budget · fee"] = 2 * scaled.chunks * products["largest notional"] * scaled.fee_den
    for name, product in products.items():
        if product > LARGEST:
            raise TooLarge(
                f"{name}: {product} exceeds 64 bits (highest price {highest} units of {units.price}, tick "
                f"{scaled.tick}, budget of a trader {scaled.lot_num} units of {units.price} · {units.quantity}); "
                "the reference engine takes these numbers"
            )
