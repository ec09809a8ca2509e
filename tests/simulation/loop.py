"""An event loop whose time is a number: nothing sleeps, nothing happens beside it, and a seed decides all the rest."""

import asyncio
import math
from typing import Any


class Stuck(Exception):
    """Every task waits for something that nobody will do."""


class _NoFiles:
    """In the place of the selector: there is nothing to wait for but time, which it lets pass at once."""

    def __init__(self, loop: "SimulatedLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck("every task waits, and nothing is due")
        if timeout > 0:
            self._loop.now = math.nextafter(self._loop.now + timeout, math.inf)
        return []

    def close(self) -> None:
        """Nothing was open."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """A loop in simulated seconds from 0 on. What is ready runs in the order in which it became so, as in asyncio's.

    A run ends with `Stuck` where every task waits for ever: a deadlock is found at once and not by a time-out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = _NoFiles(self)

    def time(self) -> float:
        """Simulated seconds since the start."""
        return self.now

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no events of files."""

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""
