"""Recorded trades in columns, wherever they are from."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from infra.mapped import parts
from schemas.columns import Int64s


@dataclass(frozen=True)
class Recording:
    """The trades of one instrument in their order.

    Columns of int64: prices and quantities in 1e-8 (a quantity that needs more bits is the largest that fits, which is
    more than any order takes), times in µs since the epoch, UTC. Those of many trades from files are in files
    themselves (`Spooled`), so they are passed over in parts. `source` says where they are from, `unreadable` how
    many records of the instrument were no trades and left out, `repeated` how many trades came twice or late and were
    left out, too.
    """

    instrument: str
    source: str
    prices: Int64s
    quantities: Int64s
    times: Int64s
    ids: Int64s
    unreadable: int = 0
    repeated: int = 0

    def __len__(self) -> int:
        return len(self.prices)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of ids, prices, quantities and times, as little-endian int64: the same for file and topic."""
        digest = hashlib.sha256()
        for column in (self.ids, self.prices, self.quantities, self.times):
            for (part,) in parts(column):
                digest.update(np.ascontiguousarray(part, "<i8").data)
        return digest.hexdigest()

    @property
    def lowest(self) -> int:
        """The lowest price."""
        return min(int(part.min()) for (part,) in parts(self.prices))

    @property
    def period(self) -> tuple[int, int]:
        """The earliest time and the latest; those of the topic may step back."""
        extremes = [(int(part.min()), int(part.max())) for (part,) in parts(self.times)]
        return min(first for first, _ in extremes), max(last for _, last in extremes)

    def split(self, moment: int) -> tuple["Recording", "Recording"]:
        """Return the trades up to the first one at or after `moment` (µs), and the others."""
        cut = 0
        for (part,) in parts(self.times):
            late = part >= moment
            if late.any():
                cut += int(late.argmax())
                break
            cut += len(part)
        return self._part(0, cut), self._part(cut, len(self))

    def _part(self, first: int, end: int) -> "Recording":
        columns = self.prices, self.quantities, self.times, self.ids
        prices, quantities, times, ids = (column[first:end] for column in columns)
        return Recording(self.instrument, self.source, prices, quantities, times, ids)


class NoTrades(ValueError):
    """There is not one trade of an instrument where it was looked for; the message names both."""
