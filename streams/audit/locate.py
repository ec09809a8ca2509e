"""Which stretches of what was recorded of a leader have to do with one of its orders. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from schemas.journal_records import Checkpoint
from streams.trading.checkpoints import state_of
from streams.trading.leader import LeaderState
from streams.trading.strategy import COUNT, NEXT


class Marked(NamedTuple):
    """A checkpoint of a leader, and when it was written, in milliseconds since the epoch."""

    time: int
    checkpoint: Checkpoint


Stretch = tuple[Marked | None, Marked | None]
"""From one checkpoint to another; `None` for the beginning and for the end of all that is recorded."""
Sight = tuple[object, ...]

NOT_STARTED: Sight = (False,)
FINISHED: Sight = (True,)


def stretches_of(trader: int, marks: Sequence[Marked], fresh: bool) -> list[Stretch]:
    """Return the stretches in which something happened to a trader, the last one where nothing ever did.

    `marks` are in their order and can be read; with `fresh` what came before the first of them is there, too.
    """
    points = [*([None] if fresh or not marks else []), *marks, None]
    sights = [NOT_STARTED if mark is None else _sight(mark.checkpoint, trader) for mark in points[:-1]]
    stretches = list(pairwise(points))
    ends = [*sights[1:], FINISHED]
    found = [stretch for stretch, sight, end in zip(stretches, sights, ends, strict=True) if sight != end]
    return _joined(found or stretches[-1:])


def _sight(checkpoint: Checkpoint, trader: int) -> Sight:
    """Return what a leader knows of a trader that changes with its orders."""
    state = state_of(checkpoint, LeaderState)
    assert state is not None
    if state.leader.head[NEXT] <= trader:
        return NOT_STARTED
    known = [*state.orders.values(), *state.closing.values()]
    orders = tuple((order.client_order_id, order.version) for order in known if order.trader == trader)
    numbers = list(state.leader.number[: state.leader.head[COUNT]])
    if trader not in numbers:
        return (*FINISHED, *orders)
    return (True, int(state.leader.stage[numbers.index(trader)]), orders)


def _joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return the stretches with those in one that follow each other."""
    joined: list[Stretch] = []
    for begin, end in stretches:
        if joined and joined[-1][1] is not None and joined[-1][1] == begin:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined
