"""A hole in the trades of an instrument that is being asked for, and where its ids began anew."""

from dataclasses import dataclass, field
from typing import NamedTuple

from producers.adapter import Hole
from producers.id_spans import Span
from schemas.records import Trade


class Anew(NamedTuple):
    """Ids that began anew: the newest trade before, and the first one since."""

    newest: int
    newest_time: int
    first: int
    first_time: int


@dataclass(eq=False, slots=True)
class OpenHole:
    """Trades that are being asked for; the bounds of `hole` move on with what was told."""

    hole: Hole
    opened: float
    """Seconds of the session's clock; while the topic is read, so many trades before it."""
    holding: bool
    first_id: int
    """The first id that was missing at the beginning."""
    first_time: int = 0
    """The time of the trade before it."""
    opened_us: int = 0
    """Microseconds since the epoch."""
    had: dict[int, Trade | None] = field(default_factory=dict)
    """Trades in it that came by themselves; `None` for one that is published already."""
    filled: int = 0
    absent: list[Span] = field(default_factory=list)
    """What the exchange does not have."""
    beginning: bool = False
    """Whether it is before the first trade since ids began anew: nobody knows whether there were any."""
    due: float = 0
    """Not to be asked for before."""
    asked: bool = False
    """Whether people want it, however large it is."""
    fruitless: int = 0
    """Answers in a row that told nothing."""
    unread: str | None = None
    """Why something of what the exchange told could not be read."""
    counted: bool = False
    """Whether it is known which of its trades were published."""
    check: bool = False
    """Whether nobody knows that anything is missing: it is looked whether all came."""

    @property
    def last_id(self) -> int:
        """The last id that is missing."""
        return self.hole.before_id - 1

    @property
    def told(self) -> bool:
        """Whether there is nothing left to ask."""
        return self.hole.after_id >= self.last_id

    @property
    def lost(self) -> int:
        """The number of trades that the exchange does not have."""
        return sum(last - first + 1 for first, last in self.absent)
