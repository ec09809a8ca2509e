"""A broker in memory: logs with offsets, one consumer group with generations, and compaction.

It answers at once and loses nothing. What goes wrong, and when, is decided on the way to it (`network.py`), so that
the broker itself stays the one thing in a run that can be trusted.
"""

from bisect import bisect_left
from collections import defaultdict
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


@dataclass
class Log:
    """One partition. What is read has holes in its offsets once it was compacted; `history` has everything."""

    records: list[Record] = field(default_factory=list)
    history: list[Record] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return len(self.history)

    def read(self, offset: int, most: int) -> list[Record]:
        """Up to `most` records from an offset on."""
        first = bisect_left(self.records, offset, key=attrgetter("offset"))
        return self.records[first : first + most]

    def compact(self, before: float) -> None:
        """Keep the last record of each key, and all that are not older than `before` seconds."""
        last = {record.key: record.offset for record in self.records}
        self.records = [r for r in self.records if r.time >= before or last[r.key] == r.offset]


class Broker:
    """All logs. `committed` is what the group of the workers has committed."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.logs: defaultdict[TP, Log] = defaultdict(Log)
        self.committed: dict[TP, int] = {}
        self._appended = 0

    def append(self, topic: str, partition: int | None, key: bytes, value: bytes, time: float, writer: str) -> Record:
        """Write one record, into the partition of its key where none is named."""
        log = self.logs[TP(topic, crc32(key) % self.partitions if partition is None else partition)]
        record = Record(log.end, key, value, time, writer, self._appended)
        self._appended += 1
        log.records.append(record)
        log.history.append(record)
        return record

    def history(self, topic: str) -> list[Record]:
        """Every record of a topic that there ever was, in the order in which they were written."""
        found = [record for number in range(self.partitions) for record in self.logs[TP(topic, number)].history]
        return sorted(found, key=attrgetter("number"))

    def newest(self, changelog: str) -> dict[bytes, bytes]:
        """The value that counts of each key."""
        found: dict[bytes, bytes] = {}
        keep_newest(found, ((record.key, record.value) for record in self.history(changelog)))
        return found
