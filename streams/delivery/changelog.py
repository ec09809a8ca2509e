"""Whose word counts in a changelog: the value of the highest epoch and revision, wherever it stands.

A worker that was frozen and goes on may store a state after its successor has. Its epoch is lower, so whoever reads the
changelog passes it over; and an owner that sees a record which it did not write stores its own states again, so that
the late one is not the newest when the earlier ones have been compacted away.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
import numpy as np

from infra.kept import kept
from schemas.columns import Bytes, Int64s


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


def keep(kept: MutableMapping[bytes, bytes], key: bytes, value: bytes | None) -> None:
    """Fold one record of a changelog into the value that counts of each key; `None` removes one."""
    if value is None:
        kept.pop(key, None)
    elif supersedes(value, kept.get(key)):
        kept[key] = value


def keep_newest(kept: MutableMapping[bytes, bytes], records: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Fold records of a changelog, in its order, as `keep` does one: some million at a start."""
    for is_removal, run in groupby(records, key=lambda record: record[1] is None):
        if is_removal:
            for key, _ in run:
                kept.pop(key, None)
        else:
            for key, place, value in _newest([(key, value or b"") for key, value in run]):
                if key not in kept or place >= place_of(kept[key]):
                    kept[key] = value


def _newest(records: Sequence[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, Place, bytes]]:
    """Yield of each key the value that counts among these records."""
    numbers: dict[bytes, int] = {}
    codes = np.array([numbers.setdefault(key, len(numbers)) for key, _ in records])
    values = [value for _, value in records]
    epochs, revisions = _places(values)
    order = np.lexsort((revisions, epochs, codes))  # which keeps the order of equals
    lasts = order[np.flatnonzero(np.diff(codes[order], append=-1))]
    for key, at in zip(numbers, lasts.tolist(), strict=True):
        yield key, Place(epochs.item(at), revisions.item(at)), values[at]


def _places(values: Sequence[bytes]) -> tuple[Int64s, Int64s]:
    """Return the epochs and the revisions that `place_of` gives."""
    ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
    epochs, revisions = np.full(len(values), -1), np.full(len(values), -1)
    _read_places(np.frombuffer(b"".join(values), np.uint8), ends, epochs, revisions)
    for at in np.flatnonzero(epochs < 0).tolist():
        epochs[at], revisions[at] = (min(number, _NUMBER_MAX) for number in place_of(values[at]))
    return epochs, revisions


_EPOCH, _REVISION, _TOPICS = (
    np.frombuffer(f',"{name}":'.encode(), np.uint8) for name in ("epoch", "revision", "topics")
)
_OPEN, _CLOSE, _ESCAPE, _ZERO = (ord(character) for character in "{}\\0")
_DIGITS_MAX, _NUMBER_MAX = 18, 10**18


@kept
def _read_places(data: Bytes, ends: Int64s, epochs: Int64s, revisions: Int64s) -> None:
    """Read the places of values that end with them, as ours do: with epoch, revision and perhaps the ids of topics.

    What comes last in an object is its own, whatever else it holds.
    """
    start = 0
    for i in range(len(ends)):
        at, first, start = ends[i] - 1, start, ends[i]
        if at <= first or data[at] != _CLOSE:
            continue
        at -= 1
        if data[at] == _CLOSE:
            at -= 1
            while at > first and data[at] != _OPEN and data[at] != _CLOSE and data[at] != _ESCAPE:
                at -= 1
            at = _before(data, first, at - 1 if data[at] == _OPEN else -1, _TOPICS)
        revision, at = _number(data, first, at)
        epoch, at = _number(data, first, _before(data, first, at, _REVISION))
        if _before(data, first, at, _EPOCH) >= first:
            epochs[i], revisions[i] = epoch, revision


@kept
def _before(data, first, at, text):  # type: ignore[no-untyped-def]
    """Return the place before a text that ends at a place, -1 where it does not."""
    begin = at - len(text) + 1
    if begin < first:
        return -1
    for i in range(len(text)):
        if data[begin + i] != text[i]:
            return -1
    return begin - 1


@kept
def _number(data, first, at):  # type: ignore[no-untyped-def]
    """Return the number that ends at a place, and the place before it; -1 where there is none."""
    value, unit, digits = 0, 1, 0
    while at >= first and digits < _DIGITS_MAX and _ZERO <= data[at] <= _ZERO + 9:
        value += (data[at] - _ZERO) * unit
        unit, at, digits = unit * 10, at - 1, digits + 1
    return value, at if digits else -1


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
