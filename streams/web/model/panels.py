"""Panels: what a page is made of. Each has a name, the subjects it shows, and a function that makes what is sent of it.

A view is a function that gives the panels of a page. Names are unique over all views: two pages with the same panel
share what was made of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streams.web.model.board import Board

Shown = dict[str, Any]
"""What is sent of a panel: text, whole numbers, truth values, lists and dicts of them. Decimals are text."""


@dataclass(frozen=True)
class Panel:
    """One panel.

    `show` is called with the board and the time in microseconds, UTC, again when one of the `subjects` was touched,
    but not before `pace_ms` have passed; with `refresh_ms` also when nothing was, for what changes with the time.
    """

    name: str
    subjects: tuple[str, ...]
    show: Callable[[Board, int], Shown]
    pace_ms: int = 0
    refresh_ms: int = 0


Parameters = Mapping[str, str]
"""What the address of a page says: `instrument`, `interval`, `keys` separated by commas."""
View = Callable[[Board, Parameters], list[Panel]]
