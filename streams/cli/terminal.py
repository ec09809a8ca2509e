"""Lines, tables and a progress bar with colours. Imported only where there is a terminal: Rich takes its time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

STYLES = {
    "on": "green",
    "ok": "green",
    "up": "green",
    "RUNNING": "green",
    "FILLED": "green",
    "shutdown": "yellow",
    "not ready": "yellow",
    "warning": "yellow",
    "PARTIALLY_FILLED": "yellow",
    "problem": "bold red",
    "down": "bold red",
    "dead": "bold red",
    "missing": "bold red",
    "FAILED": "bold red",
    "REJECTED": "red",
    "off": "dim",
    "CANCELED": "dim",
}


def show_line(text: str, style: str = "") -> None:
    """Print a line in the colour of the word `style`."""
    # an order's id may hold :B:, which is no emoji
    Console(highlight=False, soft_wrap=True, emoji=False).print(text, style=STYLES.get(style), markup=False)


def show_table(
    headings: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool], folded: Sequence[bool]
) -> None:
    """Print a table; the columns that are `right` are aligned so, those that are `folded` may be, no other."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title, to_right, may_fold in zip(headings, right, folded, strict=True):
        table.add_column(title, justify="right" if to_right else "left", no_wrap=not may_fold)
    for line in cells:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in line))
    Console(highlight=False).print(table)


@contextmanager
def bar(text: str, what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show a progress bar on stderr; what it yields takes how many `what` are done, and of how many."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(what), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(text, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class _Rate(ProgressColumn):
    """How many are done in a second."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} {self._what}/s" if task.speed else "")
