"""Durations as people type them: `90s`, `15m`, `2h`, `1d`."""

import re

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
TYPED = re.compile(r"(\d{1,6})([smhd])", re.ASCII)


def parse_seconds(text: str, name: str) -> int:
    """Return the seconds of a duration; a `ValueError` names `name` and the text for anything else."""
    found = TYPED.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{name}: {text!r} is not a duration such as 90s, 15m, 2h or 1d")
    return int(found[1]) * UNITS[found[2]]


def shown_seconds(seconds: int) -> str:
    """Return the duration in its largest whole unit."""
    for unit, size in reversed(UNITS.items()):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
