"""What the user wants to be told of an instrument: a record of its own, changed as settings are; and when not."""

from enum import StrEnum

from schemas.errors import Refused
from schemas.records import Chosen, Keyed
from schemas.units import ONE, in_range

MINUTE_S = 60
DAY_S = 86_400


class AlertKind(StrEnum):
    """What an alert is about."""

    OFF_AVERAGE = "off-average"
    DAY_RANGE = "day-range"
    EXCHANGES_APART = "exchanges-apart"
    ORDER_FILLED = "order-filled"
    CYCLE_FINISHED = "cycle-finished"
    TRADER_REFUSED = "trader-refused"
    TRADER_HALTED = "trader-halted"
    FEED_SILENT = "feed-silent"
    GAP_STAYED = "gap-stayed"


class Watch(Chosen, kw_only=True, frozen=True):
    """What is to be told of one instrument. Without such a record its defaults hold, and it is not watched."""

    watched: bool = True
    """Whether alerts and digests of its market are told. What its traders do is told in any case."""
    kinds: str = ",".join(AlertKind)
    """The kinds of alerts that are wanted, separated by commas."""
    deviation: int = 2 * ONE // 100
    """How far off its average a price has to be, as a fraction in 1e-8."""
    apart: int = ONE // 100
    """How far from its price on another exchange a price has to be, as a fraction of that in 1e-8."""
    pair: str = ""
    """The pair under which its price is compared with those of other exchanges, such as `BTC/USD`; "": with none."""
    cooldown: int = 5 * MINUTE_S
    """For how many seconds of event time no alert follows one of its kind and direction."""
    coverage: int = DAY_S
    """For how many seconds trades must have been seen before a new high or low is told."""
    digest_minutes: int = 1
    """A digest each so many minutes; 0: none."""
    silence: int = 15 * MINUTE_S
    """After how many seconds without a trade its feed counts as silent; 0: never."""
    updated_time: int = 0
    changed: str | None = None
    """The fields that this record changes, separated by commas; `None` for all of them."""
    revision: int = 0
    """One more than that of the record that whoever wrote this one knew."""

    def check(self) -> None:
        """Raise `Refused` that names a value out of its range, a kind that there is not, or a wrong change."""
        super().check()
        in_range("deviation", self.deviation, 1, ONE - 1)
        in_range("apart", self.apart, 1, ONE - 1)
        for kind in self.wanted_kinds:
            if kind not in tuple(AlertKind):
                raise Refused(f"kinds: {kind!r} is none of {', '.join(AlertKind)}")

    @property
    def wanted_kinds(self) -> tuple[str, ...]:
        """The kinds, one by one."""
        return tuple(self.kinds.split(",")) if self.kinds else ()


ANY = "*"
"""The exchange and the symbol of a snooze that is of every instrument."""


class Snooze(Keyed, kw_only=True, frozen=True):
    """Until when nobody is told of one instrument, or of any; of two with the same key the later one holds.

    It hides nothing from the topics: what comes meanwhile is counted, and told in one line afterwards.
    """

    until: int
    """A time that is over ends it."""
    updated_time: int
