"""Exchanges apart: the prices of one pair on several exchanges, compared second by second. Event time only.

Two instruments are compared at each second for which either has a quote, once both have passed it: so alerts do not
depend on which quotes come first. A price holds until the next one, but no longer than `STALE_SECONDS`: older ones do
not count. One that is ahead of another by more than `KEPT_SECONDS` is compared with it again where they meet.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from schemas.units import ONE
from schemas.watches import AlertKind
from streams.market.alerts import Alert, Direction
from streams.market.gates import Gate, Side, pass_gate
from streams.market.kernel import SECOND_US
from streams.market.quotes import Quote

STALE_SECONDS = 60
KEPT_SECONDS = 3_600
INSTRUMENTS_MAX = 16


class Point(NamedTuple):
    """The price of an instrument in one second, and by which rules it is compared, as in `Quote`."""

    time: int
    price: int
    apart: int
    cooldown: int
    settings_offset: int

    @property
    def second(self) -> int:
        """The second, since the epoch."""
        return self.time // SECOND_US


class Line(NamedTuple):
    """The newest points of one instrument, by time; a column for each field of a point. There is one at least."""

    columns: "tuple[array[int], ...]"

    @property
    def times(self) -> "array[int]":
        """The times of the points."""
        return self.columns[0]

    @property
    def newest(self) -> int:
        """The newest second."""
        return self.times[-1] // SECOND_US

    def at(self, place: int) -> Point:
        """The point at this place."""
        return Point(*(column[place] for column in self.columns))


class Pair(msgspec.Struct):
    """One pair, such as BTC/USD, on several exchanges."""

    pair: str
    lines: dict[str, Line] = {}
    """By instrument."""
    decided: dict[str, int] = {}
    """By two instruments, with a space between, the second up to which they have been compared."""
    gates: dict[str, Gate] = {}
    """By instrument, the other one, and direction."""


def new_line() -> Line:
    """A line that has no point yet."""
    return Line(tuple(array("q") for _ in Point._fields))


def has_room(state: Pair, instrument: str) -> bool:
    """Whether quotes of an instrument can be taken."""
    return instrument in state.lines or len(state.lines) < INSTRUMENTS_MAX


def show_quote(state: Pair, quote: Quote) -> list[Alert]:
    """Take a quote; return the alerts of the seconds that are passed now. One that came before makes none."""
    line = state.lines.get(quote.instrument)
    point = Point(quote.trade_time, quote.price, quote.apart, quote.cooldown, quote.settings_offset)
    if line is None:
        line = state.lines[quote.instrument] = new_line()
    elif point.second <= line.newest:
        return []
    append(line, point)
    others = sorted(name for name in state.lines if name != quote.instrument)
    return [alert for other in others for alert in _compare(state, *sorted((quote.instrument, other)))]


def append(line: Line, point: Point) -> None:
    """Put a later point to the end of a line, and let go of those that are too old."""
    for column, value in zip(line.columns, point, strict=True):
        column.append(value)
    old = bisect_left(line.times, (point.second - KEPT_SECONDS) * SECOND_US)
    if old:
        for column in line.columns:
            del column[:old]


def _compare(state: Pair, one: str, two: str) -> Iterator[Alert]:
    """Compare two instruments at each second that both have passed now."""
    lines = state.lines[one], state.lines[two]
    end = min(line.newest for line in lines)
    known = f"{one} {two}"
    start = state.decided.get(known, -1)
    if end <= start:
        return
    state.decided[known] = end
    for second in _seconds(lines, start, end):
        first, last = (_point_at(line, second) for line in lines)
        if first is not None and last is not None:
            yield from _judge(state, {one: first, two: last}, second)


def _seconds(lines: tuple[Line, Line], start: int, end: int) -> list[int]:
    """The seconds after `start`, up to `end`, for which either has a point."""
    found: set[int] = set()
    for line in lines:
        first, last = (bisect_left(line.times, (second + 1) * SECOND_US) for second in (start, end))
        found.update(time // SECOND_US for time in line.times[first:last])
    return sorted(found)


def _point_at(line: Line, second: int) -> Point | None:
    """The last point up to a second; `None` where there is none, or it is too old to count."""
    place = bisect_right(line.times, (second + 1) * SECOND_US - 1) - 1
    if place < 0 or second - line.times[place] // SECOND_US > STALE_SECONDS:
        return None
    return line.at(place)


def _judge(state: Pair, points: dict[str, Point], second: int) -> Iterator[Alert]:
    """The alerts of two prices at one second. Of the two instruments that one asks which has the smaller threshold."""
    asking = [(point.apart, name) for name, point in points.items() if point.apart]
    if not asking:
        return
    instrument = min(asking)[1]
    (other,) = points.keys() - {instrument}
    mine, theirs = points[instrument], points[other]
    for sign, direction in ((1, Direction.UP), (-1, Direction.DOWN)):
        gate = state.gates.setdefault(f"{instrument} {other} {direction}", Gate())
        side = Side(sign, theirs.price, 1, mine.apart)
        held_back = pass_gate(gate, side, mine.cooldown * SECOND_US, mine.price, second * SECOND_US)
        if held_back is not None:
            yield Alert(
                alert_id=f"{instrument}:{AlertKind.EXCHANGES_APART}:{direction}:{other}:{second}",
                instrument=instrument,
                kind=AlertKind.EXCHANGES_APART,
                direction=direction,
                price=mine.price,
                event_time=max(mine.time, theirs.time),
                reference=theirs.price,
                threshold=mine.apart,
                value=sign * (sign * (mine.price - theirs.price) * ONE // theirs.price),
                held_back=held_back,
                settings_offset=mine.settings_offset,
                other=other,
            )
