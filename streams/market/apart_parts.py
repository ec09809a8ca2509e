"""A pair in the parts in which it is stored: a head, and its points by the minute.

A minute grows until it is over, so one that was stored without the head that goes with it is ahead of that, and never
behind: what is later than the head says is left out, and comes again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

import msgspec

from streams.market.apart import INSTRUMENTS_MAX, KEPT_SECONDS, Line, Pair, Point, append, new_line
from streams.market.gates import Gate
from streams.market.kernel import SECOND_US

BLOCK_SECONDS = 60
BLOCK_ROWS = KEPT_SECONDS // BLOCK_SECONDS + 10
"""More than are kept: a name is used again once nobody needs what it held."""
FIELDS = len(Point._fields)
_NOTHING = Point(*[0] * FIELDS)
BLOCK_NAMES = tuple(f"{slot}.{row}" for slot in range(INSTRUMENTS_MAX) for row in range(BLOCK_ROWS))


class PairHead(msgspec.Struct, array_like=True):
    """What is stored each time."""

    pair: str
    newest: dict[str, int]
    """By instrument, in the order of their slots, the time of the newest point."""
    decided: dict[str, int]
    gates: dict[str, Gate]


class PointBlock(msgspec.Struct, array_like=True):
    """The points of one instrument in `BLOCK_SECONDS`."""

    slot: int
    number: int
    """Since the epoch."""
    numbers: list[int]
    """The fields of the points, one after the other, each as the difference to that of the point before."""


def block_name(block: PointBlock) -> str:
    """The name of a block: the instrument's slot, and the row of its time."""
    return f"{block.slot}.{block.number % BLOCK_ROWS}"


def take_head(state: Pair) -> PairHead:
    """The head of a pair. It shares its content with the pair, so it is to be encoded before the next quote."""
    newest = {name: line.times[-1] for name, line in state.lines.items()}
    return PairHead(state.pair, newest, state.decided, state.gates)


def take_blocks(state: Pair, since: dict[str, int]) -> Iterator[PointBlock]:
    """The blocks with points later than `since`, a time by instrument; all of them of those that it does not name."""
    for slot, (name, line) in enumerate(state.lines.items()):
        yield from _blocks(slot, line, since.get(name, -1))


def rebuild_pair(head: PairHead, blocks: Iterable[PointBlock]) -> Pair:
    """The pair as it was when `head` was taken, from it and the blocks that are stored."""
    state = Pair(head.pair, {}, head.decided, head.gates)
    in_order = sorted(blocks, key=lambda block: block.number)
    for slot, (name, newest) in enumerate(head.newest.items()):
        line = state.lines[name] = new_line()
        for block in in_order:
            if block.slot == slot:
                for point in _points(block.numbers):
                    if point.time <= newest:
                        append(line, point)
    return state


def _blocks(slot: int, line: Line, since: int) -> Iterator[PointBlock]:
    later = bisect_right(line.times, since)
    if later == len(line.times):
        return
    first = line.at(later).second // BLOCK_SECONDS
    for number in range(first, line.newest // BLOCK_SECONDS + 1):
        start, end = (bisect_left(line.times, each * BLOCK_SECONDS * SECOND_US) for each in (number, number + 1))
        if start < end:
            yield PointBlock(slot, number, _differences(line.at(place) for place in range(start, end)))


def _differences(points: Iterable[Point]) -> list[int]:
    numbers, before = [], _NOTHING
    for point in points:
        numbers += [value - known for value, known in zip(point, before, strict=True)]
        before = point
    return numbers


def _points(numbers: list[int]) -> Iterator[Point]:
    point = _NOTHING
    for start in range(0, len(numbers), FIELDS):
        point = Point(*(known + more for known, more in zip(point, numbers[start : start + FIELDS], strict=True)))
        yield point
