"""The values of a changelog: the state of one instrument, how far its inputs are applied, and what it has to send.

Each says its epoch: the generation of the consumer group in which it was decided. A group that is lost begins again at
generation 1, and workers with other agents are another group; so an epoch is always higher than that of the state which
was loaded. See `streams.delivery.changelog` for what it is good for.
"""

from collections.abc import Callable
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


def next_epoch(stored: int, generation: int | None) -> int:
    """Return the epoch of what a generation decides upon a state that was stored in an epoch."""
    return max(stored + 1, generation or 0)


class _Versioned(msgspec.Struct):
    version: int = 1


class StateCodec(Generic[S]):
    """Turns the stored states of one agent into bytes and back.

    `layout` is the number of the state's layout, which rises with every change of it; `upgrade` reads older ones.
    """

    def __init__(self, table: str, state_type: type[S], layout: int = LAYOUT, upgrade: Upgrade | None = None) -> None:
        self._table = table
        self._layout = layout
        self._upgrade = upgrade
        self._version_of = msgspec.json.Decoder(_Versioned).decode
        self._decode = msgspec.json.Decoder(StoredState[state_type]).decode  # type: ignore[valid-type]

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

    def decode(self, key: bytes, data: bytes) -> StoredState[S]:
        """Return what is stored under a key. Raises `UnreadableState` for a layout that nobody here knows."""
        version = self._version_of(data).version
        if version == self._layout:
            return self._decode(data)
        if version > self._layout or self._upgrade is None:
            raise UnreadableState(
                f"table {self._table}: the state of {key.decode(errors='replace')} has layout {version}, and this "
                f"program reads layout {self._layout}"
            )
        return self._decode(msgspec.json.encode(self._upgrade(version, msgspec.json.decode(data))))
