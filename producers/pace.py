"""Events handed out when they are due."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from itertools import count

from producers.source import Event
from schemas.records import Trade

BATCH_MAX = 2_000


Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


def paced(
    events: Iterator[Event],
    speed: float | None,
    clock: Clock = time.monotonic,
    sleep: Sleep = asyncio.sleep,
) -> AsyncGenerator[list[Event], None]:
    """Return batches of at most 2,000 events, each trade when its event time is due, counted from the first one.

    `speed` 1 is the recorded pace, N is N times faster, `None` as fast as they are taken. What is late, or steps
    back in time, or is no trade, is due at once.
    """
    if speed is not None and not speed > 0:
        raise ValueError(f"speed: {speed} is not above 0")
    return _handed_out(events, None if speed is None else _by_event_time(speed), clock, sleep)


def spaced(
    events: Iterator[Event],
    interval_s: float,
    clock: Clock = time.monotonic,
    sleep: Sleep = asyncio.sleep,
) -> AsyncGenerator[list[Event], None]:
    """Return batches of events, a trade every `interval_s` seconds; one that is late is due at once."""
    if not interval_s > 0:
        raise ValueError(f"interval: {interval_s} s is not above 0")
    return _handed_out(events, _one_by_one(interval_s), clock, sleep)


Due = Callable[[Trade], float]
"""The seconds after the first trade at which the next one, in their order, is due."""


def _by_event_time(speed: float) -> Due:
    first: int | None = None

    def due(trade: Trade) -> float:
        nonlocal first
        first = trade.event_time if first is None else first
        return (trade.event_time - first) / 1e6 / speed

    return due


def _one_by_one(interval_s: float) -> Due:
    number = count()
    return lambda _: next(number) * interval_s


async def _handed_out(
    events: Iterator[Event], due: Due | None, clock: Clock, sleep: Sleep
) -> AsyncGenerator[list[Event], None]:
    batch: list[Event] = []
    origin: float | None = None
    for event in events:
        if due is not None and isinstance(event, Trade):
            now = clock()
            origin = now if origin is None else origin
            wait = due(event) - (now - origin)
            if wait > 0:
                if batch:
                    yield batch
                    batch = []
                await sleep(wait)
        batch.append(event)
        if len(batch) == BATCH_MAX:
            yield batch
            batch = []
            await asyncio.sleep(0)
    if batch:
        yield batch
