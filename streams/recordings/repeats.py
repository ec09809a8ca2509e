"""Recorded trades, each once: a second producer has written each again, a filled gap comes after newer ones."""

import numpy as np
import numpy.typing as npt

from infra.kept import kept
from schemas.columns import Int64s
from streams.trading.repeats import NONE_YET

Rows = npt.NDArray[np.bool_]


def first_of_each(ids: Int64s, times: Int64s) -> Rows:
    """Return where the trades of an instrument are that come for the first time and in time.

    By the rule of `streams.trading.repeats`: the newest trade is the one before it that came so. Times in microseconds.
    """
    if (ids[1:] > ids[:-1]).all():
        return np.ones(len(ids), np.bool_)
    found: Rows = _first_of_each(ids, times, *NONE_YET)
    return found


@kept
def _first_of_each(ids, times, newest, latest):  # type: ignore[no-untyped-def]
    first = np.zeros(len(ids), np.bool_)
    for i in range(len(ids)):
        if ids[i] > newest or times[i] > latest:
            first[i] = True
            newest, latest = ids[i], max(latest, times[i])
    return first
