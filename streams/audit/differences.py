"""Where what was recorded and what a replay gives are not the same: version by version, field by field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from schemas.journal_records import LEADER, Applied
from schemas.records import Decided, Fill, Order, Record

D = TypeVar("D", bound=Decided)
Versioned = Order | Applied | Fill


@dataclass(frozen=True)
class Difference:
    """One version of an instrument's records that is not what the replay gives; `None` where there is none."""

    instrument: str
    version: int
    recorded: Record | None
    refolded: Record | None
    agent: str = LEADER
    """Whose versions these are."""


def counting(found: Iterable[tuple[int, D]], epoch: int = 0) -> dict[int, D]:
    """Return the records of one topic that count, by offset: without those of a lower epoch than one before them.

    `found` are offsets and records of one instrument in the order of its partition, `epoch` the highest of what came
    before. Every reader drops the same.
    """
    counted = {}
    for offset, record in found:
        if record.epoch >= epoch:
            counted[offset], epoch = record, record.epoch
    return counted


def compare_records(
    instrument: str, agent: str, recorded: Iterable[Versioned], refolded: Mapping[int, Record]
) -> list[Difference]:
    """Return where the records of an agent and those that the replay gives, by version, differ.

    One that was repeated with another content is a difference, too. Epochs are left out: who decided something is not
    what was decided.
    """
    found: dict[int, Record] = {}
    differences = []
    for record in map(without_epoch, recorded):
        version = record.version
        if found.setdefault(version, record) != record:
            differences.append(Difference(instrument, version, record, found[version], agent))
    for version in sorted(refolded.keys() | found.keys()):
        if refolded.get(version) != found.get(version):
            differences.append(Difference(instrument, version, found.get(version), refolded.get(version), agent))
    return differences


def in_order(journal: Iterable[Applied]) -> list[Applied]:
    """Return a journal in the order of its versions, each once: an entry may be sent twice."""
    unique: dict[int, Applied] = {}
    for entry in journal:
        unique.setdefault(entry.version, entry)
    return [unique[version] for version in sorted(unique)]


def by_version(made: Iterable[Record]) -> dict[int, Record]:
    """Return what a leader or a book has made, by version."""
    return {version_of(record): record for record in made}


def version_of(record: Record) -> int:
    """Return the place of a record among all that its leader or book has made."""
    assert isinstance(record, Versioned)
    return record.version


def without_epoch(record: Versioned) -> Versioned:
    """Return a record as it is whoever decided it."""
    return msgspec.structs.replace(record, epoch=0) if record.epoch else record
