"""Finding the next market trade that matters, in columns: all others change nothing but an offset."""

import numpy as np
import numpy.typing as npt

from infra.kept import kept
from streams.trading.matching import UNBOUNDED

Int64s = npt.NDArray[np.int64]


def first_crossing(prices: Int64s, start: int, low: int, high: int) -> int:
    """Return the index of the first price from `start` on that is below `low` or above `high`; the length if none is.

    `low` above `high` is crossed by every price.
    """
    if low > high:
        return start
    if low <= 0 and high >= UNBOUNDED:
        return len(prices)
    ahead = prices[start:]
    # With few trades a batch and instrument a comparison costs as much as all else, so none is made in vain.
    crossed = ahead < low if high >= UNBOUNDED else (ahead < low) | (ahead > high)
    return start + int(crossed.argmax()) if crossed.any() else len(prices)


@kept
def newest_crossing(prices, ids, times, start, stop, low, high, newest_id, newest_time):  # type: ignore[no-untyped-def]
    """Return what `streams.trading.repeats.newest_of` gives after each price of `start` to `stop` that crosses."""
    for i in range(start, stop):
        if (prices[i] < low or prices[i] > high) and (ids[i] > newest_id or times[i] > newest_time):
            newest_id, newest_time = ids[i], max(newest_time, times[i])
    return newest_id, newest_time
