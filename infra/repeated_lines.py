"""Lines of a log that a library repeats many times a second: while a broker is away, a hundred a second by aiokafka."""

import logging
import time
from collections.abc import Callable

AGAIN_S = 10.0
KNOWN_MAX = 1_000
"""So many different lines are remembered."""


def tell_less() -> None:
    """Let the handlers that there are tell less of what the Kafka client repeats."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(RepeatedLines("aiokafka"))


class RepeatedLines(logging.Filter):
    """Lets each line of a library through once in `AGAIN_S` seconds; the next says how many like it were left out.

    It is for handlers: a logger asks its filters of its own records only. `clock` is in seconds.
    """

    def __init__(self, library: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._library = library
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}
        """When a line was told, and how many like it were left out since."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be told; a line that was left out before says how often."""
        if record.name.partition(".")[0] != self._library:
            return True
        line, now = record.getMessage(), self._clock()
        told_at, left_out = self._told.get(line, (None, 0))
        if told_at is not None and now - told_at < AGAIN_S:
            self._told[line] = (told_at, left_out + 1)
            return False
        if len(self._told) >= KNOWN_MAX:
            self._told.clear()
        self._told[line] = (now, 0)
        if left_out:
            record.msg, record.args = f"{line} ({left_out} like it left out)", ()
        return True
