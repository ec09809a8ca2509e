"""What the fills of a leader's orders come to: what is held, what it has cost, and what was earned.

Money is in 1e-16 of the quote asset, so that price by quantity and every commission are exact.
"""

from collections.abc import Collection

import msgspec

from schemas.units import ONE


class Lot(msgspec.Struct):
    """What was bought and not sold."""

    quantity: int = 0
    """In 1e-8 of the base asset."""
    cost: int = 0
    """What was paid for it, with commission, in 1e-16 of the quote asset."""


class Account(msgspec.Struct):
    """The fills of one instrument, added up."""

    lots: dict[int, Lot] = {}
    """By the number of the trader, of those who may still sell it."""
    left: Lot = msgspec.field(default_factory=Lot)
    """Of traders that are no more: nobody sells it."""
    realised: int = 0
    """What was received for what is sold, less commission and less what that had cost; in 1e-16."""
    since: int = 0
    """The time from which on fills are counted, µs; 0 for all of them."""


def bought(account: Account, trader: int, price: int, quantity: int, commission: int) -> None:
    """Add what a trader's BUY has executed; price, quantity and commission in 1e-8."""
    lot = account.lots.setdefault(trader, Lot())
    lot.quantity += quantity
    lot.cost += price * quantity + commission * ONE


def sold(account: Account, trader: int, price: int, quantity: int, commission: int) -> None:
    """Take away what a trader's SELL has executed: of its cost the same part, the last part all that is left of it."""
    lot = account.lots.get(trader, Lot())
    part = lot.cost * quantity // lot.quantity if quantity < lot.quantity else lot.cost
    lot.quantity = max(lot.quantity - quantity, 0)
    lot.cost -= part
    account.realised += price * quantity - commission * ONE - part
    if not lot.quantity:
        account.lots.pop(trader, None)


def leave(account: Account, sellers: Collection[int]) -> None:
    """Put what is held for others than these traders to what nobody sells."""
    for trader in [trader for trader in account.lots if trader not in sellers]:
        lot = account.lots.pop(trader)
        account.left.quantity += lot.quantity
        account.left.cost += lot.cost


def held(account: Account) -> Lot:
    """Return all that is held."""
    lots = [*account.lots.values(), account.left]
    return Lot(sum(lot.quantity for lot in lots), sum(lot.cost for lot in lots))
