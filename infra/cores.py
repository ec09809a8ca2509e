"""How many processors this process may use."""

import os


def cores() -> int:
    """Return the processors that this process is confined to, where the system tells; else all there are."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
