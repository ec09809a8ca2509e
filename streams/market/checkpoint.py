"""The market of one instrument in the parts in which it is stored, and a market from these parts.

The head is small and stored each time. A closed minute, a block of seconds that is over, and what has left the window
have keys of their own and are stored when they change; a key is used again once the window has passed what it held.

A head also holds the parts that go with it, and is written in front of them into the same partition. So no part is
newer than the newest head, and of parts that were not written any more the head has the content.
"""

from collections.abc import Iterable, Iterator

import msgspec

from streams.market.alerts import Gates
from streams.market.averages import (
    BLOCK_SECONDS,
    SECOND_US,
    SECONDS,
    Average,
    Last,
    Second,
    block_row,
    restore_average,
    seconds_with_trades,
)
from streams.market.buckets import RING, Bucket, bucket_in, put
from streams.market.history import History, new_history, recount
from streams.market.state import MarketState


class Block(msgspec.Struct, array_like=True, tag="block"):
    """Those seconds that have trades out of `BLOCK_SECONDS`."""

    number: int
    """Since the epoch."""
    seconds: list[Second]


class Departed(msgspec.Struct, array_like=True, tag="departed"):
    """By interval, the minutes that have left the window of the last candle of which any has."""

    buckets: dict[int, Bucket]


Part = Bucket | Block | Departed
"""What has a key of its own. A bucket is a closed minute."""


class Head(msgspec.Struct, array_like=True):
    """What is stored each time."""

    instrument: str
    offset: int
    too_late: int
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


def part_key(instrument: str, part: Part) -> str:
    """The key of a part: the instrument and `#minute`, modulo `RING`, `#s` and the row of a block, or `#departed`."""
    match part:
        case Bucket():
            return f"{instrument}#{part.start % RING}"
        case Block():
            return f"{instrument}#s{block_row(part.number * BLOCK_SECONDS)}"
        case Departed():
            return f"{instrument}#departed"


def take_checkpoint(state: MarketState) -> Head:
    """What has to be stored of a market that has trades: the head, under the instrument, and then each of its parts.

    It shares its content with the market, so it is to be encoded before the next step.
    """
    history, average = state.history, state.average
    assert history.open is not None
    return Head(
        state.instrument,
        state.offset,
        state.too_late,
        history.covered_since,
        history.open,
        average.last[average.start % SECONDS],
        _block(average, average.second // BLOCK_SECONDS),
        state.gates,
        [*_take_minutes(history), *_take_departed(history), *_take_blocks(average)],
    )


def rebuild(head: Head, parts: Iterable[Part]) -> MarketState:
    """The market as it was when `head` was taken, from it and from what is stored under the keys of the parts.

    What the head holds goes before what is stored for the same time. Its parts may not have been stored any more, so
    they are due again.
    """
    stored = {part_key(head.instrument, part): part for part in (*parts, *head.parts)}
    history = new_history(head.open.start)
    history.open, history.covered_since = head.open, head.covered_since
    seconds: list[Second] = []
    for part in stored.values():
        match part:
            case Bucket() if history.start <= part.start < history.minute:
                put(history.ring, part)
            case Departed():
                history.departed = part.buckets
            case Block():
                seconds += part.seconds
    recount(history)
    average = restore_average(head.open.last_time // SECOND_US, head.oldest, [*seconds, *head.block.seconds])
    for part in head.parts:
        match part:
            case Bucket():
                history.changed.add(part.start % RING)
            case Departed():
                history.departed_changed = True
            case Block():
                average.changed.add(block_row(part.number * BLOCK_SECONDS))
    return MarketState(head.instrument, history, average, head.gates, head.offset, head.too_late)


def _take_minutes(history: History) -> Iterator[Bucket]:
    for row in sorted(history.changed):
        yield bucket_in(history.ring, row)
    history.changed.clear()


def _take_departed(history: History) -> Iterator[Departed]:
    if history.departed_changed:
        yield Departed(history.departed)
    history.departed_changed = False


def _take_blocks(average: Average) -> Iterator[Block]:
    """The blocks that have changed, without that of the newest second."""
    first, newest = average.start // BLOCK_SECONDS, average.second // BLOCK_SECONDS
    for number in range(first, newest):
        if block_row(number * BLOCK_SECONDS) in average.changed:
            yield _block(average, number)
    average.changed.clear()


def _block(average: Average, number: int) -> Block:
    start = number * BLOCK_SECONDS
    return Block(number, seconds_with_trades(average, start, start + BLOCK_SECONDS))
