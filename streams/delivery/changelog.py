"""Whose word counts in a changelog: the value of the highest epoch and revision, wherever it stands.

A worker that was frozen and goes on may store a state after its successor has. Its epoch is lower, so whoever reads the
changelog passes it over; and an owner that sees a record which it did not write stores its own states again, so that
the late one is not the newest when the earlier ones have been compacted away.
"""

from collections import defaultdict
from collections.abc import Iterable, MutableMapping, Sequence
from typing import NamedTuple

import msgspec


class Place(NamedTuple):
    """Which of two stored values of a key counts: the higher."""

    epoch: int = 0
    revision: int = 0
    """How often the state was stored."""


class _Placed(msgspec.Struct):
    epoch: int = 0
    revision: int = 0


_decode = msgspec.json.Decoder(_Placed).decode


def place_of(value: bytes) -> Place:
    """Return the place of a stored value; the lowest for one from before epochs, and for what is no state."""
    try:
        placed = _decode(value)
    except msgspec.DecodeError:
        return Place()
    return Place(placed.epoch, placed.revision)


def supersedes(value: bytes, kept: bytes | None) -> bool:
    """Return whether a value that comes later in the changelog counts in place of the one kept so far."""
    return kept is None or place_of(value) >= place_of(kept)


def keep_newest(kept: MutableMapping[bytes, bytes], records: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Fold records of a changelog, in its order, into the value that counts of each key; `None` removes one."""
    for key, value in records:
        if value is None:
            kept.pop(key, None)
        elif supersedes(value, kept.get(key)):
            kept[key] = value


class Changelog:
    """How far the partitions of a changelog are known to their owner, and which keys they have."""

    def __init__(self) -> None:
        self._ends: defaultdict[int, int] = defaultdict(int)
        self._keys: defaultdict[int, set[bytes]] = defaultdict(set)
        self._foreign: set[int] = set()

    def read(self, partition: int, offset: int, *keys: bytes) -> None:
        """Note that recovery has read records of these keys, the last one at this offset."""
        self._ends[partition] = max(self._ends[partition], offset + 1)
        self._keys[partition].update(keys)

    def wrote(self, partition: int, offsets: Sequence[int], keys: Iterable[bytes]) -> None:
        """Note records of our own that the broker has acknowledged at these offsets."""
        if sorted(offsets) != list(range(self._ends[partition], self._ends[partition] + len(offsets))):
            self._foreign.add(partition)
        self._ends[partition] = max(self._ends[partition], *(offset + 1 for offset in offsets))
        self._keys[partition].update(keys)

    def ends_at(self, partition: int, end: int) -> None:
        """Note where the broker says that a partition ends, while nothing of our own is under way."""
        if end > self._ends[partition]:
            self._foreign.add(partition)
            self._ends[partition] = end

    def is_beyond(self, partition: int, end: int) -> bool:
        """Return whether an end of a partition lies after what is known of it."""
        return end > self._ends[partition]

    def take_foreign(self, partition: int) -> bool:
        """Return whether somebody else has written into a partition since this was asked last."""
        found = partition in self._foreign
        self._foreign.discard(partition)
        return found

    def keys(self, partition: int) -> list[bytes]:
        """Return the keys of a partition."""
        return sorted(self._keys[partition])
