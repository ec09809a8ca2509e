"""What a stream of trades did not bring, as a record of the topic `gaps`; units as in `records.py`."""

from enum import StrEnum

from schemas.checks import LONG_MAX
from schemas.records import Keyed
from schemas.units import in_range

ANEW = "ids begin anew"
"""With this begins the reason of a record that says so: there no trade is known to be missing."""


class GapStatus(StrEnum):
    """What became of trades that were missing; of those that are lost, nobody asks any more."""

    OPEN = "open"
    FILLED = "filled"
    LOST = "lost"


class Gap(Keyed, kw_only=True, frozen=True):
    """Trades that a stream did not bring: those from `first_id` to `last_id`, and what became of them.

    So many are still `missing`, `None` where ids do not tell; `filled_count` were asked for and published.
    """

    first_id: int
    last_id: int
    before_time: int
    """The time of the trade before the first one."""
    after_time: int
    """The time of the trade after the last one, or when they were noticed."""
    status: GapStatus
    reason: str | None = None
    missing: int | None = None
    filled_count: int = 0
    opened_time: int
    updated_time: int

    @property
    def key(self) -> str:
        """The key of the record: an instrument has many gaps."""
        return f"{self.instrument}:{self.first_id}:{self.opened_time}"

    @property
    def begins_anew(self) -> bool:
        """Whether it says that ids begin anew with `first_id`, and not that trades were missing."""
        return self.reason is not None and self.reason.startswith(ANEW)

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no gap may have."""
        super().check()
        in_range("last_id", self.last_id, self.first_id, LONG_MAX)
