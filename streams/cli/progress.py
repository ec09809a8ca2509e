"""How far a long command is, told as lines on stderr where that is no terminal: to people, or to a program."""

import atexit
import json
import os
import sys
import threading
import time
from typing import Any, TextIO

from infra.progress import Progress
from streams.cli.errors import INTERRUPTED

LINE_EVERY_S = 10.0
BEAT_S = 0.25
END_S = 2.0
SILENT_BEATS = 4
"""After so many without news the same is told once more."""


def unsaid(done: int, total: int | None) -> None:
    """Say nothing."""


class Said:
    """Says every `LINE_EVERY_S` seconds how far it is, how fast, and how long it takes still."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._said < LINE_EVERY_S or not done:
            return
        self._said = now
        rate = done / (now - self._began)
        left = "" if total is None else f" of {total:,}, about {max(total - done, 0) / rate:,.0f} s left"
        print(f"{done:,} records{left}, {rate:,.0f} a second", file=sys.stderr)


class Told:
    """Tells a program what a command does: objects of JSON on `stream`, a line each, one a second at least.

    Each has `doing`, `what` is counted, how many are `done` and, unless it is `null`, of how many in `total`. When
    nobody reads them any more the process ends: whoever started the command is gone, and nobody would use its result.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._newest: dict[str, Any] = {"doing": "starting", "what": "", "done": 0, "total": None}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()
        # a thread that writes while the interpreter goes away is a fault of its own
        atexit.register(self.end)

    def say(self, doing: str) -> None:
        """Tell what is done now; nobody counts how far."""
        self._newest = {"doing": doing, "what": "", "done": 0, "total": None}

    def counting(self, doing: str, what: str) -> Progress:
        """Tell what is done now, and return what takes how far it is."""

        def count(done: int, total: int | None) -> None:
            self._newest = {"doing": doing, "what": what, "done": done, "total": total}

        count(0, None)
        return count

    def end(self) -> None:
        """Tell no more; what follows on the stream is somebody else's."""
        self._ended.set()
        self._thread.join(END_S)

    def _beat(self) -> None:
        said, silent = "", 0
        while True:
            line = json.dumps(self._newest)
            silent += 1
            if line != said or silent >= SILENT_BEATS:
                self._write(f"{line}\n")
                said, silent = line, 0
            if self._ended.wait(BEAT_S):
                return

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError:
            # compiled code takes no notice of a signal before it has come to its end
            os._exit(INTERRUPTED)
