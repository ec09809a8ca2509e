"""What a command shows: data on stdout as a table or as JSON, everything else on stderr.

A terminal gets a table with colours (none with `NO_COLOR`), a pipe gets plain aligned columns, never cut.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import Any

from infra.progress import Progress
from streams.cli.progress import Said, Told, unsaid

Row = Mapping[str, Any]

FREE_TEXT = ("purpose", "detail", "error", "problem", "reason", "changed", "before", "after")
"""Columns that may be folded on a narrow terminal. No other is, and none is ever cut."""
FREE_TEXT_WIDTH = 16
BORDER = 2
NUMBER = re.compile(r"-?\d+(\.\d+)?%?")
BLOCKS_MAX = 10
"""So many rows of a table that is wider than the terminal are shown one below the other."""


class Output:
    """Where a command writes to, as JSON if `json` is set; `told` is who hears how far it is, if a program does."""

    def __init__(self, json: bool = False, told: Told | None = None) -> None:
        self.json = json
        self.told = told

    def rows(self, rows: Sequence[Row], columns: Sequence[str], empty: str = "nothing to show") -> None:
        """Show a list: as JSON with everything in the rows, as a table with `columns` only."""
        if self.json:
            self._json([dict(row) for row in rows])
        elif not rows:
            self.note(empty)
        elif not sys.stdout.isatty():
            print(plain_table(rows, columns))
        elif _fits(rows, columns):
            from streams.cli.terminal import show_table  # noqa: PLC0415 -- Rich takes its time

            cells = _cells(rows, columns)
            right = [_numeric(cells, i) for i in range(len(columns))]
            show_table([heading(column) for column in columns], cells, right, [c in FREE_TEXT for c in columns])
        elif len(rows) <= BLOCKS_MAX:
            print("\n\n".join(block({column: row.get(column) for column in columns}) for row in rows))
        else:
            print(plain_table(rows, columns))

    def record(self, record: Row) -> None:
        """Show one object: as JSON, or a line for each field."""
        if self.json:
            self._json(dict(record))
            return
        print(block(record))

    def section(self, title: str, rows: Sequence[Row], columns: Sequence[str], empty: str) -> None:
        """Show one of several tables of a page; not for JSON, where a page is one object."""
        print(f"\n{title}")
        if rows:
            self.rows(rows, columns)
        else:
            print(empty)

    def line(self, text: str, style: str = "") -> None:
        """Show a line of data, coloured on a terminal as the word `style` is."""
        if sys.stdout.isatty():
            from streams.cli.terminal import show_line  # noqa: PLC0415 -- Rich takes its time

            show_line(text, style)
        else:
            print(text, flush=True)

    def note(self, text: str) -> None:
        """Tell people something: a hint, the next command. Not with `--json`."""
        if not self.json:
            print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """Tell what people had better know, on stderr; with `--json`, too."""
        print(f"hedgehog: {text}", file=sys.stderr)

    def progress(self, text: str) -> None:
        """Tell what is going on to whoever waits for it."""
        if self.told is not None:
            self.told.say(text)
        elif sys.stderr.isatty() and not self.json:
            print(text, file=sys.stderr)

    @contextmanager
    def progress_bar(self, text: str, what: str) -> Iterator[Progress | None]:
        """Show how many `what` are done; None where nobody sees it: stderr is no terminal, or with `--json`."""
        if self.told is not None:
            yield self.told.counting(text, what)
            return
        if self.json or not sys.stderr.isatty():
            yield None
            return
        from streams.cli.terminal import bar  # noqa: PLC0415 -- Rich takes its time

        with bar(text, what) as progress:
            yield progress

    @contextmanager
    def progress_lines(self, text: str, what: str) -> Iterator[Progress]:
        """Show a bar on a terminal, a line now and then elsewhere, nothing with `--json`."""
        with self.progress_bar(text, what) as bar:
            yield bar or (unsaid if self.json else Said())

    def error(self, message: str, hint: str | None, code: int) -> None:
        """Tell why the command ends, and what to try."""
        if self.told is not None:
            self.told.end()
        if self.json:
            print(json.dumps({"error": message, "hint": hint, "exit_code": code}), file=sys.stderr)
            return
        print(f"hedgehog: {message}", file=sys.stderr)
        if hint:
            print(f"  try: {hint}", file=sys.stderr)

    def _json(self, value: object) -> None:
        print(json.dumps(value, indent=2, ensure_ascii=False))


def shown(value: object) -> str:
    """Return a value as people read it."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "-"
    return str(value)


def plain_table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Return aligned columns, two blanks between, numbers to the right; no line is cut or wrapped."""
    cells = _cells(rows, columns)
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
    """Return a line for each field: its heading and its value."""
    width = max((len(heading(name)) for name in record), default=0)
    return "\n".join(f"{heading(name):<{width}}  {shown(value)}" for name, value in record.items())


def heading(column: str) -> str:
    """Return the heading of a column: its name without underscores and without what goes without saying."""
    return column.removesuffix("_interval").replace("_", " ")


def _fits(rows: Sequence[Row], columns: Sequence[str]) -> bool:
    """Return whether the table fits onto the terminal, free text folded if need be."""
    narrow = [
        {c: shown(row.get(c))[:FREE_TEXT_WIDTH] if c in FREE_TEXT else row.get(c) for c in columns} for row in rows
    ]
    width = max(map(len, plain_table(narrow, columns).splitlines()))
    return width + len(columns) + BORDER <= get_terminal_size().columns


def _cells(rows: Sequence[Row], columns: Sequence[str]) -> list[list[str]]:
    return [[shown(row.get(column)) for column in columns] for row in rows]


def _numeric(cells: list[list[str]], column: int) -> bool:
    """Return whether every cell of a column is a number or empty."""
    return all(line[column] == "-" or NUMBER.fullmatch(line[column]) for line in cells)
