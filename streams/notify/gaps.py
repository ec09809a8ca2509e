"""What the topic of gaps says to people: trades that are missing and stay so. No clock, no I/O."""

from collections.abc import Mapping

from schemas.gap_records import Gap, GapStatus
from schemas.watches import AlertKind
from streams.notify.notices import NOWHERE, Notice, Place

STAYED = 300_000_000
"""After so many microseconds a gap that is still open has stayed: filling begins at once, and seldom takes a minute."""
OPEN_MAX = 1_000
"""So many open gaps are remembered at most, the newest."""


def take_gap(open_gaps: dict[str, Gap], gap: Gap, place: Place) -> list[Notice]:
    """Take what became of a gap; one that is lost is told at once."""
    open_gaps.pop(gap.key, None)
    if gap.status is GapStatus.OPEN:
        open_gaps[gap.key] = gap
        while len(open_gaps) > OPEN_MAX:
            del open_gaps[next(iter(open_gaps))]
    return [_notice(gap, gap.updated_time, place)] if gap.status is GapStatus.LOST else []


def stayed(open_gaps: Mapping[str, Gap], now: int) -> list[Notice]:
    """Return the notices of those that have been open for too long.

    They are of no place in the topic: what comes after them there may have been told long ago.
    """
    due = {gap.key: gap.opened_time + STAYED for gap in open_gaps.values()}
    return [_notice(open_gaps[key], time, NOWHERE) for key, time in due.items() if time < now]


def _notice(gap: Gap, time: int, place: Place) -> Notice:
    kind = AlertKind.GAP_STAYED
    missing = "trades" if gap.missing is None else "1 trade" if gap.missing == 1 else f"{gap.missing} trades"
    headline = f"{gap.instrument}: {missing} missing"
    reason = f" {gap.reason}." if gap.reason else ""
    detail = f"From id {gap.first_id} to {gap.last_id}.{reason} hedgehog gaps list"
    return Notice(f"{gap.instrument}:{kind}:{gap.key}", gap.instrument, kind, time, headline, detail, place)
