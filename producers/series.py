"""What is known of one instrument's trades by their ids: the newest, those that came twice, those that are missing.

While trades are missing, newer ones are held, so that all come in the order of their ids; `let_go` ends that where it
takes too long. Then the missing ones come later than newer ones, which leaders skip and candles take in.

No clock and no I/O: times are given, what is missing is told (`open`), and what was found is given back (`fill`).
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec

from producers.adapter import Hole, Ids, Page
from producers.id_spans import Span, outside, without
from producers.open_hole import Anew, OpenHole
from schemas.records import Trade

HELD_MAX = 20_000
"""More trades than that are not waited for: twenty requests, five seconds of what Binance allows."""
REMEMBERED = 5_000
"""Ids that are remembered one by one, where they do not rise by one."""
DISORDER_US = {"contiguous": 0, "global": 60_000_000}
"""Trades are out of order by so many microseconds at most: a later time with a lower id tells that ids begin anew."""
RECALLED_US = 600_000_000
"""So much of what was published before the start is compared with what the exchange has, in microseconds: a producer
may have been killed, and one after it, before it had compared anything."""
COMPARED_MAX = 40_000
"""Trades that wait to be compared: those of the ten minutes before a start among them, at thirty a second. Of more, at
least the newest half is compared."""
LOST_MAX = 1_000
"""Spans of lost ids that are remembered: a trade among them that comes after all is none that was published."""


class Series:
    """The trades of one instrument, one after the other.

    Where ids begin anew, so does what is known, but for repeats of what was before.
    """

    def __init__(self, symbol: str, ids: Ids) -> None:
        self.symbol = symbol
        self.contiguous = ids == "contiguous"
        self._disorder_us = DISORDER_US[ids]
        self.newest = -1
        """The highest id; -1 before the first trade."""
        self.newest_time = 0
        self.holes: list[OpenHole] = []
        """In the order of their ids, and of being noticed."""
        self.held: list[Trade] = []
        self.plain = False
        """Whether the next id in turn says that nothing is odd; everything else goes the long way."""
        self.broken = False
        """Whether a connection was lost since the newest trade."""
        self.recalled = 0
        """So many trades were read that had been published before."""
        self.claimed = -1
        """The newest id of which only the exchange's word is known, not the trade."""
        self.paused = False
        """Whether it was not streamed for a while: what is missing then is not wanted."""
        self.repeated = self.late = self.anew = 0
        self.unwanted: list[Hole] = []
        """What was traded while it was paused."""
        self.begun: list[Anew] = []
        """Where ids began anew, as far as nobody has been told yet."""
        self._lost: list[Span] = []
        self._oldest = 0
        self._before: tuple[int, int, int] | None = None
        """Of the ids before they began anew: lowest, highest, time of the newest."""
        self._odd_ids: set[int] = set()
        """Contiguous ids below the first that is known; of global ones the last ones."""
        self._in_order: deque[int] = deque()
        """The same, in the order of arrival."""
        self._certain_since = 0
        """A trade of before may have been published and not read, see `settle`."""
        self._checked = (-1, 0)
        """Of global ids: up to which one it was looked whether all came, and its time."""
        self._since: dict[int, int] = {}
        """Ids that came since then and their times, in the order of arrival."""

    # What comes.

    def take(self, trade: Trade, now: float, waiting: bool = True) -> list[Trade]:
        """Take in a trade of the stream. Returns what is to be published now; all that is new, if not `waiting`."""
        number = trade.trade_id
        if self.newest < 0:
            self._begin(trade)
        elif number > self.newest and not self._is_of_before(trade):
            self._check_gap(trade, now, waiting)
            self._advance(trade)
        elif self._is_anew(trade):
            return self._begin_anew(trade, now, waiting)
        elif not self._is_new(trade):
            return []
        if self.holding:
            self.held.append(trade)
            return []
        return [trade]

    def anchor(self, number: int, trade_time: int) -> None:
        """Take a trade that nobody streamed as the newest: what comes after it is wanted."""
        self.newest, self.newest_time, self._oldest = number, trade_time, number + 1
        self._check_from(number, trade_time)

    def open(self, before_id: int, before_time: int, now: float, waiting: bool = True) -> OpenHole:
        """Note that all trades from the newest to `before_id` are missing; newer ones wait for them."""
        hole = Hole(self.symbol, self.newest, before_id, self.newest_time, before_time)
        opened = OpenHole(hole, now, waiting, self.newest + 1, self.newest_time)
        self.holes.append(opened)
        self.newest = before_id - 1
        self._find_plain()
        return opened

    def remember(self, trade: Trade) -> None:
        """Note that a trade was published, wherever it belongs: it is not missing, and comes only again."""
        if self.contiguous or self._is_of_before(trade):
            return
        if trade.trade_id not in self._odd_ids:
            self._odd(trade)
        else:  # it may be the one since which nothing is compared yet
            self._since.setdefault(trade.trade_id, trade.trade_time)

    def reopen(self, opened: OpenHole) -> None:
        """Ask again for what was missing before; nothing waits for it."""
        opened.counted = True
        asked = [(opened.first_id, opened.last_id)]
        self._lost = [part for span in self._lost for part in outside(span, asked)]
        self.holes.append(opened)

    def check(self, now: float, due: float) -> OpenHole | None:
        """Look from `due` on whether all trades came since the last time; `None` where that is known, or is known soon.

        Ids that are no series do not show what the stream leaves out: the exchange is asked for all, and what came is
        left out of its answer.
        """
        (after, after_time), before = self._checked, self.newest
        if self.contiguous or self.holes or self.paused or before <= after + 1:
            return None
        hole = Hole(self.symbol, after, before, after_time, self.newest_time)
        opened = OpenHole(hole, now, False, after + 1, after_time, due=due, check=True)
        opened.had |= dict.fromkeys(number for number in self._since if after < number < before)
        self._check_from(before, self.newest_time)
        self.holes.append(opened)
        return opened

    def pause(self) -> None:
        """Note that it is streamed no longer; what it trades meanwhile is not missing."""
        self.paused, self.plain = True, False

    def lose_connection(self) -> None:
        """Note that trades may be missing from here to the next."""
        self.broken = True
        self.plain = self.plain and self.contiguous

    def settle(self, recorded: Iterable[Span], certain_after: int, certain_since: int) -> list[OpenHole]:
        """End the recalling: forget the holes that are filled, recorded or not certain, and take it that all before the
        first that was read was published. Returns what is left of those that were recorded in part.

        Of ids that leave some out, trades since `certain_since`, in microseconds, were published only if they were
        read: before, nothing later can have been published.
        """
        spans, parts = list(recorded), list[OpenHole]()
        for opened in list(self.holes):
            missing = self._missing_spans(opened)
            left = self._unrecorded(missing, spans)
            certain = opened.opened >= certain_after
            if left == missing and left and certain:
                continue
            opened.absent += [part for span in missing for part in outside(span, left)]
            self._close(opened)
            for first, last in left if certain else ():
                hole = replace(opened.hole, after_id=first - 1, before_id=last + 1)
                parts.append(OpenHole(hole, opened.opened, False, first, opened.first_time))
        self._oldest, self.broken = 0, True
        self._certain_since = certain_since
        self._check_certain()
        self.repeated = self.late = self.anew = 0
        self.begun.clear()  # whoever published them has said so
        self.holes += parts
        return parts

    def _missing_spans(self, opened: OpenHole) -> list[Span]:
        if not self.contiguous:
            return [(opened.first_id, opened.last_id)]
        return without(opened.hole.after_id, opened.last_id, opened.had)

    def _unrecorded(self, missing: list[Span], recorded: list[Span]) -> list[Span]:
        """Return what of these spans was not recorded; where ids do not tell what is in one, all of it or nothing."""
        if self.contiguous:
            return [part for span in missing for part in outside(span, recorded)]
        return [(first, last) for first, last in missing if not any(a <= first and last <= b for a, b in recorded)]

    # What is asked for.

    def missing(self, opened: OpenHole) -> int | None:
        """Return how many trades of a hole are missing, `None` where ids do not tell."""
        return opened.last_id - opened.hole.after_id - len(opened.had) if self.contiguous else None

    @property
    def holding(self) -> bool:
        """Whether newer trades wait."""
        return any(opened.holding for opened in self.holes)

    def fill(self, opened: OpenHole, page: Page, received_time: int) -> list[Trade]:
        """Take in what the exchange told of a hole. Returns what is to be published now, in the order of ids.

        Once it was told all, the hole is closed and what waited for it is returned too.
        """
        hole = opened.hole
        found = dict(self._fresh(opened, page, received_time))
        came = {number: trade for number, trade in opened.had.items() if number <= page.reached}
        for number in came:
            del opened.had[number]
        if self.contiguous:
            opened.absent += without(hole.after_id, page.reached, found.keys() | came.keys())
        opened.filled += len(found.keys() - came.keys())
        opened.unread = opened.unread or page.unread
        opened.hole = replace(hole, after_id=page.reached)
        merged = found | came
        out = [trade for number in sorted(merged) if (trade := merged[number]) is not None]
        return out + (self._close(opened) if opened.told else [])

    def give_up(self, opened: OpenHole) -> list[Trade]:
        """Close a hole of which nothing more can be had. Returns what is to be published now."""
        left = sorted(opened.had)
        if self.contiguous:
            opened.absent += without(opened.hole.after_id, opened.last_id, left)
        return [trade for number in left if (trade := opened.had[number]) is not None] + self._close(opened)

    def let_go(self, opened: OpenHole) -> list[Trade]:
        """Let newer trades go on without those that are missing. Returns what waited."""
        opened.holding = False
        early = [trade for number in sorted(opened.had) if (trade := opened.had[number]) is not None]
        opened.had = dict.fromkeys(opened.had)
        return early + self._released()

    # What is odd.

    def _begin(self, trade: Trade) -> None:
        self.newest, self.newest_time, self._oldest = trade.trade_id, trade.trade_time, trade.trade_id
        self.remember(trade)
        self._check_from(trade.trade_id, trade.trade_time)
        self.paused = self.broken = False
        self._find_plain()

    def _advance(self, trade: Trade) -> None:
        self.newest, self.newest_time = trade.trade_id, max(trade.trade_time, self.newest_time)
        self.remember(trade)
        self.broken = False
        self._find_plain()

    def _check_gap(self, trade: Trade, now: float, waiting: bool) -> None:
        """Open a hole where trades are missing before one that is newer than all."""
        missing = trade.trade_id > self.newest + 1
        if self.paused:
            self.paused = False
            self._check_from(trade.trade_id, trade.trade_time)
            if self.contiguous and missing:
                self.unwanted.append(Hole(self.symbol, self.newest, trade.trade_id, self.newest_time, trade.trade_time))
                self._lose([(self.newest + 1, trade.trade_id - 1)])
        elif missing and (self.contiguous or self.broken):
            self.open(trade.trade_id, trade.trade_time, now, waiting)

    def _is_anew(self, trade: Trade) -> bool:
        """Return whether a trade with an id not above the newest begins ids anew: a repeated one has its old time."""
        return trade.trade_time > self.newest_time + self._disorder_us and self._hole_of(trade) is None

    def _begin_anew(self, trade: Trade, now: float, waiting: bool) -> list[Trade]:
        """Begin anew with a trade. Returns what is to be published: nothing of before waits for what comes now.

        Those with lower ids may have been missed, if there were any: they are asked for, where they are few.
        """
        waited = [early for opened in list(self.holes) if opened.holding for early in self.let_go(opened)]
        self.anew += 1
        self.begun.append(Anew(self.newest, self.newest_time, trade.trade_id, trade.trade_time))
        self._before = self._oldest, self.newest, self.newest_time
        self._odd_ids.clear()
        self._in_order.clear()
        self._lost.clear()
        self.holes = [opened for opened in self.holes if not opened.check]
        number = trade.trade_id
        if self.contiguous and 0 < number <= HELD_MAX:
            hole = Hole(self.symbol, -1, number, self.newest_time, trade.trade_time)
            self.holes.append(OpenHole(hole, now, waiting, 0, self.newest_time, beginning=True))
        self._begin(trade)
        if self.holding:
            self.held.append(trade)
            return waited
        return [*waited, trade]

    def _is_new(self, trade: Trade) -> bool:
        """Return whether a trade with an id not above the newest is to be published now."""
        number, opened = trade.trade_id, self._hole_of(trade)
        if (number in opened.had or number in self._odd_ids) if opened else self._is_known(trade):
            self.repeated += 1
            return False
        self.late += 1
        if opened is None or not self.contiguous:
            self._odd(trade)
        if opened is not None:
            opened.had[number] = trade if opened.holding else None
        return opened is None or not opened.holding

    def _hole_of(self, trade: Trade) -> OpenHole | None:
        return next((opened for opened in self.holes if self._is_within(trade, opened.hole)), None)

    def _is_within(self, trade: Trade, hole: Hole) -> bool:
        disorder, time = self._disorder_us, trade.trade_time
        in_time = hole.after_time - disorder <= time <= hole.before_time + disorder
        return in_time and hole.after_id < trade.trade_id < hole.before_id

    def _is_known(self, trade: Trade) -> bool:
        """Return whether a trade of no hole was published."""
        number = trade.trade_id
        if number in self._odd_ids:
            return True
        if self._is_of_before(trade):
            return True
        if self.contiguous:
            return number >= self._oldest and not any(first <= number <= last for first, last in self._lost)
        return len(self._in_order) == REMEMBERED and number < self._in_order[0]

    def _is_of_before(self, trade: Trade) -> bool:
        """Return whether a trade was published before ids began anew."""
        if self._before is None:
            return False
        lowest, highest, time = self._before
        return trade.trade_time <= time and lowest <= trade.trade_id <= highest

    def _odd(self, trade: Trade) -> None:
        number = trade.trade_id
        if len(self._in_order) == REMEMBERED:
            self._odd_ids.discard(self._in_order.popleft())
        self._odd_ids.add(number)
        self._in_order.append(number)
        if not self.contiguous:
            self._since[number] = trade.trade_time
            if len(self._since) > COMPARED_MAX:
                self._look_from_halfway()

    def _check_from(self, number: int, trade_time: int) -> None:
        self._checked = number, trade_time
        self._since.clear()

    def _look_from_halfway(self) -> None:
        """Look only at the later half of what came: nobody has looked for long, and that is not kept for ever."""
        came = list(self._since.items())
        self._checked = max(self._checked, *came[: COMPARED_MAX // 2])
        self._since = dict(came[COMPARED_MAX // 2 :])

    def _check_certain(self) -> None:
        """Look at the last minutes of what was read, as far as all that was published then was read. What is older was
        looked at, or nobody wanted it."""
        since, came = max(self.newest_time - RECALLED_US, self._certain_since), list(self._since.items())
        self._checked = max((one for one in came if one[1] < since), default=min([self._checked, *came]))

    def _lose(self, spans: list[Span]) -> None:
        self._lost = [*self._lost, *spans][-LOST_MAX:]

    def _find_plain(self) -> None:
        self.plain = self.contiguous and not self.paused and not self.holding

    def _fresh(self, opened: OpenHole, page: Page, received_time: int) -> Iterator[tuple[int, Trade]]:
        """Yield those trades of a page that are of the hole and not published, marked as filled."""
        for trade in page.trades:
            number = trade.trade_id
            if number > page.reached or number in opened.had or not self._is_within(trade, opened.hole):
                continue
            if not self.contiguous or number < self._oldest:
                certain = self.contiguous or opened.counted or trade.trade_time >= self._certain_since
                if number in self._odd_ids or not certain:
                    continue
                self._odd(trade)
                for other in self.holes:
                    if other is not opened and self._is_within(trade, other.hole):
                        other.had[number] = None
            if number <= self.newest:  # else trades between the newest and this one would be too old for their hole
                self.newest_time = max(self.newest_time, trade.trade_time)
            yield number, msgspec.structs.replace(trade, filled=True, received_time=received_time)

    def _close(self, opened: OpenHole) -> list[Trade]:
        self.holes.remove(opened)
        if opened.beginning:
            opened.absent.clear()
        self._lose(opened.absent)
        return self._released()

    def _released(self) -> list[Trade]:
        """Return what waits for nothing any more."""
        bound = next((opened.hole.before_id for opened in self.holes if opened.holding), None)
        if bound is None:
            out, self.held = self.held, []
        else:
            out = [trade for trade in self.held if trade.trade_id < bound]
            self.held = [trade for trade in self.held if trade.trade_id >= bound]
        self._find_plain()
        return out
