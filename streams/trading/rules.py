"""What one instrument trades by, as integers: the strategy's arithmetic and the exchange's filters.

The functions work on any consistent integer units: the worker passes units of 1e-8, the fast backtest engine
coarser ones, so that everything fits into 64 bits. Intervals are fractions `*_num / *_den` in lowest terms.
They are written in the part of Python that also compiles, see `streams.backtest`.
"""

from math import gcd
from typing import NamedTuple

from schemas.records import Instrument, Settings
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX

# Names of what forbids an order; index 0 forbids nothing. As in Binance's exchangeInfo.
FILTERS = ("", "PRICE_FILTER", "LOT_SIZE", "MIN_NOTIONAL")
ALLOWED, PRICE_FILTER, LOT_SIZE, MIN_NOTIONAL = range(4)


class Rules(NamedTuple):
    """Integers only: prices in price units, quantities in quantity units, `*_notional` in their product."""

    chunks: int
    tick: int
    step: int
    buy_num: int
    buy_den: int
    sell_num: int
    sell_den: int
    rebuy_num: int
    rebuy_den: int
    lot_num: int
    lot_den: int
    min_price: int
    max_price: int
    min_quantity: int
    max_quantity: int
    min_notional: int


def rules_of(instrument: Instrument, settings: Settings) -> Rules:
    """The rules of an instrument in units of 1e-8; a `ValueError` names a field that makes no sense."""
    instrument.check()
    settings.check()
    fee = ONE + settings.fee
    buy_num, buy_den = _lowest(ONE - settings.buy_down_interval, ONE)
    sell_num, sell_den = _lowest(fee * (ONE + settings.profit_interval) * fee, ONE**3)
    rebuy_num, rebuy_den = _lowest(ONE - settings.rebuy_interval, ONE)
    lot_num, lot_den = _lowest(settings.budget * ONE, settings.chunks * instrument.step_size)
    return Rules(
        chunks=settings.chunks,
        tick=instrument.tick_size,
        step=instrument.step_size,
        buy_num=buy_num,
        buy_den=buy_den,
        sell_num=sell_num,
        sell_den=sell_den,
        rebuy_num=rebuy_num,
        rebuy_den=rebuy_den,
        lot_num=lot_num,
        lot_den=lot_den,
        min_price=instrument.min_price,
        max_price=instrument.max_price or PRICE_MAX,
        min_quantity=instrument.min_quantity,
        max_quantity=instrument.max_quantity or AMOUNT_MAX,
        min_notional=instrument.min_notional * ONE,
    )


def _lowest(num: int, den: int) -> tuple[int, int]:
    """The fraction num / den in lowest terms."""
    divisor = gcd(num, den)
    return num // divisor, den // divisor


def buy_price(rules: Rules, price: int) -> int:
    """Limit of a new trader's BUY at market price `price`: floor(p - p·buy_down, tick)."""
    return price * rules.buy_num // (rules.buy_den * rules.tick) * rules.tick


def buy_quantity(rules: Rules, limit: int) -> int:
    """Quantity of a BUY: floor(budget / chunks / limit, step); 0 where the limit is no price."""
    return rules.lot_num // (rules.lot_den * limit) * rules.step if limit > 0 else 0


def sell_price(rules: Rules, bought_at: int) -> int:
    """Limit of the SELL after a BUY: floor(bought·(1+fee)·(1+profit)·(1+fee), tick)."""
    return bought_at * rules.sell_num // (rules.sell_den * rules.tick) * rules.tick


def rebuy_level(rules: Rules, bought_at: int) -> int:
    """The smallest integer price that is not below bought - bought·rebuy: a lower one starts another trader."""
    return -(-bought_at * rules.rebuy_num // rules.rebuy_den)


def refusal(rules: Rules, price: int, quantity: int) -> int:
    """Which of `FILTERS` forbids a limit order on tick and step, 0 for none.

    Source: Binance Spot, filters PRICE_FILTER, LOT_SIZE, MIN_NOTIONAL and NOTIONAL of a limit order.
    """
    if price <= 0 or price < rules.min_price or price > rules.max_price:
        return PRICE_FILTER
    if quantity <= 0 or quantity < rules.min_quantity or quantity > rules.max_quantity:
        return LOT_SIZE
    if price * quantity < rules.min_notional:
        return MIN_NOTIONAL
    return ALLOWED
