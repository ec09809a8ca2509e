"""Which trades of an instrument have come, so that one that comes twice is counted once.

An exchange numbers its trades, most of them without holes. So ids that have come are kept as spans of ids: one span
and one more for each hole. There are `SPANS` of them at most; where one more is needed, the lowest is forgotten.

What has come before is told exactly as long as its span is kept: for exchanges whose ids rise by one, where all but
that many holes have been filled; for those that number the trades of all their instruments together, for the last
`SPANS` trades that an instrument has. What is older than that and comes again counts again.

An id alone tells a trade, for what is fetched later may have its time in whole seconds. An exchange that begins its ids
anew is known by a lower id at a later time, and all spans begin anew. So a trade that comes for the first time is taken
for one that has come only where ids begin anew within a second of the last trade.
"""

import numpy as np

from streams.market import kernel
from streams.market.buckets import Int64s, MarketTrade
from streams.market.kernel import NO_ID, SECOND_US, SPANS


def new_seen() -> Int64s:
    """No ids at all. Shape (2, `SPANS`): the first and the last id of each span, rising."""
    return np.full((2, SPANS), NO_ID, np.int64)


def take_id(seen: Int64s, trade: MarketTrade, newest: int) -> bool:
    """Note a trade; returns false for one that has come before. `newest` is the newest trade time before it."""
    if trade.time < newest + SECOND_US and kernel.is_seen(seen, trade.trade_id):
        return False
    if trade.time > newest and trade.trade_id <= seen[1, SPANS - 1]:
        seen[:] = NO_ID
    kernel.add_id(seen, trade.trade_id)
    return True


def store_seen(seen: Int64s) -> list[int]:
    """The spans that are used, from the lowest id on: each number is how much is added to the one before."""
    ends: list[int] = seen[:, seen[1] != NO_ID].T.ravel().tolist()
    return [end - before for before, end in zip([0, *ends], ends, strict=False)]


def restore_seen(stored: list[int]) -> Int64s:
    """The spans from what `store_seen` gave."""
    seen = new_seen()
    used = len(stored) // 2
    if used:
        seen[:, SPANS - used :] = np.array(stored, np.int64).cumsum().reshape(used, 2).T
    return seen
