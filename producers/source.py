"""What every source of trades gives: batches of trades and of what was no trade, in the order of arrival."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from schemas.records import Trade


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A frame, a line or a message that is no trade and nothing that its source knows; goes to the dead letters.

    `origin` names the source, for a file with the line; `symbol` what the frame was of, where that can be read.
    """

    origin: str
    raw: bytes
    error: str
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Reconnected:
    """A connection was lost, and here begins what the next one brings: trades may be missing between the two."""


Event = Trade | BadRecord
"""Gaps and steps back in the trade ids are found behind the source, in one way for all (`producers.sequence`)."""


class Source(Protocol):
    """A source of trades."""

    def events(self) -> AsyncGenerator[list[Event], None]:
        """Yield batches, none empty, until the source is exhausted or closed."""
        ...
