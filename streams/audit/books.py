"""Replays the recorded orders and trades of the mock exchange through its own book: the same core, the same reports.

The book's journal says after which trade each order, step, terms and settings were taken, so these have one order.
Every other snapshot of an order is shown to the book, too, and must change nothing.

Everything here is pure; `streams.audit.audit` reads the topics.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from schemas.errors import Refused
from schemas.journal_records import BOOK, Applied, Checkpoint
from schemas.records import Fill, Instrument, Order, Settings
from streams.trading import book
from streams.trading.book import BookState, Tape, Terms

UNKNOWN = Terms(fee=0, partial_fills=False)
"""Those of a book that has said none: it has filled nothing."""


@dataclass
class RecordedBook:
    """Everything recorded of one instrument's book. Lists are in topic order, repeats included."""

    instrument: str
    orders: Mapping[int, Order] = field(default_factory=dict)
    """By offset."""
    journal: Sequence[Applied] = ()
    fills: Sequence[Fill] = ()
    checkpoints: Mapping[int, Checkpoint] = field(default_factory=dict)
    """By offset."""


@dataclass(frozen=True)
class Unproven:
    """What can not be replayed: what was taken before the trade at an offset was never recorded, or is gone."""

    instrument: str
    before: int
    fills: int = 0
    """How many reports there are of that time."""
    agent: str = BOOK


class Shown:
    """Shows a book the snapshots that are not in its journal."""

    def __init__(self, recorded: RecordedBook) -> None:
        self._recorded = recorded
        self._offsets = sorted(recorded.orders)

    def take_until(self, state: BookState, end: int | None) -> None:
        """Show those after the last one taken and before the offset `end`, or all that are left."""
        at = bisect_right(self._offsets, state.orders_offset)
        upto = len(self._offsets) if end is None else bisect_left(self._offsets, end)
        for offset in self._offsets[at:upto]:
            _take_order(state, self._recorded, offset)


def take_entry(state: BookState, recorded: RecordedBook, entry: Applied) -> None:
    """Let the book take the input of a journal entry; nothing where that is lost, or refused."""
    state.partition = entry.input_partition
    try:
        if entry.instrument_taken is not None:
            instrument = msgspec.json.decode(entry.instrument_taken, type=Instrument)
            book.apply_instrument(state, entry.input_offset, instrument)
        elif entry.settings is not None:
            book.apply_settings(state, entry.input_offset, msgspec.json.decode(entry.settings, type=Settings))
        elif entry.terms is not None:
            book.apply_terms(state, msgspec.json.decode(entry.terms, type=Terms))
        elif entry.topic_id is not None:
            book.begin_anew(state, entry.input_topic, entry.topic_id)
        else:
            _take_order(state, recorded, entry.input_offset)
    except (KeyError, Refused, msgspec.MsgspecError):
        pass


def _take_order(state: BookState, recorded: RecordedBook, offset: int) -> None:
    order = recorded.orders[offset]
    if not book.is_superseded(state, order):
        book.apply_order(state, offset, order)


def take_tape(state: BookState, tape: Tape, until: int | None) -> None:
    """Let the book take the recorded trades after its position, up to the offset `until` or to the last one."""
    start = int(np.searchsorted(tape.offsets, state.trades_offset, side="right"))
    end = len(tape.offsets) if until is None else int(np.searchsorted(tape.offsets, until, side="right"))
    book.apply_trades(state, state.terms or UNKNOWN, Tape(*(column[start:end] for column in tape)))
    if until is not None:
        state.trades_offset = until
