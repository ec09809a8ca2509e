"""A batch of trades by instrument, and which instruments have one that matters to them: worked out by the column."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from schemas.codec import Codec
from schemas.columns import Codes, Int64s, TradeColumns, decode_trades
from schemas.records import Trade
from schemas.units import PRICE_MAX
from streams.delivery.batches import Batch
from streams.delivery.changelog import keep_newest
from streams.delivery.partition import Context
from streams.delivery.states import S

Rows = Int64s | slice
Quiet = tuple[int, int]
"""The market prices, from the first to the second in 1e-8, that are no event for an instrument."""

NO_EVENT: Quiet = (0, PRICE_MAX)
FEW = 32
"""So many trades are looked at one by one in less time than an array of them takes to be made."""


class InstrumentTrades:
    """The trades of a batch, decoded, and its distinct `keys`; `codes` as `coded` gives them."""

    def __init__(self, batch: Batch, columns: TradeColumns, keys: list[bytes], codes: Codes) -> None:
        self.columns = columns
        self.offsets = batch.offset_column
        self.keys = keys
        self._codes = codes
        if columns.errors:
            self._codes = codes.copy()
            self._codes[list(columns.errors)] = 0

    def events(self, quiet: list[Quiet]) -> list[int]:
        """Return which of the keys, by number, have a price that is an event; `quiet` has an entry for each key."""
        price = self.columns.price
        if len(price) <= FEW:
            bands = [NO_EVENT, *quiet]
            rows = zip(self._codes.tolist(), price.tolist(), strict=True)
            return sorted({code - 1 for code, at in rows if not bands[code][0] <= at <= bands[code][1]})
        low, high = (np.array(bound, np.int64)[self._codes] for bound in zip(NO_EVENT, *quiet, strict=True))
        found: list[int] = (np.unique(self._codes[(price < low) | (price > high)]) - 1).tolist()
        return found

    def rows(self, number: int, after: int = -1) -> Rows:
        """Return where the trades of one of the keys are, in their order, as far as they come after an offset."""
        if len(self.keys) == 1 and self._codes.all():
            return slice(int(self.offsets.searchsorted(after, side="right")), None)
        order, ends = self._sorted
        found = order[ends[number] : ends[number + 1]]
        return found[self.offsets[found].searchsorted(after, side="right") :]

    @cached_property
    def _sorted(self) -> tuple[Int64s, Int64s]:
        order = np.argsort(self._codes, kind="stable")
        return order, np.searchsorted(self._codes[order], np.arange(1, len(self.keys) + 2))


def trades_of(batch: Batch, codec: Codec[Trade]) -> InstrumentTrades:
    """Return the records of a batch as trades: for `Batch.once`."""
    keys, codes = coded(batch.keys)
    columns = decode_trades([record.value for record in batch.records], keys, codes, codec)
    return InstrumentTrades(batch, columns, keys, codes)


def compile_reading(codec: Codec[Trade]) -> None:
    """Compile what decodes trades and folds stored states, or load what was compiled before."""
    decode_trades([b""], [], np.zeros(1, np.int16), codec)
    keep_newest({}, [(b"", b"")])


def events(context: Context[S], trades: InstrumentTrades, quiet: Callable[[S], Quiet]) -> Iterator[tuple[S, Rows]]:
    """Yield the instruments with a price that is an event for them: the state, and the rows not applied yet.

    For every other instrument only the position of the partition moves on.
    """
    for number in trades.events(context.look(trades.keys, quiet, NO_EVENT)):
        key = trades.keys[number]
        state = context.find(key)
        if state is not None:
            yield state, trades.rows(number, after=context.applied(key, context.topic))


def coded(keys: list[bytes | None]) -> tuple[list[bytes], Codes]:
    """Return the distinct keys, and for each row the number of its key, from 1; 0 where there is none."""
    first = keys[0]
    if first is not None and keys.count(first) == len(keys):
        return [first], np.ones(len(keys), np.int16)
    numbers: defaultdict[bytes | None, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    numbers[None] = 0
    codes = np.fromiter(map(numbers.__getitem__, keys), np.int16, len(keys))
    return [key for key in numbers if key is not None], codes
