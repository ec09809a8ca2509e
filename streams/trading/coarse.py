"""Whether a tick is so coarse that a SELL, cut down to it, need not earn what `profit` says."""

from typing import NamedTuple

from schemas.records import Setup
from schemas.units import ONE
from streams.trading.rules import buy_price, rules_of, sell_price


class Coarse(NamedTuple):
    """What a trader does at a market price where one tick is more than its profit; all in units of 1e-8."""

    bought: int
    sold: int
    earned: int
    """What a cycle earns of what was paid for it, after both fees, as a fraction rounded down."""


def coarse(setup: Setup, price: int) -> Coarse | None:
    """Return what a trader would buy and sell at, at a market price where a tick is more than the profit; else `None`.

    Where `profit` is not above 0, the gain is what is left before the fees; nothing is promised where that is not.
    """
    instrument, settings = setup
    rules = rules_of(instrument, settings)
    bought = buy_price(rules, price)
    if bought <= 0:
        return None
    gain_num, gain_den = settings.profit_interval, ONE
    if gain_num <= 0:
        gain_num, gain_den = rules.sell_num - rules.sell_den, rules.sell_den
    if gain_num <= 0 or rules.tick * gain_den <= bought * gain_num:
        return None
    sold = sell_price(rules, bought)
    paid = bought * (ONE + settings.fee)
    return Coarse(bought, sold, (sold * (ONE - settings.fee) - paid) * ONE // paid)
