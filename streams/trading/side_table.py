"""A number for each of some traders, kept beside the leader's columns, whose order changes all the time.

Written, like the strategy, in the part of Python that also compiles.
"""

from typing import NamedTuple

from streams.trading.matching import Column, NewColumn, zeros


class SideTable(NamedTuple):
    """Rows of a trader's running number and the number kept for it; trader 0 marks a free row."""

    trader: Column
    number: Column


def new_side_table(rows: int, column: NewColumn = zeros) -> SideTable:
    """Return a table without entries, with room for `rows` traders at a time."""
    return SideTable(column(rows), column(rows))


def clear(table: SideTable) -> None:
    """Drop every entry."""
    for row in range(len(table.trader)):
        table.trader[row] = 0


def get(table: SideTable, trader: int) -> int:
    """Return the number kept for a trader, or 0 if there is none."""
    row = _row_of(table, trader)
    return table.number[row] if row >= 0 else 0


def put(table: SideTable, trader: int, number: int) -> None:
    """Keep a number for a trader in place of the one before, if any. There has to be room."""
    row = _row_of(table, trader)
    if row < 0:
        row = _row_of(table, 0)
        table.trader[row] = trader
    table.number[row] = number


def drop(table: SideTable, trader: int) -> None:
    """Drop the entry of a trader, if it has one."""
    row = _row_of(table, trader)
    if row >= 0:
        table.trader[row] = 0


def _row_of(table: SideTable, trader: int) -> int:
    """Return the row of a trader, or -1 if it has none; that of trader 0 is the first free one."""
    for row in range(len(table.trader)):
        if table.trader[row] == trader:
            return row
    return -1
