"""What leaders and books of a partition made, and how far that is proven, so that only the rest is read again.

A proof is remembered by the last checkpoint of each leader and book. Pure; `streams.audit.reader` reads the topics.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from schemas.journal_records import BOOK, LEADER, Applied, Checkpoint
from schemas.records import Fill, Order, Record
from schemas.topics import APPLIED, CHECKPOINTS, FILLS, ORDERS
from streams.audit.chains import NOTHING, STATES
from streams.audit.journal import Epochs, Found, Recorded, epoch_name, gathered, owner_of
from streams.audit.stretches import Subject
from streams.trading.checkpoints import LAYOUTS


class Mark(msgspec.Struct, frozen=True):
    """The checkpoint up to which a leader or a book is proven."""

    version: int
    trades_offset: int


class Known(msgspec.Struct):
    """What is proven of a partition."""

    begins: dict[str, int]
    """The offset of each topic from which its records are needed again."""
    ends: dict[str, int]
    """The end of each topic when it was read."""
    marks: dict[str, Mark]
    """By agent and instrument."""
    epochs: Epochs
    """The highest of each kind of records before `begins`, by what the record is and its agent and instrument."""


class _Positions(NamedTuple):
    version: int = 0
    inputs: int = -1


class _Inputs(msgspec.Struct):
    fills_offset: int = -1
    orders_offset: int = -1


_inputs = msgspec.json.Decoder(_Inputs).decode
TOPIC_OF: dict[type[Record], str] = {
    kind: topic.name for topic in (ORDERS, APPLIED, FILLS, CHECKPOINTS) if (kind := topic.record)
}
TAKERS = {Fill: LEADER, Order: BOOK}
"""Whose inputs these are."""


def name_of(agent: str, instrument: str) -> str:
    """Return the name under which a leader or a book is remembered."""
    return f"{agent} {instrument}"


class Decisions:
    """Collects the records of a partition, the checkpoints first."""

    def __init__(self, partition: int, known: Known | None = None) -> None:
        self.partition = partition
        self.known = known
        self.again = False
        """Whether something of what was proven has come again since: then it must be compared with all of it."""
        self._found: defaultdict[str, defaultdict[type[Record], list[tuple[int, Any]]]]
        self._found = defaultdict(lambda: defaultdict(list))
        self._last: dict[str, tuple[int, Checkpoint]] = {}
        self._marks: set[tuple[str, Mark]] = set()
        self._positions: dict[str, _Positions] = {}
        self._begins: dict[str, int] = {}
        self._ends: dict[str, int] = {}

    def begin(self, topic: str, first: int, end: int) -> int:
        """Return from which offset on a topic that has these ends is to be read."""
        self._ends[topic] = self._begins[topic] = end
        return first if self.known is None else max(first, self.known.begins.get(topic, 0))

    def add(self, topic: str, offset: int, record: Record) -> None:
        """Take in a record of a topic, in its order."""
        assert isinstance(record, Checkpoint | Order | Applied | Fill)
        self._found[record.instrument][type(record)].append((offset, record))
        agent = owner_of(record)
        name = name_of(agent, record.instrument)
        if isinstance(record, Checkpoint):
            self._add_mark(name, offset, record)
            return
        needed = record.version > self._positions.get(name, _Positions()).version
        if type(record) in TAKERS:
            taker = name_of(TAKERS[type(record)], record.instrument)
            needed |= offset > self._positions.get(taker, _Positions()).inputs
        if needed:
            self._begins[topic] = min(self._begins[topic], offset)
        proven = None if self.known is None else self.known.marks.get(name)
        if self.known is not None and proven is not None and offset >= self.known.ends.get(topic, 0):
            self.again |= record.version <= proven.version

    def _add_mark(self, name: str, offset: int, mark: Checkpoint) -> None:
        """Remember the last checkpoint that can be read and that counts."""
        before = self._last.get(name)
        place = (mark.epoch, mark.version, mark.trades_offset)
        if mark.layout != LAYOUTS[STATES[mark.agent]]:
            return
        self._marks.add((name, Mark(mark.version, mark.trades_offset)))
        if before is None or (before[1].epoch, before[1].version, before[1].trades_offset) < place:
            self._last[name] = offset, mark
            inputs = _inputs(mark.state)
            taken = inputs.fills_offset if mark.agent == LEADER else inputs.orders_offset
            self._positions[name] = _Positions(mark.version, taken)

    def is_stale(self) -> bool:
        """Return whether what is known does not hold any more: what was proven has come again, or its end is gone."""
        if self.known is None:
            return False
        return self.again or not self.known.marks.items() <= self._marks

    def mark_of(self, subject: Subject) -> Checkpoint | None:
        """Return the checkpoint up to which a leader or a book is known to be proven."""
        known = self.known.marks.get(name_of(subject.agent, subject.instrument)) if self.known else None
        if known is None:
            return None
        return next(m for m in subject.ordered if (m.version, m.trades_offset) == (known.version, known.trades_offset))

    def recorded(self) -> list[Recorded]:
        """Return what there is, by instrument and without trades."""
        epochs: Epochs = {} if self.known is None else self.known.epochs
        return [self._gathered(instrument, epochs) for instrument in sorted(self._found)]

    def _gathered(self, instrument: str, epochs: Epochs) -> Recorded:
        found: Found = self._found[instrument]
        return gathered(instrument, self.partition, NOTHING, found, epochs)

    def proven(self) -> Known:
        """Return what is known once all this is proven."""
        marks = {} if self.known is None else dict(self.known.marks)
        marks |= {name: Mark(mark.version, mark.trades_offset) for name, (_, mark) in self._last.items()}
        begins = {**self._begins, "checkpoints": min((at for at, _ in self._last.values()), default=0)}
        return Known(begins, self._ends, marks, self._epochs_before(begins))

    def _epochs_before(self, begins: Mapping[str, int]) -> Epochs:
        """Return the highest epochs before these offsets: of what is read again, earlier ones count again."""
        epochs: Epochs = {} if self.known is None else dict(self.known.epochs)
        for instrument, kinds in self._found.items():
            for kind, found in kinds.items():
                for record in (record for offset, record in found if offset < begins.get(TOPIC_OF[kind], 0)):
                    name = epoch_name(kind, owner_of(record), instrument)
                    epochs[name] = max(epochs.get(name, 0), record.epoch)
        return epochs
