"""Cuts what was recorded of a leader or a book into stretches that are proven each by itself, several at once.

Pure, like `streams.audit.chains`, which proves them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from schemas.journal_records import BOOK, LEADER, Applied, Checkpoint
from schemas.records import Fill, Order, OrderStatus, Record
from streams.audit.books import Unproven
from streams.audit.chains import STATES, Chain, prove
from streams.audit.differences import Difference, Versioned, in_order, without_epoch
from streams.audit.journal import Recorded
from streams.trading.book import Tape
from streams.trading.checkpoints import LAYOUTS, REPLAYED
from streams.trading.matching import UNBOUNDED

Start = Checkpoint | None
"""Where a proof begins; `None` for a leader or a book that has seen nothing."""


class Retained(NamedTuple):
    """The first offsets of a partition that are still there; 0 where nothing is gone."""

    trades: int = 0
    orders: int = 0
    applied: int = 0
    fills: int = 0


WHOLE = Retained()


class _Positions(msgspec.Struct):
    orders_offset: int = -1


_positions = msgspec.json.Decoder(_Positions).decode


class Anew(NamedTuple):
    """A topic that was made anew, and the version of the journal entry that says so."""

    version: int
    topic: str


@dataclass
class Subject:
    """Everything recorded of one leader or book, and what is wrong with it at first sight."""

    instrument: str
    agent: str
    partition: int
    journal: list[Applied]
    recorded: dict[int, Record]
    """By version, without epochs; of one that was repeated the first."""
    marks: dict[int, Checkpoint]
    """The checkpoints that can be read, by offset."""
    topics: dict[str, int]
    """Of each topic with records of its own the lowest version."""
    fills: Mapping[int, Fill] = field(default_factory=dict)
    orders: Mapping[int, Order] = field(default_factory=dict)
    earlier: int = 0
    """How many reports there are from before a book had a journal."""
    late: bool = False
    """Whether a book had taken orders before it had a journal."""
    differences: list[Difference] = field(default_factory=list)

    repeats: int = 0
    """How many records came more than once."""
    anew: Anew | None = None
    """The last topic that was made anew: nothing before can be replayed."""

    def order_ids(self, above: int) -> set[str]:
        """Return the ids of the orders with a snapshot above a version."""
        made = self.recorded.items()
        return {found.client_order_id for version, found in made if version > above and isinstance(found, Order)}

    @property
    def ordered(self) -> list[Checkpoint]:
        """Return the checkpoints in the order of the replay."""
        return sorted(self.marks.values(), key=lambda mark: (mark.version, mark.trades_offset))


def subjects(recorded: Recorded) -> Iterator[Subject]:
    """Return the leader of an instrument and its book, as far as there is anything about them."""
    orders: list[Versioned] = list(recorded.orders)
    if orders or recorded.journal or recorded.checkpoints:
        yield _subject(recorded, LEADER, {"orders": orders, "applied": recorded.journal}, recorded.checkpoints)
    if recorded.book is None:
        return
    fills = recorded.book.fills
    at = next((at for at, fill in enumerate(fills) if fill.version), len(fills))
    subject = _subject(
        recorded, BOOK, {"fills": fills[at:], "applied": recorded.book.journal}, recorded.book.checkpoints
    )
    subject.orders, subject.fills = recorded.book.orders, {}
    subject.late = _is_late(subject, recorded.book.checkpoints.values(), at > 0)
    if subject.late:
        subject.earlier = len({fill.fill_id for fill in fills[:at]})
    elif at:
        subject.differences += [Difference(subject.instrument, 0, fill, None, BOOK) for fill in fills[:at]]
    if subject.recorded or subject.orders or subject.marks or at:
        yield subject


def _subject(
    recorded: Recorded, agent: str, made: Mapping[str, Sequence[Versioned]], checkpoints: Mapping[int, Checkpoint]
) -> Subject:
    subject = Subject(
        instrument=recorded.instrument,
        agent=agent,
        partition=recorded.partition,
        journal=in_order(record for record in made["applied"] if isinstance(record, Applied)),
        recorded={},
        marks={at: mark for at, mark in checkpoints.items() if mark.layout == LAYOUTS[STATES[agent]]},
        topics={topic: min(record.version for record in records) for topic, records in made.items() if records},
        fills=recorded.fills,
    )
    subject.anew = _anew(subject.journal, checkpoints.values())
    for record in (without_epoch(record) for records in made.values() for record in records):
        if record.version < 1:
            subject.differences.append(Difference(subject.instrument, record.version, record, None, agent))
            continue
        subject.repeats += record.version in subject.recorded
        first = subject.recorded.setdefault(record.version, record)
        if first != record:
            subject.differences.append(Difference(subject.instrument, record.version, record, first, agent))
    return subject


def _anew(journal: Iterable[Applied], marks: Iterable[Checkpoint]) -> Anew | None:
    """Return the last topic that was made anew of those that a replay reads; the journal itself may be one of them."""
    found = [Anew(entry.version, entry.input_topic) for entry in journal if entry.topic_id is not None]
    found += [Anew(mark.version, mark.made_anew) for mark in marks if mark.made_anew is not None]
    return max((anew for anew in found if anew.topic in REPLAYED), default=None)


def _is_late(subject: Subject, checkpoints: Iterable[Checkpoint], has_earlier: bool) -> bool:
    """Return whether a book is from before there were journals; its own begins with a checkpoint, if it has one yet."""
    taken = [entry.input_offset for entry in subject.journal if entry.input_topic == "orders"]
    first = min(taken, default=None)
    new = [offset for offset, order in subject.orders.items() if order.status is OrderStatus.NEW]
    unknown = has_earlier or any(first is None or offset < first for offset in new)
    if not subject.recorded:
        return unknown
    return unknown and any(mark.version == 0 for mark in checkpoints)


def provable(subject: Subject, retained: Retained) -> list[Start]:
    """Return where a proof may begin, the earliest first; nothing where it can begin nowhere."""
    trimmed = [subject.topics[topic] for topic in subject.topics if getattr(retained, topic)]
    lowest = max(trimmed, default=1)
    inputs = {"fills": retained.fills, "orders": retained.orders}
    lost = [entry.version for entry in subject.journal if 0 <= entry.input_offset < inputs.get(entry.input_topic, 0)]
    needed = max([lowest - 1, *lost, _told_from(subject, retained), subject.anew.version if subject.anew else 0])
    marks = [mark for mark in subject.ordered if mark.version >= needed and mark.trades_offset + 1 >= retained.trades]
    seen = subject.journal[0].trades_offset + 1 if subject.journal else 0
    fresh = not subject.late and needed == 0 and seen >= retained.trades
    return _with_snapshots(subject, [None, *marks] if fresh else [*marks], retained)


def _with_snapshots(subject: Subject, starts: list[Start], retained: Retained) -> list[Start]:
    """Return those after which all snapshots of orders are there that a book took up to its last checkpoint.

    Those that changed nothing but which versions it has seen are not in its journal, so that does not say.
    """
    if subject.agent == LEADER or not retained.orders:
        return starts
    last = max((_taken(mark) for mark in subject.marks.values()), default=-1)
    return [start for start in starts if _taken(start) >= min(last, retained.orders - 1)]


def _taken(start: Start) -> int:
    """Return the last snapshot of an order that a state had seen, -1 for none."""
    return -1 if start is None else _positions(start.state).orders_offset


def _is_untold(subject: Subject, retained: Retained) -> bool:
    """Return whether all may have expired that it ever wrote into one of its topics: nothing says how much it was."""
    made = ("orders" if subject.agent == LEADER else "fills", "applied")
    return any(getattr(retained, topic) and topic not in subject.topics for topic in made)


def _told_from(subject: Subject, retained: Retained) -> int:
    """Return the last version of which nothing is left, where a topic has nothing left; 0 else."""
    if not _is_untold(subject, retained):
        return 0
    last = max([*subject.recorded, *(mark.version for mark in subject.marks.values())], default=0)
    return next((version for version in range(last, 0, -1) if version not in subject.recorded), 0)


def unproven(subject: Subject, begin: Start, end: int) -> Unproven:
    """Return what a proof that begins as early as possible leaves out; `end` is that of the trades."""
    before = end if begin is None else begin.trades_offset + 1
    return Unproven(subject.instrument, before, subject.earlier, subject.agent)


def cut(subject: Subject, begin: Start, width: int, retained: Retained = WHOLE) -> list[Chain]:
    """Return the chains of a subject from a checkpoint on, which end with the first one after each `width` trades."""
    marks = [mark for mark in subject.ordered if begin is None or _place(mark) > _place(begin)]
    cutter, chains, start, passed = _Cutter(subject), list[Chain](), begin, list[Checkpoint]()
    for mark in marks:
        passed.append(mark)
        if _window(mark, width) != _window(start, width):
            chains.append(cutter.chain(start, passed, ends=True))
            start, passed = mark, []
    chains.append(replace(cutter.chain(start, passed, ends=False), untold=_is_untold(subject, retained)))
    # Nobody looks at trades before there is somebody to look: whole windows of them are not read.
    if chains[0].start is None and subject.journal:
        chains[0] = replace(chains[0], first=max(subject.journal[0].trades_offset, 0) // width * width)
    return chains


class _Cutter:
    """Makes the chains of one subject."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._versions = sorted(subject.recorded)
        self._entries = [entry.version for entry in subject.journal]
        self._orders = sorted(subject.orders)

    def chain(self, start: Start, marks: list[Checkpoint], ends: bool) -> Chain:
        """Return the chain from one checkpoint over others to the last of them, or to the end of the topics."""
        subject = self._subject
        above, seen = 0 if start is None else start.version, _taken(start)
        upto = (marks[-1].version, _taken(marks[-1])) if ends else (UNBOUNDED, UNBOUNDED)
        entries = subject.journal[_between(self._entries, above, upto[0])]
        taken = (entry.input_offset for entry in entries if entry.input_topic == "fills")
        return Chain(
            instrument=subject.instrument,
            agent=subject.agent,
            partition=subject.partition,
            start=start,
            entries=entries,
            marks=marks,
            ends=ends,
            recorded={v: subject.recorded[v] for v in self._versions[_between(self._versions, above, upto[0])]},
            first=0 if start is None else start.trades_offset + 1,
            fills={offset: subject.fills[offset] for offset in taken if offset in subject.fills},
            orders={at: subject.orders[at] for at in self._orders[_between(self._orders, seen, upto[1])]},
        )


def _between(numbers: Sequence[int], above: int, upto: int) -> slice:
    """Return where the numbers above the first and up to the second are."""
    return slice(bisect_right(numbers, above), bisect_right(numbers, upto))


def _place(mark: Checkpoint) -> tuple[int, int]:
    return mark.version, mark.trades_offset


def _window(start: Start, width: int) -> int:
    return 0 if start is None else (start.trades_offset + 1) // width


@dataclass
class Task:
    """Chains of one partition that need the same trades, from the offset `first` to before `end`."""

    partition: int
    chains: list[Chain]
    first: int
    end: int


def tasks(chains: Iterable[Chain], width: int, retained: int, end: int) -> list[Task]:
    """Return the chains of a partition by the trades that they need; it has those from `retained` to before `end`."""
    groups: dict[tuple[int, int | None], list[Chain]] = {}
    for chain in chains:
        window = None if chain.last is None else (chain.last + 1) // width
        groups.setdefault((chain.first // width, window), []).append(chain)
    found = []
    for group in groups.values():
        lasts = [end - 1 if chain.last is None else chain.last for chain in group]
        first = max(min(chain.first for chain in group), retained)
        found.append(Task(group[0].partition, group, first, min(max(lasts) + 1, end)))
    return found


def prove_whole(recorded: Recorded, tape: Tape) -> tuple[list[Difference], list[Unproven]]:
    """Return the differences of an instrument, and what cannot be proven, where all its trades are there."""
    differences, left = list[Difference](), list[Unproven]()
    for subject in subjects(recorded):
        differences += subject.differences
        begins = provable(subject, Retained())
        if not begins or begins[0] is not None:
            end = int(tape.offsets[-1]) + 1 if len(tape.offsets) else 0
            left.append(unproven(subject, begins[0] if begins else None, end))
        if begins:
            differences += [found for chain in cut(subject, begins[0], UNBOUNDED) for found in prove(chain, tape)]
    return differences, left
