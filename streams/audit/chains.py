"""Proves a stretch of what was recorded of one leader or book: from a checkpoint on, past others, to one or to the end.

At each checkpoint on the way the replayed state must be the recorded one. Trades come in pieces, so a stretch may have
any length.

Everything here is pure; `streams.audit.prove` reads the topics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from schemas.journal_records import BOOK, LEADER, Applied, Checkpoint
from schemas.records import Fill, Order, Record
from streams.audit import books, journal
from streams.audit.differences import Difference, by_version
from streams.trading import book, leader
from streams.trading.book import BookState, Tape
from streams.trading.checkpoints import at_rest, checkpoint_of, state_of
from streams.trading.leader import LeaderState

NOTHING = Tape(*(np.zeros(0, np.int64) for _ in Tape._fields))
STATES: dict[str, type[Any]] = {LEADER: LeaderState, BOOK: BookState}


@dataclass
class Chain:
    """A stretch of what was recorded of a leader or a book."""

    instrument: str
    agent: str
    partition: int
    start: Checkpoint | None
    """Where it begins; `None` for a leader or a book that has seen nothing."""
    entries: Sequence[Applied]
    """Its journal, in order."""
    marks: Sequence[Checkpoint]
    """The checkpoints on the way, in order; the last one is the end of a chain that has one."""
    ends: bool
    """Whether it ends at the last checkpoint, and not where the topics do."""
    recorded: Mapping[int, Record]
    """What is to be proven, by version and without epochs."""
    first: int = 0
    """The offset of the first trade that it has to see."""
    fills: Mapping[int, Fill] = field(default_factory=dict)
    """What a leader took, by offset."""
    orders: Mapping[int, Order] = field(default_factory=dict)
    """What a book took, by offset."""
    untold: bool = False
    """Whether what it made last may have expired: what is made beyond all that is recorded is then no difference."""

    @property
    def last(self) -> int | None:
        """Return the offset of the last trade that it has to see, `None` for the last there is."""
        return self.marks[-1].trades_offset if self.ends else None


class Side(Protocol):
    """How a leader or a book is replayed."""

    state: Any

    def take_trades(self, tape: Tape, until: int) -> None:
        """Take the trades up to an offset that have not been taken yet."""

    def take(self, entry: Applied) -> None:
        """Take the input of a journal entry."""

    def show(self, mark: Any) -> None:
        """Show what left no entry, as far as this state had seen it, or all of it."""


class LeaderSide:
    """Replays a leader."""

    def __init__(self, chain: Chain) -> None:
        self.state = leader.new_state(chain.instrument, chain.partition, journal.rules_at_first(chain.entries))
        self._recorded = journal.Recorded(chain.instrument, chain.partition, journal.NO_TRADES, fills=chain.fills)

    def take_trades(self, tape: Tape, until: int) -> None:
        """Take the trades up to an offset that have not been taken yet."""
        journal.take_trades(self.state, journal.trades_of(tape), until)

    def take(self, entry: Applied) -> None:
        """Take the input of a journal entry; nothing where it is lost, or refused."""
        journal.take_entry(self.state, self._recorded, entry)

    def show(self, mark: Any) -> None:
        """Do nothing: each input of a leader is in its journal."""


class BookSide:
    """Replays a book."""

    def __init__(self, chain: Chain) -> None:
        self.state = book.new_book(chain.instrument)
        self.state.partition = chain.partition
        self._recorded = books.RecordedBook(chain.instrument, orders=chain.orders)
        self._shown = books.Shown(self._recorded)

    def take_trades(self, tape: Tape, until: int) -> None:
        """Take the trades up to an offset that have not been taken yet."""
        books.take_tape(self.state, tape, until)

    def take(self, entry: Applied) -> None:
        """Take the input of a journal entry; nothing where it is lost, or refused."""
        if entry.input_topic == "orders":
            self._shown.take_until(self.state, entry.input_offset)
        books.take_entry(self.state, self._recorded, entry)

    def show(self, mark: BookState | None) -> None:
        """Show the snapshots of orders that changed nothing."""
        self._shown.take_until(self.state, None if mark is None else mark.orders_offset + 1)


SIDES: dict[str, Any] = {LEADER: LeaderSide, BOOK: BookSide}


class Proof:
    """Replays a chain while its trades come."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.seen = 0
        """How many trades it was given that it had to see."""
        self._side: Side = SIDES[chain.agent](chain)
        if chain.start is not None:
            self._side.state = state_of(chain.start, STATES[chain.agent])
        # At one version the checkpoint follows what made it, and of two the one after more trades.
        events: list[Applied | Checkpoint] = [*chain.entries, *chain.marks]
        self._events = sorted(events, key=_order)
        self._at = 0
        self._differences: list[Difference] = []
        self._made: dict[int, Record] = {}

    @property
    def state(self) -> Any:
        """Return the leader or the book as it is now."""
        return self._side.state

    def feed(self, tape: Tape, upto: int) -> None:
        """Take further trades of the instrument; all that there are up to the offset `upto` have been given."""
        if upto <= self._side.state.trades_offset:
            return
        first = max(self._side.state.trades_offset + 1, self.chain.first)
        last = upto if self.chain.last is None else min(upto, self.chain.last)
        self.seen += int(np.searchsorted(tape.offsets, last, "right") - np.searchsorted(tape.offsets, first))
        while self._at < len(self._events) and self._events[self._at].trades_offset <= upto:
            self._take(tape)
        if not (self.chain.ends and self._at == len(self._events)):
            self._side.take_trades(tape, upto)

    def finish(self) -> list[Difference]:
        """Return where the replay and the record differ, once all trades were given."""
        while self._at < len(self._events):
            self._take(NOTHING)
        if not self.chain.ends:
            self._side.show(None)
        self._collect()
        chain, recorded = self.chain, self.chain.recorded
        last = max(recorded, default=0)
        for version in sorted(self._made.keys() | recorded.keys()):
            pair = recorded.get(version), self._made.get(version)
            if pair[0] != pair[1] and not (chain.untold and version > last):
                self._differences.append(Difference(chain.instrument, version, *pair, chain.agent))
        return self._differences

    def _take(self, tape: Tape) -> None:
        event = self._events[self._at]
        self._at += 1
        if event.trades_offset < self._side.state.trades_offset:  # nobody takes an input after trades it has not seen
            version = event.version
            self._differences.append(Difference(self.chain.instrument, version, event, None, self.chain.agent))
        self._side.take_trades(tape, event.trades_offset)
        if isinstance(event, Checkpoint):
            self._compare(event)
        else:
            self._side.take(event)

    def _compare(self, mark: Checkpoint) -> None:
        """Hold the state against a checkpoint, and go on from this: whoever starts there does the same."""
        recorded = state_of(mark, STATES[mark.agent])
        self._side.show(recorded)
        self._collect()
        if at_rest(self._side.state) != recorded:
            made = checkpoint_of(self._side.state)
            self._differences.append(Difference(self.chain.instrument, mark.version, mark, made, mark.agent))
            self._side.state = recorded

    def _collect(self) -> None:
        self._made |= by_version(self._side.state.outbox)
        self._side.state.outbox = []


def _order(event: Applied | Checkpoint) -> tuple[int, bool, int]:
    return event.version, isinstance(event, Checkpoint), event.trades_offset


def prove(chain: Chain, tape: Tape) -> list[Difference]:
    """Return the differences of a chain whose trades are all there."""
    proof = Proof(chain)
    if len(tape.offsets):
        proof.feed(tape, int(tape.offsets[-1]))
    return proof.finish()
