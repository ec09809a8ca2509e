"""What a leader and a book write down to be replayed: the records of `applied` and `checkpoints`.

Units are those of `schemas.records`.
"""

import msgspec

from schemas.errors import Refused
from schemas.records import Decided, Instrument, Settings

LEADER, BOOK = "trading", "exchange"
"""Those who keep a journal, by the agent that they belong to."""


class Applied(Decided, kw_only=True, frozen=True):
    """The journal of a leader or a book: one input that changed it, and after which trade.

    A leader takes fills and changes of instrument or settings, a book orders and changes of instrument, of settings or
    of the terms of the exchange. Those that no topic keeps are here as JSON.
    """

    agent: str = LEADER
    """Whose journal it is."""
    version: int
    input_topic: str
    input_partition: int
    input_offset: int
    trades_offset: int
    settings: str | None = None
    instrument_taken: str | None = None
    terms: str | None = None
    incarnation: str | None = None
    """Under which the orders placed after this are named, where it was taken."""
    ruleset: int | None = None
    """By which rules a leader decides from here on, see `streams.trading.ruleset`."""
    topic_id: str | None = None
    """Of the topic of the input, where that was made anew: offsets of it in later records are in this one."""

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no such record may have."""
        super().check()
        for field, kind in (("settings", Settings), ("instrument_taken", Instrument)):
            value = getattr(self, field)
            try:
                if value is not None:
                    msgspec.json.decode(value, type=kind)
            except msgspec.DecodeError as error:
                raise Refused(f"{field}: {value!r} is no {kind.__name__}: {error}") from None


class Checkpoint(Decided, kw_only=True, frozen=True):
    """The state of a leader or a book, from which what came after it can be replayed."""

    agent: str
    """Whose state it is."""
    version: int
    """That of the last record that it had made."""
    input_partition: int
    trades_offset: int
    """The last trade that it had looked at."""
    layout: str
    """Which fields a state has: one of another layout is not read."""
    state: bytes
    """As JSON."""
    made_anew: str | None = None
    """The topic, without prefix, that was made anew and is why this was sent: no replay goes back beyond it."""
