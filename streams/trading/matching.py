"""Which resting order a market price fills: the rule that the mock exchange and the simulation share.

Orders are integer columns, one entry an order: its side, its limit. The functions know nothing of strategies or of
orders' ids. They are written in the part of Python that also compiles, see `streams.backtest.engine`.
"""

from collections.abc import Callable, MutableSequence

Column = MutableSequence[int]
NewColumn = Callable[[int], Column]
"""Makes a column of so many zeros: a Python list in the worker, an array of 64 bits in the compiled engine."""

NO_ORDER, BUYING, SELLING = range(3)
"""Sides of an order in a book. Any other number stands for no order, as the first does."""

UNBOUNDED = 2**62
"""Above every price."""


def zeros(size: int) -> Column:
    """Return a column of `size` zeros, a Python list."""
    return [0] * size


def tradable(quantity: int, step: int) -> int:
    """Return what all fills due to one market trade may execute together: its quantity, cut to whole steps."""
    return quantity // step * step


def best_match(side: Column, limit: Column, count: int, price: int) -> int:
    """Return the index of the order that a market price fills first, or -1 if it fills none of the first `count`.

    A BUY is filled by a price below its limit and a SELL by one above it, strictly; best price first,
    the earlier of equals; buys, then sells. Prices and limits have the same unit.
    """
    best = -1
    for i in range(count):
        if side[i] == BUYING and price < limit[i] and (best < 0 or limit[i] > limit[best]):
            best = i
    if best >= 0:
        return best
    for i in range(count):
        if side[i] == SELLING and price > limit[i] and (best < 0 or limit[i] < limit[best]):
            best = i
    return best


def unfilling_range(side: Column, limit: Column, count: int) -> tuple[int, int]:
    """Return the market prices that fill none of the first `count` orders: those with low <= price <= high."""
    low, high = 0, UNBOUNDED
    for i in range(count):
        if side[i] == BUYING:
            low = max(low, limit[i])
        elif side[i] == SELLING:
            high = min(high, limit[i])
    return low, high
