"""A stop that ends: whatever hangs, the process is gone when its time is over.

The time runs in a thread of its own, so it also runs out while the event loop hangs, and while a client of Kafka asks a
broker again for ever that is not there.
"""

import logging
import os
import signal
import threading

log = logging.getLogger(__name__)

FAILED = 1
SAY_WITHIN_S = 1.0
"""What hangs may hold the lock of the log."""


class Deadline:
    """Ends this process with exit code 1 if it is still there `seconds` after its stop began. `what` is its name."""

    def __init__(self, what: str, seconds: float) -> None:
        self._what = what
        self._seconds = seconds
        self._begun = threading.Lock()

    def begin(self) -> None:
        """Say that the stop begins; only the first time counts."""
        if self._begun.acquire(blocking=False):
            threading.Thread(target=self._wait, name="deadline", daemon=True).start()

    def begin_on(self, *signals: signal.Signals) -> None:
        """Let these signals begin it, beside what an event loop does on them: to be called after the loop was told.

        A loop is woken by the system and needs no handler of its own; this one is called even while the loop hangs.
        Only in the main thread.
        """
        for number in signals:
            signal.signal(number, lambda *_: self.begin())

    def _wait(self) -> None:
        threading.Event().wait(self._seconds)
        saying = threading.Thread(target=self._say, daemon=True)
        saying.start()
        saying.join(SAY_WITHIN_S)
        os._exit(FAILED)

    def _say(self) -> None:
        log.critical("%s did not stop within %g s: it ends without what it waits for", self._what, self._seconds)
        for handler in logging.getLogger().handlers:
            handler.flush()
