"""The audit: reads what was recorded, replays it, and says where the two differ.

It is the referee of every fault test: whatever was killed and started again, the recorded inputs must give the
recorded orders, and the recorded orders and trades the recorded fills.

What leaders and books made is read a partition at a time and has to fit into memory; the trades are read in stretches
from checkpoint to checkpoint, several at once.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from infra.config import Config
from schemas import topics
from schemas.journal_records import LEADER, Checkpoint
from streams.audit.books import Unproven
from streams.audit.decisions import Decisions, Known
from streams.audit.differences import Difference
from streams.audit.proving import prove_all
from streams.audit.reader import Recordings
from streams.audit.stretches import Start, Subject, Task, cut, provable, subjects, tasks, unproven
from streams.topics.consume import Consuming

WIDTH = 1_000_000
"""A task reads about so many trades of its partition."""


@dataclass
class Audit:
    """What was compared.

    `trades`, `fills`, `settings` and `seeds` (what the exchange says, as `hedgehog settings seed` wrote it) are the
    inputs; `orders` counts orders, `snapshots` the records about them, `reports` the fills that books were proven to
    have made, `journal` the entries of the leaders and `book_journal` those of the books, each once. Repeats are
    records sent more than once, with the same content; superseded are those of an epoch that was over, which every
    reader drops. `unproven` are not differences: nobody recorded what these had taken, or it is gone. `made_anew` names
    by instrument the topic that was deleted and made anew last: the proof begins there, what was recorded before cannot
    be replayed.
    """

    instruments: int = 0
    trades: int = 0
    fills: int = 0
    settings: int = 0
    seeds: int = 0
    orders: int = 0
    snapshots: int = 0
    journal: int = 0
    reports: int = 0
    book_journal: int = 0
    repeats: int = 0
    superseded: int = 0
    differences: list[Difference] = field(default_factory=list)
    unproven: list[Unproven] = field(default_factory=list)
    made_anew: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.differences

    def count(self, subject: Subject, begin: Start) -> None:
        """Count what is proven of a leader or a book from here on."""
        above = 0 if begin is None else begin.version
        journal = [entry for entry in subject.journal if entry.version > above]
        made = len([version for version in subject.recorded if version > above]) - len(journal)
        self.repeats += subject.repeats
        if subject.agent != LEADER:
            self.reports += made
            self.book_journal += len(journal)
            return
        self.instruments += 1
        self.fills += len(subject.fills)
        self.settings += sum(entry.settings is not None for entry in journal)
        self.seeds += sum(entry.instrument_taken is not None for entry in journal)
        self.orders += len(subject.order_ids(above))
        self.snapshots += made
        self.journal += len(journal)


@dataclass(frozen=True)
class Asked:
    """What is to be proven: of some instruments (`exchange:SYMBOL`), since a time (µs), or what is not known yet."""

    instruments: Collection[str] | None = None
    since: int | None = None
    known: dict[int, Known] = field(default_factory=dict)
    """By partition; nothing where all is to be proven."""


def audit(config: Config, asked: Asked = Asked(), proven: dict[int, Known] | None = None) -> Audit:
    """Replay what was recorded under this configuration's topics and compare it with what was recorded.

    The pipeline should be at rest: a trade that no worker has seen yet counts as seen. What is known of the partitions
    without a difference is put into `proven`.
    """
    result = Audit()
    work = _Work(config, asked, result)
    failed = set()
    for partition, (differences, trades) in prove_all(config, work.tasks(), work.trades()):
        result.differences += differences
        result.trades += trades
        failed |= {partition} if differences else set()
    for partition, decisions in work.done.items():
        if proven is not None and partition not in failed and not work.unproven[partition]:
            proven[partition] = decisions.proven()
    result.differences.sort(key=lambda found: (found.instrument, found.agent, found.version))
    return result


class _Work:
    """Reads what is to be proven and makes tasks of it."""

    def __init__(self, config: Config, asked: Asked, result: Audit) -> None:
        self._config = config
        self._asked = asked
        self._result = result
        self._recordings = Recordings(config, asked.instruments)
        self._since = self._recordings.written_since(asked.since)
        self.done: dict[int, Decisions] = {}
        self.unproven: dict[int, bool] = {}

    def trades(self) -> int:
        """Return about how many trades there are to be read."""
        found = 0
        for partition in self._recordings.partitions():
            first, end = self._recordings.span(topics.TRADES, partition)
            known = self._asked.known.get(partition)
            marks = known.marks.values() if known else ()
            found += end - max(first, min((mark.trades_offset + 1 for mark in marks), default=first))
        return found

    def tasks(self) -> Iterator[Task]:
        """Yield the tasks of all partitions, which are read one after the other."""
        with Consuming(self._config) as consuming:
            for partition in self._recordings.partitions():
                decisions = self._recordings.decided(consuming, partition, self._asked.known.get(partition))
                if decisions.is_stale():
                    decisions = self._recordings.decided(consuming, partition)
                self.done[partition] = decisions
                yield from self._tasks(partition, decisions)

    def _tasks(self, partition: int, decisions: Decisions) -> list[Task]:
        chains = []
        first, end = self._recordings.span(topics.TRADES, partition)
        self.unproven[partition] = False
        for recorded in decisions.recorded():
            self._result.superseded += recorded.superseded
            for subject in subjects(recorded):
                if subject.anew is not None:
                    self._result.made_anew[recorded.instrument] = subject.anew.topic
                self._result.differences += subject.differences
                self.unproven[partition] |= bool(subject.differences)
                begins = self._begins(subject, decisions)
                if not begins:
                    self._result.unproven.append(unproven(subject, None, end))
                    continue
                self._result.count(subject, begins[0])
                chains += cut(subject, begins[0], WIDTH, self._recordings.retained(partition))
        return tasks(chains, WIDTH, first, end)

    def _begins(self, subject: Subject, decisions: Decisions) -> list[Start]:
        """Return where the proof of a subject begins, and where else it could."""
        mark = decisions.mark_of(subject)
        if mark is not None:
            return [mark]
        begins = provable(subject, self._recordings.retained(subject.partition))
        if begins and begins[0] is not None and not _is_anew(subject, begins[0]):
            _, end = self._recordings.span(topics.TRADES, subject.partition)
            self._result.unproven.append(unproven(subject, begins[0], end))
        since = self._since.get(subject.partition)
        later = [] if since is None else [at for at, each in subject.marks.items() if at < since and each in begins]
        return [subject.marks[max(later)]] if later else begins


def _is_anew(subject: Subject, begin: Checkpoint) -> bool:
    """Return whether a proof begins as soon as it can after a topic was made anew."""
    return subject.anew is not None and subject.anew.version == begin.version
