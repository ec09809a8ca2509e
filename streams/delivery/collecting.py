"""Garbage is looked for among what is new.

A full collection of the garbage collector looks at every object that it follows: with the states of 2,000 instruments
some 60 ms each few seconds, in which a worker does nothing else. What has lived through one is likely to stay, so the
next one leaves it out. Whatever nothing refers to any more is freed all the same; only a circle among what is left out
has to wait until somebody looks again.
"""

import gc
from typing import Any

FULL = 2
"""The generation of which a collection is a full one."""


def keep() -> None:
    """Look through everything now, and from now on through nothing again that has lived through a full collection."""
    if _leave_out not in gc.callbacks:
        gc.callbacks.append(_leave_out)
    gc.collect()


def look_again() -> None:
    """Let the next full collection look through everything once."""
    gc.unfreeze()


def _leave_out(phase: str, info: dict[str, Any]) -> None:
    if phase == "stop" and info["generation"] == FULL:
        gc.freeze()
