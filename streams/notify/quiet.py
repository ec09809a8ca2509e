"""The hours in which nobody wants to hear anything, and when tomorrow begins, in the user's time zone."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.times import EPOCH, MICROSECOND, micros_of

MORNING = 7
"""The hour of tomorrow until which "until tomorrow" lasts."""


class Quiet(NamedTuple):
    """From `start` to before `end`, minutes of the day; none where they are equal."""

    start: int = 0
    end: int = 0
    zone: ZoneInfo = ZoneInfo("UTC")

    def holds_at(self, now: int) -> bool:
        """Return whether `now` (µs, UTC) is within the quiet hours."""
        moment = _local(now, self.zone)
        minute = moment.hour * 60 + moment.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def parse(text: str, zone: str) -> Quiet:
    """Return the quiet hours of a text such as `22:30-07:00`; none for an empty one."""
    if not text:
        return Quiet(zone=ZoneInfo(zone))
    start, end = (int(each[:2]) * 60 + int(each[3:]) for each in text.split("-"))
    return Quiet(start, end, ZoneInfo(zone))


def tomorrow(now: int, zone: ZoneInfo) -> int:
    """Return seven in the morning of the next day, in microseconds, UTC."""
    next_day = _local(now, zone).date() + timedelta(days=1)
    return micros_of(datetime(next_day.year, next_day.month, next_day.day, MORNING, tzinfo=zone))


def clock(moment: int, zone: ZoneInfo) -> str:
    """Return a time as people in the zone read it."""
    return _local(moment, zone).strftime("%d %b %H:%M %Z")


def _local(now: int, zone: ZoneInfo) -> datetime:
    return (EPOCH + now * MICROSECOND).astimezone(zone)
