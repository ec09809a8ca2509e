"""What can be told, in words, and where it is from. Times in microseconds since the epoch, UTC."""

from typing import NamedTuple

from schemas.market_records import Alert
from schemas.units import ONE, plain
from schemas.watches import AlertKind

TRADING_KINDS = frozenset(
    {AlertKind.ORDER_FILLED, AlertKind.CYCLE_FINISHED, AlertKind.TRADER_REFUSED, AlertKind.TRADER_HALTED}
)
"""What is told of every traded instrument unless its watch says otherwise; the rest is told of watched ones only."""

MINUTE = 60_000_000

PERCENT_UNIT = ONE // 10_000
"""A hundredth of a percent, in units of 1e-8."""


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    """Without the installation's prefix."""
    partition: int
    offset: int

    @property
    def key(self) -> str:
        """The partition as the state has it."""
        return f"{self.topic}:{self.partition}"


NOWHERE = Place("", 0, 0)
"""The place of what no record says."""


class Notice(NamedTuple):
    """One thing to be told."""

    notice_id: str
    """The same for the same thing, whoever makes it and how often."""
    instrument: str
    kind: str
    """One of `AlertKind`, or one that is not known here yet."""
    time: int
    """When it happened, by the exchange's clock."""
    headline: str
    """One line, plain text."""
    detail: str
    """More of it, plain text, perhaps empty."""
    place: Place
    """The record that it was made of."""


class Standing(NamedTuple):
    """How the market of one instrument stands. Prices and fractions in 1e-8, `time` in microseconds, UTC."""

    instrument: str
    time: int
    price: int
    average: int
    change: int
    """Since 24 hours before, as a fraction."""
    high: int
    low: int


def percent(fraction: int) -> str:
    """Return a fraction in units of 1e-8 as a percentage of two decimals with its sign, rounded towards 0."""
    hundredths = abs(fraction) // PERCENT_UNIT
    sign = "-" if fraction < 0 else "+"
    return f"{sign}{hundredths // 100}.{hundredths % 100:02d} %"


MEANING: dict[tuple[str, str], str] = {
    (AlertKind.OFF_AVERAGE, "up"): "{value} above its average of 5 minutes",
    (AlertKind.OFF_AVERAGE, "down"): "{value} below its average of 5 minutes",
    (AlertKind.DAY_RANGE, "up"): "new high of 24 hours",
    (AlertKind.DAY_RANGE, "down"): "new low of 24 hours",
    (AlertKind.EXCHANGES_APART, "up"): "{value} above {other}",
    (AlertKind.EXCHANGES_APART, "down"): "{value} below {other}",
}
"""What a market alert says, by kind and direction."""


def of_alert(alert: Alert, place: Place) -> Notice:
    """Return the notice of a record of the topic of alerts."""
    said = MEANING.get((alert.kind, alert.direction), f"{alert.kind} {alert.direction}")
    value = percent(abs(alert.value)).lstrip("+")
    headline = f"{alert.instrument}: {plain(alert.price)}, {said.format(value=value, other=alert.other)}"
    parts = [f"Compared with {plain(alert.reference)}."]
    if alert.held_back:
        parts.append(f"{alert.held_back} more since the last one.")
    return Notice(alert.alert_id, alert.instrument, alert.kind, alert.event_time, headline, " ".join(parts), place)


def silent_feed(instrument: str, since: int, now: int) -> Notice:
    """Return the notice that there was no trade since the newest digest, which is of `since`."""
    kind = AlertKind.FEED_SILENT
    # the digest's time, not the clock, is in the id: whoever looks again finds the same silence
    notice_id = f"{instrument}:{kind}:{since}"
    headline = f"{instrument}: no trade for {(now - since) // MINUTE} minutes"
    detail = "The market is quiet, or its feed, the producer or the market agent stands still: hedgehog status"
    return Notice(notice_id, instrument, kind, now, headline, detail, NOWHERE)
