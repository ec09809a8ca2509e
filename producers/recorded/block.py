"""Some trades of a recorded file, in columns."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from producers.recorded import scan
from producers.recorded.rows import Rows, from_columns
from producers.source import BadRecord
from schemas.columns import Int64s


@dataclass(frozen=True)
class Block:
    """Some trades of a file: columns by `scan.COLUMNS`, their instruments by number, what was no trade among them."""

    columns: Int64s
    instruments: dict[int, str]
    bad: list[tuple[int, BadRecord]]
    """Each with the number of trades of this block that came before it."""
    received: Int64s | None = None
    """When they were received, µs; nobody knows unless a file says so, and then it is when they were sent."""

    def __len__(self) -> int:
        return len(self.columns[scan.ID])

    def by_instrument(self) -> Iterator[tuple[str, "Block"]]:
        """Yield each instrument of the block with its trades."""
        numbers = self.columns[scan.SYMBOL]
        if not len(numbers):
            return
        if (numbers == numbers[0]).all():
            yield self.instruments[int(numbers[0])], self
            return
        found: dict[str, list[int]] = {}
        for number in np.unique(numbers).tolist():
            found.setdefault(self.instruments[number], []).append(number)
        for instrument, same in found.items():
            yield instrument, self.of(np.isin(numbers, same))

    def of(self, which: np.typing.NDArray[np.bool_]) -> "Block":
        """Return some of its trades."""
        received = None if self.received is None else self.received[which]
        return Block(self.columns[:, which], self.instruments, [], received)

    def rows(self) -> Rows:
        """Return its trades as rows."""
        rows = from_columns(self.columns)
        if self.received is not None:
            rows["received_time"] = self.received
        return rows
