"""Which market trades come twice or late: a second producer sends each again, a filled gap comes after newer ones.

A state keeps the newest trade that was an event for it. Every other changed nothing, and its copy is an event only if
something newer was none either: so a trade moves a leader or a book once, by a rule of state and trade alone.
"""

from typing import NamedTuple


class Stamp(NamedTuple):
    """What orders the trades of an instrument: the exchange's id, and the time in microseconds, UTC."""

    trade_id: int
    time: int


NONE_YET = Stamp(-1, -1)


def is_repeat(newest: Stamp, trade: Stamp) -> bool:
    """Return whether a trade is no newer than the newest one, neither by its id nor by its time.

    Ids that begin anew have later times; a clock of the exchange that steps back leaves the ids rising.
    """
    return trade.trade_id <= newest.trade_id and trade.time <= newest.time


def newest_of(newest: Stamp, trade: Stamp) -> Stamp:
    """Return what is newest once a trade has come."""
    return newest if is_repeat(newest, trade) else Stamp(trade.trade_id, max(newest.time, trade.time))
