"""A limit of what may come in some seconds. No clock."""

from collections import deque


class Limit:
    """At most `most` in any `seconds`."""

    def __init__(self, most: float, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._came: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def exceeded(self, now: float, weight: float = 1) -> bool:
        """Take in what came at `now`; return whether it is beyond the limit."""
        while self._came and now - self._came[0][0] >= self._seconds:
            self._sum -= self._came.popleft()[1]
        self._came.append((now, weight))
        self._sum += weight
        return self._sum > self._most
