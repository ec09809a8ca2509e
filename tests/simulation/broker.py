"""A broker in memory: logs with offsets, one consumer group with generations, and compaction.

It answers at once and loses nothing. What goes wrong, and when, is decided on the way to it (`network.py`), so that
the broker itself stays the one thing in a run that can be trusted.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from operator import attrgetter
from zlib import crc32

from faust.types import TP

from streams.delivery.changelog import keep_newest


@dataclass(slots=True)
class Record:
    """One record of a log, with the names that the Kafka client gives its fields."""

    offset: int
    key: bytes
    value: bytes
    time: float
    writer: str
    number: int
    """Its place among all records of all logs."""

    @property
    def timestamp(self) -> int:
        return int(self.time * 1_000)


@dataclass
class Log:
    """One partition. What is read has holes in its offsets once it was compacted; `history` has everything."""

    records: list[Record] = field(default_factory=list)
    history: list[Record] = field(default_factory=list)
    first: int = 0
    """The offset from which on nothing has expired."""

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return len(self.history)

    @property
    def retained(self) -> list[Record]:
        """What has not expired, whether it was compacted away or not."""
        return self.history[self.first :]

    def read(self, offset: int, most: int) -> list[Record]:
        """Up to `most` records from an offset on."""
        first = bisect_left(self.records, offset, key=attrgetter("offset"))
        return self.records[first : first + most]

    def compact(self, before: float) -> None:
        """Keep the last record of each key, and all that are not older than `before` seconds."""
        last = {record.key: record.offset for record in self.records}
        self.records = [r for r in self.records if r.time >= before or last[r.key] == r.offset]

    def truncate(self, first: int) -> None:
        """Let what stands before an offset expire."""
        self.first = max(self.first, first)
        self.records = [record for record in self.records if record.offset >= self.first]


class Broker:
    """All logs. `committed` is what the group of the workers has committed."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.logs: defaultdict[TP, Log] = defaultdict(Log)
        self.committed: dict[TP, int] = {}
        self.gone: list[tuple[str, Log, int]] = []
        """The partitions of topics that were deleted: the topic, and what the group had committed of each."""
        self.incarnations: Counter[str] = Counter()
        """How often each topic was made anew."""
        self._appended = 0

    def append(self, topic: str, partition: int | None, key: bytes, value: bytes, time: float, writer: str) -> Record:
        """Write one record, into the partition of its key where none is named."""
        log = self.logs[TP(topic, crc32(key) % self.partitions if partition is None else partition)]
        record = Record(log.end, key, value, time, writer, self._appended)
        self._appended += 1
        log.records.append(record)
        log.history.append(record)
        return record

    def make_anew(self, topic: str) -> None:
        """Delete a topic and make it again. What was committed of it goes with it."""
        self.incarnations[topic] += 1
        for number in range(self.partitions):
            tp = TP(topic, number)
            self.gone.append((topic, self.logs.pop(tp, Log()), self.committed.pop(tp, 0)))

    def history(self, topic: str) -> list[Record]:
        """Every record of a topic that there ever was, in the order in which they were written."""
        logs = [self.logs[TP(topic, number)] for number in range(self.partitions)]
        logs += [log for name, log, _ in self.gone if name == topic]
        return sorted((record for log in logs for record in log.history), key=attrgetter("number"))

    def retained(self, topic: str) -> list[Record]:
        """The records of a topic as it is today that have not expired."""
        return [record for number in range(self.partitions) for record in self.logs[TP(topic, number)].retained]

    def newest(self, changelog: str) -> dict[bytes, bytes]:
        """The value that counts of each key."""
        found: dict[bytes, bytes] = {}
        keep_newest(found, ((record.key, record.value) for record in self.history(changelog)))
        return found
