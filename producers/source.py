"""What every source of trades gives: batches of trades and of what was no trade, in the order of arrival."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from schemas.records import Trade


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Something a source received that is no trade and none of its protocol; goes to the dead letters.

    `origin` names the source, for a file with the line.
    """

    origin: str
    raw: bytes
    error: str


Event = Trade | BadFrame
"""Gaps and steps back in the trade ids are found behind the source, in one way for all (`producers.sequence`)."""


class Source(Protocol):
    """A source of trades."""

    def events(self) -> AsyncIterator[list[Event]]:
        """Batches, none empty, until the source is exhausted or closed. To be iterated once."""
        ...
