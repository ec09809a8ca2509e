"""Events handed out when they are due."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from producers.source import Event
from schemas.records import Trade

BATCH_MAX = 2_000


async def paced(
    events: Iterator[Event],
    speed: float | None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[list[Event]]:
    """Batches of at most 2,000 events, each trade when its event time is due, counted from the first one.

    `speed` 1 is the recorded pace, N is N times faster, `None` as fast as they are taken. What is late, or steps
    back in time, or is no trade, is due at once.
    """
    if speed is not None and not speed > 0:
        raise ValueError(f"speed: {speed} is not above 0")
    batch: list[Event] = []
    origin: tuple[int, float] | None = None
    for event in events:
        if speed is not None and isinstance(event, Trade):
            now = clock()
            origin = origin or (event.event_time, now)
            wait = (event.event_time - origin[0]) / 1e6 / speed - (now - origin[1])
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
