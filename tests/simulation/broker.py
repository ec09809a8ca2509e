"""A broker in memory: logs with offsets, one consumer group with generations, compaction, retention.

It answers at once and loses nothing. What goes wrong, and when, is decided on the way to it (`network.py`), so that
the broker itself stays the one thing in a run that can be trusted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from faust.types import TP

SESSION_S = 6.0
"""A member that was not heard of for so long has left the group."""


class Fenced(Exception):
    """A commit under a generation of the group that is over."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a log, with the names that the Kafka client gives its fields."""

    offset: int
    key: bytes | None
    value: bytes | None
    time: float
    writer: str


@dataclass
class Log:
    """One partition. Its offsets have holes once it was compacted."""

    records: list[Record] = field(default_factory=list)
    start: int = 0
    end: int = 0

    def append(self, key: bytes | None, value: bytes | None, time: float, writer: str) -> int:
        """Write a record; its offset."""
        self.records.append(Record(self.end, key, value, time, writer))
        self.end += 1
        return self.end - 1

    def read(self, offset: int, most: int) -> list[Record]:
        """Up to `most` records from an offset on; from the first that there is, where that one was trimmed."""
        first = next((i for i, record in enumerate(self.records) if record.offset >= offset), len(self.records))
        return self.records[first : first + most]

    def compact(self, before: float) -> None:
        """Keep the last record of each key, and all that are not older than `before` seconds."""
        last = {record.key: record.offset for record in self.records}
        self.records = [r for r in self.records if r.time >= before or last[r.key] == r.offset]

    def trim(self, offset: int) -> None:
        """Delete everything before an offset, as retention does."""
        self.start = max(self.start, min(offset, self.end))
        self.records = [record for record in self.records if record.offset >= self.start]


class Broker:
    """All logs, and the group of the workers."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.logs: defaultdict[TP, Log] = defaultdict(Log)
        self.group = Group(partitions)

    def append(self, tp: TP, key: bytes | None, value: bytes | None, time: float, writer: str) -> int:
        """Write one record; its offset."""
        return self.logs[tp].append(key, value, time, writer)

    def all_of(self, topic: str) -> Iterator[tuple[TP, Record]]:
        """Every record of a topic, partition by partition."""
        for number in range(self.partitions):
            tp = TP(topic, number)
            for record in self.logs[tp].records:
                yield tp, record


class Group:
    """The consumer group: who is in it, under which generation, who has which partitions, what is committed.

    A change of members is two steps, as Kafka's is: all members that are heard of give up what they have, then a new
    generation begins. A member that is not heard of is not waited for.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.generation = 0
        self.heard: dict[str, float] = {}
        self.assigned: dict[str, list[int]] = {}
        self.committed: dict[TP, int] = {}

    def hear(self, member: str, now: float) -> bool:
        """A heartbeat; whether the member is still in the group."""
        if member in self.heard:
            self.heard[member] = now
        return member in self.heard

    def expired(self, now: float) -> list[str]:
        """The members that were not heard of for a session."""
        return [member for member, heard in self.heard.items() if now - heard > SESSION_S]

    def join(self, members: Iterable[str], now: float) -> int:
        """Begin a generation with these members, the partitions dealt out in turn; its number."""
        ordered = sorted(members)
        self.generation += 1
        self.heard = dict.fromkeys(ordered, now)
        self.assigned = {member: list(range(i, self._partitions, len(ordered))) for i, member in enumerate(ordered)}
        return self.generation

    def commit(self, offsets: dict[TP, int], generation: int) -> None:
        """Commit offsets; `Fenced` under a generation that is over."""
        if generation != self.generation:
            raise Fenced(f"generation {generation}, the group is at {self.generation}")
        self.committed.update(offsets)
