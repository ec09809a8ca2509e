"""Each trade once, by time and id, and what is missing between the ids; pure.

The result does not depend on the order, the repetition or the grouping of what is merged. Sources know different
amounts about one trade: recordings have its orders' ids, the public archive has none; times are in milliseconds here
and in microseconds there. Merging keeps the most that is known. Rows that contradict each other are no repetition.

Within a UTC day an id is of one trade. On another day it may be of another one: ids begin anew where a symbol is listed
again or a test network is wiped.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from producers.recorded.rows import ABSENT, ORDER_IDS, ROW, Rows, quantity, taken
from schemas.units import plain

DAY_US = 86_400_000_000
"""The microseconds of a day."""
_MILLI = 1_000
_EXACT = ("price", "quantity_low", "quantity_high", "buyer_is_maker")
_MOST = ("trade_time", "event_time", *ORDER_IDS)
"""Of these the larger value says more: the finer time, the event that was no substitute, the order id that is known.
The time of receipt is the earliest one of that event."""
_LATEST = 2**63 - 1

Bools = npt.NDArray[np.bool_]
Gap = tuple[int, int]
"""The first and the last id of a range that has no trade."""


class Conflict(ValueError):
    """Two different trades under one id; the message names both."""

    def __init__(self, trade_id: int, message: str) -> None:
        super().__init__(message)
        self.trade_id = trade_id


class OtherDays:
    """Trades that have the ids of trades of other days, taken part by part, each part with higher ids than before.

    Ids have begun anew between two days where any of these trades differ in more than their time.
    """

    def __init__(self) -> None:
        self._same: dict[tuple[int, int], Conflict | None] = {}
        """By two days, about the first id under which both have the same trade; None where ids began anew."""

    def take(self, rows: Rows) -> None:
        """Take rows by id and day with each trade of a day once."""
        again = np.flatnonzero(rows["trade_id"][1:] == rows["trade_id"][:-1])
        if not len(again):
            return
        earlier, later = taken(rows, again), taken(rows, again + 1)
        days = np.column_stack([some["trade_time"] // DAY_US for some in (earlier, later)])
        pairs, first, which = np.unique(days, axis=0, return_index=True, return_inverse=True)
        anew = np.zeros(len(first), np.bool_)
        anew[which.reshape(-1)[_differ(earlier, later)]] = True
        for (one, other), at, differs in zip(pairs.tolist(), first.tolist(), anew.tolist(), strict=True):
            if differs:
                self._same[one, other] = None
            elif (one, other) not in self._same:
                trade_id = int(earlier[at]["trade_id"])
                self._same[one, other] = Conflict(trade_id, twice(trade_id, earlier[at], later[at]))

    def check(self) -> None:
        """Raise `Conflict` for a trade that is on two days, of the earliest days the lowest id."""
        for _, conflict in sorted(self._same.items(), key=lambda item: item[0]):
            if conflict is not None:
                raise conflict


def merged(parts: Sequence[tuple[str, Rows]], days: OtherDays | None = None) -> Rows:
    """Return each trade of all parts once, by trade time and id. `Conflict` names the parts that have its id, too.

    With `days` whoever merges what has other ids as well checks these at the end.
    """
    rows = parts[0][1] if len(parts) == 1 else np.concatenate([np.empty(0, ROW), *(rows for _, rows in parts)])
    try:
        return merge(rows, days)
    except Conflict as conflict:
        raise in_sources(conflict, parts) from None


def in_sources(conflict: Conflict, parts: Sequence[tuple[str, Rows]]) -> Conflict:
    """Return the conflict with the names of the parts that have its id."""
    at = [source for source, some in parts if (some["trade_id"] == conflict.trade_id).any()]
    return Conflict(conflict.trade_id, f"{conflict}, in {' and '.join(dict.fromkeys(at))}")


def merge(rows: Rows, days: OtherDays | None = None) -> Rows:
    """Return each trade of `rows` once, by trade time and id. Raises `Conflict`; see `merged`."""
    if _is_merged(rows):
        return rows
    # a stable sort finds the runs that files and days are
    rows = taken(rows, np.argsort(rows["trade_id"], kind="stable"))
    again = rows["trade_id"][1:] == rows["trade_id"][:-1]
    if again.any():
        of_days = rows["trade_time"] // DAY_US
        if (of_days[1:] != of_days[:-1])[again].any():
            rows = taken(rows, np.lexsort((of_days, rows["trade_id"])))
        rows = _joined(rows, np.flatnonzero(np.concatenate([[True], ~_same_day(rows)])))
        others = days or OtherDays()
        others.take(rows)
        if days is None:
            others.check()
    times = rows["trade_time"]
    return rows if (np.diff(times) >= 0).all() else taken(rows, np.argsort(times, kind="stable"))


def gaps(rows: Rows) -> list[Gap]:
    """Return the ranges of ids between the lowest and the highest under which there is no trade, of merged rows."""
    ids = rows["trade_id"]
    steps = np.diff(ids)
    if (steps < 0).any():
        ids = np.sort(ids)
        steps = np.diff(ids)
    before = np.flatnonzero(steps > 1)
    return list(zip((ids[before] + 1).tolist(), (ids[before + 1] - 1).tolist(), strict=True))


def in_both(rows: Rows, others: Rows) -> tuple[Rows, Rows]:
    """Return the trades that two days have under the same ids, side by side: none where ids began anew in between.

    They did where any of them differs in more than its time: a symbol listed again, a test network wiped.
    """
    _, one, two = np.intersect1d(rows["trade_id"], others["trade_id"], assume_unique=True, return_indices=True)
    mine, theirs = taken(rows, one), taken(others, two)
    if _differ(mine, theirs).any():
        return mine[:0], theirs[:0]
    return mine, theirs


def twice(trade_id: int, one: np.void, other: np.void) -> str:
    """Return in words that two trades have one id."""
    return f"trade_id: two trades have {trade_id}: {shown(one)}; and {shown(other)}"


def shown(row: np.void) -> str:
    """Return a trade in words, for errors."""
    orders = [f"{name} {row[name]}" for name in ORDER_IDS if row[name] != ABSENT]
    return ", ".join(
        [
            f"price {plain(int(row['price']))}",
            f"quantity {plain(quantity(row))}",
            f"time {np.datetime64(int(row['trade_time']), 'us')}Z",
            f"buyer_is_maker {str(bool(row['buyer_is_maker'])).lower()}",
            *orders,
        ]
    )


def _is_merged(rows: Rows) -> bool:
    """Return whether there is nothing to do: as good as every file of an exchange."""
    return len(rows) < 2 or bool((np.diff(rows["trade_id"]) > 0).all() and (np.diff(rows["trade_time"]) >= 0).all())


def _same_day(rows: Rows) -> Bools:
    """Return of each row but the first whether it has the id and the day of the one before it."""
    days = rows["trade_time"] // DAY_US
    same: Bools = (rows["trade_id"][1:] == rows["trade_id"][:-1]) & (days[1:] == days[:-1])
    return same


def _differ(a: Rows, b: Rows) -> Bools:
    """Return which rows of `a` differ from those of `b` beside them in what every source knows exactly."""
    different = np.zeros(len(a), np.bool_)
    for name in _EXACT:
        different |= a[name] != b[name]
    return different


def _joined(rows: Rows, starts: npt.NDArray[np.intp]) -> Rows:
    """One row for each group of rows that begins at one of `starts`."""
    joined = taken(rows, starts)
    for name in _MOST:
        joined[name] = np.maximum.reduceat(rows[name], starts)
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(rows)))
    joined["received_time"] = np.minimum.reduceat(
        np.where(rows["event_time"] == joined["event_time"][group], rows["received_time"], _LATEST), starts
    )
    wrong = np.flatnonzero(_contradict(rows, taken(joined, group)))
    if len(wrong):
        one = int(wrong[0])
        others = rows[group == group[one]]
        other = others[_contradict(others, np.broadcast_to(rows[one], others.shape))][0]
        trade_id = int(rows[one]["trade_id"])
        raise Conflict(trade_id, twice(trade_id, other, rows[one]))
    return joined


def _contradict(a: Rows, b: Rows) -> Bools:
    """Which rows of `a` cannot be the same trade as the one of `b` beside it, if the id is the same."""
    early, late = np.minimum(a["trade_time"], b["trade_time"]), np.maximum(a["trade_time"], b["trade_time"])
    different: Bools = (early != late) & (early != late // _MILLI * _MILLI)
    different |= _differ(a, b)
    for name in ORDER_IDS:
        different |= (a[name] != b[name]) & (a[name] != ABSENT) & (b[name] != ABSENT)
    return different
