"""The market of one instrument in the parts in which it is stored, and a market from these parts.

The head is small and stored each time. Closed minutes, `PACK_MINUTES` to a value, a block of seconds that is over,
and what has left the window have names of their own and are stored when they change; a name is used again once the
window has passed what it held. A value a minute would be two million of them to read at a start, for 1,500 instruments.

A head also holds the parts that go with it, and is written in front of them into the same partition. So no part is
newer than the newest head, and of parts that were not written any more the head has the content.

Only a worker that was frozen writes parts which are not of the past of the head that counts. All parts are folds of the
same trades, so what it writes is never wrong, but may be ahead: a pack says up to which trade it is, and what its
minutes have is not counted again. All else is stored again with the first head that is taken of a market which was
rebuilt, and names are used again so late that no part of the window is written over.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
import numpy as np

from streams.market.alerts import Gates
from streams.market.averages import (
    Average,
    Last,
    differences,
    last_at,
    mark_second,
    restore_average,
    seconds_with_trades,
    take_changed_blocks,
)
from streams.market.buckets import FIELDS, NEVER, PACK_MINUTES, RING, Bucket, put_rows, take_rows
from streams.market.history import History, new_history, recount
from streams.market.kernel import BLOCK_SECONDS, SECOND_US
from streams.market.seen import restore_seen, store_seen
from streams.market.state import MarketState

PACK_ROWS = RING // PACK_MINUTES + 24
"""More than the window touches, by two hours."""
BLOCK_ROWS = 64
"""More than the window touches, by five minutes."""
PART_NAMES = (*(f"m{row}" for row in range(PACK_ROWS)), *(f"s{row}" for row in range(BLOCK_ROWS)), "departed")


class Pack(msgspec.Struct, array_like=True, tag="pack"):
    """Those minutes that have trades out of `PACK_MINUTES`."""

    number: int
    """Since the epoch."""
    offset: int
    """The offset of the last trade applied when it was taken."""
    numbers: list[int]
    """The fields of the minutes' buckets, one after the other."""


class Block(msgspec.Struct, array_like=True, tag="block"):
    """Those seconds that have trades out of `BLOCK_SECONDS`."""

    number: int
    """Since the epoch."""
    numbers: list[int]
    """The seconds, as `differences` gives them."""


class Departed(msgspec.Struct, array_like=True, tag="departed"):
    """By interval, the minutes that have left the window of the last candle of which any has."""

    buckets: dict[int, Bucket]


Part = Pack | Block | Departed
"""What has a name of its own."""


class Head(msgspec.Struct, array_like=True):
    """What is stored each time."""

    instrument: str
    offset: int
    too_late: int
    repeats: int
    seen: list[int]
    covered_since: int
    open: Bucket
    """The newest minute."""
    oldest: Last | None
    """The last trade up to the first second of the average's window."""
    block: Block
    """The block of the newest second."""
    gates: Gates
    parts: list[Part]
    """What has changed since the head before."""


def part_name(part: Part) -> str:
    """The name of a part: `m` or `s` and the row of the minutes or seconds, or `departed`."""
    match part:
        case Pack():
            return f"m{part.number % PACK_ROWS}"
        case Block():
            return f"s{part.number % BLOCK_ROWS}"
        case Departed():
            return "departed"


def take_checkpoint(state: MarketState) -> Head:
    """What has to be stored of a market that has trades: the head, and then each of its parts.

    It shares its content with the market, so it is to be encoded before the next step.
    """
    history, average = state.history, state.average
    assert history.open is not None
    return Head(
        state.instrument,
        state.offset,
        state.too_late,
        state.repeats,
        store_seen(state.seen),
        history.covered_since,
        history.open,
        last_at(average, average.start),
        _block(average, average.second // BLOCK_SECONDS),
        state.gates,
        [*_take_packs(history, state.offset), *_take_departed(history), *_take_blocks(average)],
    )


def rebuild(head: Head, parts: Iterable[Part]) -> MarketState:
    """The market as it was when `head` was taken, from it and from what is stored under the names of the parts.

    What the head holds goes before what is stored for the same time. Its parts may not have been stored any more, so
    they are due again.
    """
    stored: Mapping[str, Part] = {part_name(part): part for part in (*parts, *head.parts)}
    history = new_history(head.open.start)
    history.open, history.covered_since = head.open, head.covered_since
    blocks: list[Block] = []
    packs: list[Pack] = []
    for part in stored.values():
        match part:
            case Pack():
                packs.append(part)
            case Departed():
                history.departed, history.departed_changed = part.buckets, True
            case Block():
                blocks.append(part)
    _put_packs(history, packs, head.offset)
    recount(history)
    told = [(block.number * BLOCK_SECONDS * SECOND_US, block.numbers) for block in (*blocks, head.block)]
    average = restore_average(head.open.last_time // SECOND_US, head.oldest, told)
    for block in blocks:
        if block.number >= average.start // BLOCK_SECONDS:
            mark_second(average, block.number * BLOCK_SECONDS)
    for part in head.parts:
        if isinstance(part, Pack):
            history.changed.update(start % RING for start in part.numbers[::FIELDS])
    seen = restore_seen(head.seen)
    return MarketState(head.instrument, history, average, head.gates, seen, head.offset, head.too_late, head.repeats)


def change_all(state: MarketState) -> None:
    """Let all parts have to be stored."""
    ring, average = state.history.ring, state.average
    state.history.changed.update(np.flatnonzero(ring.start != NEVER).tolist())
    state.history.departed_changed = bool(state.history.departed)
    for second in range(average.start, average.second + 1):
        mark_second(average, second)


def _put_packs(history: History, packs: list[Pack], offset: int) -> None:
    numbers: list[int] = []
    for pack in packs:
        if pack.offset > offset:
            within = (minute for minute in pack.numbers[::FIELDS] if minute < history.minute)
            history.ahead.update(dict.fromkeys(within, pack.offset))
        numbers += pack.numbers
    put_rows(history.ring, numbers, history.start, history.minute)


def _take_packs(history: History, offset: int) -> Iterator[Pack]:
    minutes = [history.ring.start.item(row) for row in history.changed]
    numbers = {minute // PACK_MINUTES for minute in minutes if minute != NEVER}
    for number in sorted(numbers):
        start = number * PACK_MINUTES
        yield Pack(number, offset, take_rows(history.ring, start, start + PACK_MINUTES))
    history.changed.clear()


def _take_departed(history: History) -> Iterator[Departed]:
    if history.departed_changed and history.departed:
        yield Departed(history.departed)
    history.departed_changed = False


def _take_blocks(average: Average) -> Iterator[Block]:
    """The blocks that have changed and have trades, without that of the newest second."""
    blocks = (_block(average, number) for number in take_changed_blocks(average))
    return (block for block in blocks if block.numbers)


def _block(average: Average, number: int) -> Block:
    start = number * BLOCK_SECONDS
    return Block(number, differences(start * SECOND_US, seconds_with_trades(average, start, start + BLOCK_SECONDS)))
