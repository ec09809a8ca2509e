"""Pauses between tries that double."""

FIRST_S = 2.0
LONGEST_S = 60.0


class Pauses:
    """The pause that each name is in: 2 s after the first try, then twice as long each time, up to a minute.

    A try that comes more than a minute after the last pause is a first one.
    """

    def __init__(self) -> None:
        self._lengths: dict[str, float] = {}
        self._ends: dict[str, float] = {}

    def over(self, name: str, now: float) -> bool:
        """Return whether it may be tried at `now` (seconds of a monotonic clock)."""
        return now >= self._ends.get(name, now)

    def begin(self, name: str, now: float) -> float:
        """Begin the next pause, after a try at `now`; return its length in seconds."""
        if now - self._ends.get(name, now) > LONGEST_S:
            self.forget(name)
        length = min(2 * self._lengths.get(name, FIRST_S / 2), LONGEST_S)
        self._lengths[name], self._ends[name] = length, now + length
        return length

    def forget(self, name: str) -> None:
        """Begin with the shortest pause again."""
        self._lengths.pop(name, None)
