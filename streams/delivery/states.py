"""The values of a changelog: the state of one instrument, how far its inputs are applied, and what it has to send.

Each says its epoch: the generation of the consumer group in which it was decided. A group that is lost begins again at
generation 1, and workers with other agents are another group; so an epoch is always higher than that of the state which
was loaded. See `streams.delivery.changelog` for what it is good for.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from infra.errors import StackError
from schemas.records import Record
from streams.delivery.changelog import Place
from streams.delivery.messages import Message

LAYOUT = 2
"""The layout that an agent begins with. What was stored before there were numbers has the layout 1."""


class State(Protocol):
    """What is asked of the state of one instrument."""

    changed: bool
    """Whether it has to be stored."""
    outbox: list[Record]
    """What its changes made and nobody has taken yet."""


S = TypeVar("S", bound=State)

Upgrade = Callable[[int, dict[str, Any]], dict[str, Any]]
"""Makes of a layout's number and a stored value, as JSON, the value in the layout of today."""


class UnreadableState(StackError):
    """A stored state has a layout that this program cannot read."""


class StoredState(msgspec.Struct, Generic[S]):
    """The value of a changelog."""

    version: int
    """The number of the layout."""
    offsets: dict[str, int]
    """The offset up to which each input is applied, by the name of the topic without prefix."""
    state: S
    outbox: list[Message]
    """What is to be sent once this is stored."""
    epoch: int = 0
    revision: int = 0
    """How often the state was stored; with the epoch its place among all values of its key."""
    topics: dict[str, str] = {}
    """The ids of the topics in which the offsets are, by name; see `streams.delivery.incarnations`."""


HEAD = ""
"""Stands for the head among the names of parts."""

P = TypeVar("P")


class StoredPart(msgspec.Struct, Generic[P]):
    """The value under the key of a part."""

    version: int
    part: P
    epoch: int = 0
    revision: int = 0


@dataclass(frozen=True)
class Split(Generic[S]):
    """How the state of an instrument is stored under several keys: most of it changes rarely.

    The head has the instrument's key, a part `instrument#name`, and the part's place is that of the head it was stored
    with. A worker may end between the two, and a frozen one may go on and leave a part beside a head of a later epoch:
    of what `take` gives in its order, cut off anywhere, `rebuild` has to make the state of the head.
    """

    head: type[Any]
    part: Any
    """The type of a part."""
    names: tuple[str, ...]
    """All that parts may have."""
    take: Callable[[S], Iterable[tuple[str, Any]]]
    """Gives, to be stored in this order, the head under the name `HEAD`, and the parts that have changed."""
    rebuild: Callable[[Any, list[Any]], S]
    """Makes a state of a head and of all parts that are stored."""
    change_all: Callable[[S], None]
    """Lets all parts have changed."""


def next_epoch(stored: int, generation: int | None) -> int:
    """Return the epoch of what a generation decides upon a state that was stored in an epoch."""
    return max(stored + 1, generation or 0)


class _Versioned(msgspec.Struct):
    version: int = 1


class StateCodec(Generic[S]):
    """Turns the stored states of one agent into bytes and back.

    `layout` is the number of the state's layout, which rises with every change of it; `upgrade` reads older ones.
    """

    def __init__(
        self,
        table: str,
        state_type: type[S],
        layout: int = LAYOUT,
        upgrade: Upgrade | None = None,
        split: Split[S] | None = None,
    ) -> None:
        self._table = table
        self._layout = layout
        self._upgrade = upgrade
        self._split = split
        self._version_of = msgspec.json.Decoder(_Versioned).decode
        stored_type: Any = split.head if split else state_type
        self._decode = msgspec.json.Decoder(StoredState[stored_type]).decode
        part_type: Any = split.part if split else Any
        self._decode_part = msgspec.json.Decoder(StoredPart[part_type]).decode
        self._parts = {name: f"#{name}".encode() for name in split.names} if split else {}
        self._marks = frozenset(self._parts.values())

    def encode(
        self,
        offsets: dict[str, int],
        state: S,
        outbox: list[Message],
        place: Place,
        topics: dict[str, str] | None = None,
    ) -> bytes:
        """Return the value to store, in the layout of today; `topics` are the ids of those that `offsets` names."""
        return msgspec.json.encode(StoredState(self._layout, offsets, state, outbox, *place, topics or {}))

    def encode_all(
        self,
        key: bytes,
        offsets: dict[str, int],
        state: S,
        outbox: list[Message],
        place: Place,
        topics: dict[str, str] | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys and values to store, in order, in the layout of today."""
        if self._split is None:
            yield key, self.encode(offsets, state, outbox, place, topics)
            return
        for name, part in self._split.take(state):
            if name == HEAD:
                value = StoredState(self._layout, offsets, part, outbox, *place, topics or {})
                yield key, msgspec.json.encode(value)
            else:
                yield key + self._parts[name], msgspec.json.encode(StoredPart(self._layout, part, *place))

    def decode(self, key: bytes, data: bytes, find: Callable[[bytes], bytes | None] = lambda _: None) -> StoredState[S]:
        """Return what is stored under a key, and what `find` gives under those of its parts.

        Raises `UnreadableState` for a layout that nobody here knows.
        """
        stored = self._decode(self._readable(key, data))
        if self._split is not None:
            found = [(key + name, value) for name in self._parts.values() if (value := find(key + name)) is not None]
            stored.state = self._split.rebuild(stored.state, [self._part(name, value) for name, value in found])
        return stored

    def is_part(self, key: bytes) -> bool:
        """Return whether what is stored under a key is a part of another one's state."""
        _, mark, name = key.rpartition(b"#")
        return mark + name in self._marks

    def change_all(self, state: S) -> None:
        """Let all of a state be stored the next time."""
        state.changed = True
        if self._split is not None:
            self._split.change_all(state)

    def _part(self, key: bytes, value: bytes) -> Any:
        try:
            stored = self._decode_part(value)
        except msgspec.ValidationError:  # perhaps of another layout
            stored = None
        if stored is None or stored.version != self._layout:
            stored = self._decode_part(self._readable(key, value))
        return stored.part

    def _readable(self, key: bytes, data: bytes) -> bytes:
        """Return a stored value in the layout of today."""
        version = self._version_of(data).version
        if version == self._layout:
            return data
        if version > self._layout or self._upgrade is None:
            raise UnreadableState(
                f"table {self._table}: the state of {key.decode(errors='replace')} has layout {version}, and this "
                f"program reads layout {self._layout}"
            )
        return msgspec.json.encode(self._upgrade(version, msgspec.json.decode(data)))
