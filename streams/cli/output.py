"""What a command shows: data on stdout as a table or as JSON, everything else on stderr.

A terminal gets a table with colours (none with `NO_COLOR`), a pipe gets plain aligned columns, never cut.
"""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import json
import re
import sys
from collections.abc import Mapping, Sequence
from shutil import get_terminal_size
from typing import Annotated, Any, Literal

import typer

Row = Mapping[str, Any]

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
FREE_TEXT = ("purpose", "detail", "error", "problem", "reason", "changed", "before", "after")
"""Columns that may be folded on a narrow terminal. No other is, and none is ever cut."""
FREE_TEXT_WIDTH = 16
BORDER = 2
BLOCKS_MAX = 10
"""So many rows of a table that is wider than the terminal are shown one below the other."""
NUMBER = re.compile(r"-?\d+(\.\d+)?%?")


class Output:
    """Where the commands write to; `json` is set by `--json`."""

    def __init__(self) -> None:
        self.json = False

    def rows(self, rows: Sequence[Row], columns: Sequence[str], empty: str = "nothing to show") -> None:
        """A list: as JSON with everything in the rows, as a table with `columns` only."""
        if self.json:
            self._json([dict(row) for row in rows])
        elif not rows:
            self.note(empty)
        elif not sys.stdout.isatty():
            print(plain_table(rows, columns))
        elif _fits(rows, columns):
            _rich_table(rows, columns)
        elif len(rows) <= BLOCKS_MAX:
            print("\n\n".join(block({column: row.get(column) for column in columns}) for row in rows))
        else:
            print(plain_table(rows, columns))

    def record(self, record: Row) -> None:
        """One object: as JSON, or a line for each field."""
        if self.json:
            self._json(dict(record))
            return
        print(block(record))

    def section(self, title: str, rows: Sequence[Row], columns: Sequence[str], empty: str) -> None:
        """One of several tables of a page; not for JSON, where a page is one object."""
        print(f"\n{title}")
        if rows:
            self.rows(rows, columns)
        else:
            print(empty)

    def line(self, text: str, style: str = "") -> None:
        """A line of data, coloured on a terminal as the word `style` is."""
        if sys.stdout.isatty():
            from rich.console import Console

            # an order's id may hold :B:, which is no emoji
            Console(highlight=False, soft_wrap=True, emoji=False).print(text, style=STYLES.get(style), markup=False)
        else:
            print(text, flush=True)

    def note(self, text: str) -> None:
        """Something for people: a hint, the next command. Not with `--json`."""
        if not self.json:
            print(text, file=sys.stderr)

    def progress(self, text: str) -> None:
        """What is going on, for somebody who sits there and waits."""
        if sys.stderr.isatty() and not self.json:
            print(text, file=sys.stderr)

    def error(self, message: str, hint: str | None, code: int) -> None:
        """Why the command ends."""
        if self.json:
            print(json.dumps({"error": message, "hint": hint, "exit_code": code}), file=sys.stderr)
            return
        print(f"hedgehog: {message}", file=sys.stderr)
        if hint:
            print(f"  try: {hint}", file=sys.stderr)

    def _json(self, value: object) -> None:
        print(json.dumps(value, indent=2, ensure_ascii=False))


out = Output()


def _turn_on(value: bool) -> bool:
    if value:
        out.json = True
    return value


Json = Annotated[bool, typer.Option("--json", callback=_turn_on, help="Data as JSON.")]


def shown(value: object) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "-"
    return str(value)


def plain_table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Aligned columns, two blanks between, numbers to the right; no line is cut or wrapped."""
    cells = [[shown(row.get(column)) for column in columns] for row in rows]
    lines = [[heading(column) for column in columns], *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    right = [_numeric(cells, i) for i in range(len(columns))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def block(record: Row) -> str:
    """A line for each field: its heading and its value."""
    width = max((len(heading(name)) for name in record), default=0)
    return "\n".join(f"{heading(name):<{width}}  {shown(value)}" for name, value in record.items())


def heading(column: str) -> str:
    """The heading of a column: its name without underscores and without what goes without saying."""
    return column.removesuffix("_interval").replace("_", " ")


def _fits(rows: Sequence[Row], columns: Sequence[str]) -> bool:
    """Whether the table fits onto the terminal, free text folded if need be."""
    narrow = [
        {c: shown(row.get(c))[:FREE_TEXT_WIDTH] if c in FREE_TEXT else row.get(c) for c in columns} for row in rows
    ]
    width = max(map(len, plain_table(narrow, columns).splitlines()))
    return width + len(columns) + BORDER <= get_terminal_size().columns


def _numeric(cells: list[list[str]], column: int) -> bool:
    return all(line[column] == "-" or NUMBER.fullmatch(line[column]) for line in cells)


def _rich_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[shown(row.get(column)) for column in columns] for row in rows]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        justify: Literal["right", "left"] = "right" if _numeric(cells, i) else "left"
        table.add_column(heading(column), justify=justify, no_wrap=column not in FREE_TEXT)
    for line in cells:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in line))
    Console(highlight=False).print(table)
