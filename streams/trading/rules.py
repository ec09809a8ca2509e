"""What one instrument trades by, as integers, and the strategy's arithmetic.

The functions work on any consistent integer units: the worker passes units of 1e-8, the fast backtest engine
coarser ones, so that everything fits into 64 bits. Intervals are fractions `*_num / *_den` in lowest terms.
They are written in the part of Python that also compiles, see `streams.backtest.engine`.
"""

from math import gcd
from typing import NamedTuple

from schemas.records import Instrument, Settings
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX


class Rules(NamedTuple):
    """What the strategy and the exchange ask of orders of one instrument; integers only.

    Prices are in price units, quantities in quantity units, notionals and the budget are in their product, `lot_num /
    lot_den` is the budget of one trader in steps of the quantity times price units. `bid_low` to `ask_high` are
    fractions of the market price; 1 / 0 is above every price. The user's own limits are notionals and numbers of
    orders, or `NO_LIMIT`; that of a day's loss is counted in parts of `fee_den` of a notional, so that it has the fees.
    """

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
    max_notional: int
    bid_low_num: int
    bid_low_den: int
    bid_high_num: int
    bid_high_den: int
    ask_low_num: int
    ask_low_den: int
    ask_high_num: int
    ask_high_den: int
    max_position: int
    budget: int
    notional_limit: int
    orders_limit: int
    minute_limit: int
    loss_limit: int
    fee_num: int
    fee_den: int


NO_LIMIT = -1
"""In the place of a limit that the user has not set."""


def rules_of(instrument: Instrument, settings: Settings) -> Rules:
    """Return the rules of an instrument in units of 1e-8; raise `ValueError`, naming a field that makes no sense."""
    instrument.check_grid()
    settings.check()
    fee = ONE + settings.fee
    buy_num, buy_den = _lowest(ONE - settings.buy_down_interval, ONE)
    sell_num, sell_den = _lowest(fee * (ONE + settings.profit_interval) * fee, ONE**3)
    rebuy_num, rebuy_den = _lowest(ONE - settings.rebuy_interval, ONE)
    lot_num, lot_den = _lowest(settings.budget * ONE, settings.chunks * instrument.step_size)
    bid_low_num, bid_low_den = _lowest(instrument.bid_multiplier_down, ONE)
    bid_high_num, bid_high_den = _at_most(instrument.bid_multiplier_up)
    ask_low_num, ask_low_den = _lowest(instrument.ask_multiplier_down, ONE)
    ask_high_num, ask_high_den = _at_most(instrument.ask_multiplier_up)
    fee_num, fee_den = _lowest(settings.fee, ONE)
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
        max_notional=(instrument.max_notional or AMOUNT_MAX) * ONE,
        bid_low_num=bid_low_num,
        bid_low_den=bid_low_den,
        bid_high_num=bid_high_num,
        bid_high_den=bid_high_den,
        ask_low_num=ask_low_num,
        ask_low_den=ask_low_den,
        ask_high_num=ask_high_num,
        ask_high_den=ask_high_den,
        max_position=instrument.max_position or AMOUNT_MAX,
        budget=settings.budget * ONE,
        notional_limit=settings.notional_limit * ONE or NO_LIMIT,
        orders_limit=settings.orders_limit or NO_LIMIT,
        minute_limit=settings.minute_limit or NO_LIMIT,
        loss_limit=settings.loss_limit * ONE * fee_den or NO_LIMIT,
        fee_num=fee_num,
        fee_den=fee_den,
    )


def is_timed(rules: Rules) -> bool:
    """Return whether what the rules give depends on when trades were, and not on their prices alone."""
    return rules.minute_limit != NO_LIMIT or rules.loss_limit != NO_LIMIT


def _at_most(multiplier: int) -> tuple[int, int]:
    """Return an upper multiplier in lowest terms; that of 0, which is none, is above every price: 1 / 0."""
    return _lowest(multiplier, ONE) if multiplier else (1, 0)


def _lowest(num: int, den: int) -> tuple[int, int]:
    """Return the fraction num / den in lowest terms."""
    divisor = gcd(num, den)
    return num // divisor, den // divisor


def buy_price(rules: Rules, price: int) -> int:
    """Return the limit of a new trader's BUY at market price `price`: floor(p - p·buy_down, tick)."""
    return price * rules.buy_num // (rules.buy_den * rules.tick) * rules.tick


def buy_quantity(rules: Rules, limit: int) -> int:
    """Return the quantity of a BUY: floor(budget / chunks / limit, step), or 0 if the limit is no price."""
    return rules.lot_num // (rules.lot_den * limit) * rules.step if limit > 0 else 0


def sell_price(rules: Rules, bought_at: int) -> int:
    """Return the limit of the SELL after a BUY: floor(bought·(1+fee)·(1+profit)·(1+fee), tick)."""
    return bought_at * rules.sell_num // (rules.sell_den * rules.tick) * rules.tick


def rebuy_level(rules: Rules, bought_at: int) -> int:
    """Return the smallest integer price that is not below bought - bought·rebuy: a lower one starts another trader."""
    return -(-bought_at * rules.rebuy_num // rules.rebuy_den)
