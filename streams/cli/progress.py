"""How far a long command is, told as lines on stderr where that is no terminal."""

import sys
import time

LINE_EVERY_S = 10.0


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
