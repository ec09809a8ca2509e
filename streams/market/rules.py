"""What the user wants to be told of an instrument, as the market's rules need it."""

from typing import NamedTuple

from schemas.units import ONE
from schemas.watches import AlertKind, Watch

SECOND_US = 1_000_000
MINUTE_US = 60_000_000
DAY_US = 86_400_000_000


class WatchRules(NamedTuple):
    """Thresholds and intervals of one instrument."""

    deviation: int = 2 * ONE // 100
    """How far off its average, as a fraction in units of 1e-8, a price has to be for an alert."""
    cooldown: int = 5 * MINUTE_US
    """How long after an alert none of its kind and direction follows, in microseconds of event time."""
    coverage: int = DAY_US
    """How long trades must have been seen, in microseconds of event time, before a new high or low is an alert."""
    off_average: bool = True
    """Whether alerts of prices off their average are wanted."""
    day_range: bool = True
    """Whether alerts of new highs and lows of 24 hours are wanted."""
    digest_minutes: int = 1
    """A digest is made at each whole multiple of so many minutes since the epoch; 0: none is."""
    settings_offset: int = -1
    """Where in its topic the record stands that these rules are from, -1 for the defaults."""
    pair: str = ""
    """The pair under which the last price of each second is made a quote; "": none is made."""
    apart: int = 0
    """How far from a price of another exchange is an alert, as a fraction of that in units of 1e-8; 0: nothing is."""

    def check(self) -> None:
        """Raise a `ValueError` that names the field and the value which no such rules may have."""
        bounds = {
            "deviation": (1, ONE - 1),
            "cooldown": (0, DAY_US),
            "coverage": (0, DAY_US),
            "digest_minutes": (0, DAY_US // MINUTE_US),
            "apart": (0, ONE - 1),
        }
        for field, (low, high) in bounds.items():
            value = getattr(self, field)
            if not low <= value <= high:
                raise ValueError(f"{field}: {value} is not between {low} and {high}")


def rules_of(watch: Watch, offset: int) -> WatchRules:
    """Return the rules that a watch makes; `offset` is where its last record stands in the topic."""
    kinds = watch.wanted_kinds
    return WatchRules(
        deviation=watch.deviation,
        cooldown=watch.cooldown * SECOND_US,
        coverage=watch.coverage * SECOND_US,
        off_average=AlertKind.OFF_AVERAGE in kinds,
        day_range=AlertKind.DAY_RANGE in kinds,
        digest_minutes=watch.digest_minutes,
        settings_offset=offset,
        pair=watch.pair if AlertKind.EXCHANGES_APART in kinds else "",
        apart=watch.apart if watch.watched else 0,
    )
