"""How long to wait before the next attempt to connect. No clock, no sleep."""

import random

EXPONENT_MAX = 30
"""Two to that power is longer than any limit."""


class Backoff:
    """Full jitter: anything between nothing and a bound that doubles with every attempt, up to a limit.

    The first attempt comes at once, and so does the one after a connection that lived `stable_s` seconds.
    """

    def __init__(self, first_s: float, max_s: float, stable_s: float, rng: random.Random) -> None:
        self._first_s, self._max_s, self._stable_s, self._rng = first_s, max_s, stable_s, rng
        self._attempts = 0
        self._connected_at: float | None = None

    def next_wait_s(self, now: float) -> float:
        """Return the seconds to wait before an attempt at `now`, which counts as made."""
        if self._connected_at is not None and now - self._connected_at >= self._stable_s:
            self._attempts = 0
        self._connected_at = None
        attempts, self._attempts = self._attempts, self._attempts + 1
        if not attempts:
            return 0.0
        bound = self._first_s * 2.0 ** min(attempts, EXPONENT_MAX)
        return self._rng.uniform(0, min(self._max_s, bound))

    def connected(self, now: float) -> None:
        """Note that the last attempt succeeded."""
        self._connected_at = now
