"""Sends a tape: the producers' own pacing, pump and publisher, with a way to stop and to look on."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.config import Config
from producers.exchanges import CONTIGUOUS
from producers.pace import paced, spaced
from producers.publisher import Publisher
from producers.pump import Pump
from producers.source import Event
from streams.replay.tape import Tape

TOLD_EVERY_S = 0.25


@dataclass(frozen=True)
class Pace:
    """The recorded pace times `speed`, or a fixed pause of `interval_s` seconds between trades, or, with neither, flat
    out."""

    speed: float | None = None
    interval_s: float | None = None


@dataclass(frozen=True)
class Sent:
    """What the broker has acknowledged, every delivery report looked at. `gaps` and `missing` count trade ids."""

    trades: dict[str, int]
    """By symbol."""
    acknowledged: int
    bad_records: int
    gaps: int
    missing: int
    seconds: float
    stopped: bool
    """Whether it was ended before its end."""


class _Paced:
    """A tape as a source of the pump."""

    def __init__(self, tape: Tape, pace: Pace) -> None:
        self._tape, self._pace = tape, pace

    def events(self) -> AsyncGenerator[list[Event], None]:
        if self._pace.interval_s is not None:
            return spaced(iter(self._tape), self._pace.interval_s)
        return paced(iter(self._tape), self._pace.speed)


def send(target: Config, tape: Tape, pace: Pace) -> Sent:
    """Publish the tape under `target`'s prefix until its end, or until SIGINT or SIGTERM; all is acknowledged then.

    Raises `producers.publisher.DeliveryError` for what the broker did not take, and what reading the tape raises.
    """
    return asyncio.run(_send(target, tape, pace))


async def _send(target: Config, tape: Tape, pace: Pace) -> Sent:
    began = time.monotonic()
    with Publisher(target) as publisher, _signals_close(tape) as stop:
        pump = Pump(target, publisher, CONTIGUOUS)
        sending = asyncio.create_task(pump.run(_Paced(tape, pace)))
        helpers = [asyncio.create_task(stop.wait()), asyncio.create_task(_tell(tape))]
        try:
            await asyncio.wait([sending, helpers[0]], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (sending, *helpers):
                task.cancel()
            await asyncio.gather(sending, *helpers, return_exceptions=True)
        publisher.flush()
    tape.tell()
    counts = pump.counts.values()
    trades: Counter[str] = Counter()
    for (_, symbol), count in sorted(pump.counts.items()):
        trades[symbol] += count.trades
    return Sent(
        trades=trades,
        acknowledged=publisher.delivered,
        bad_records=pump.bad_records,
        gaps=sum(count.gaps for count in counts),
        missing=sum(count.missing for count in counts),
        seconds=time.monotonic() - began,
        stopped=tape.closed,
    )


async def _tell(tape: Tape) -> None:
    while True:
        tape.tell()
        await asyncio.sleep(TOLD_EVERY_S)


@contextmanager
def _signals_close(tape: Tape) -> Iterator[asyncio.Event]:
    """SIGINT and SIGTERM end the tape, also while it skips what is not wanted, and set an event for what sleeps."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def close(*_: object) -> None:
        tape.closed = True
        loop.call_soon_threadsafe(stop.set)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, close) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
