"""What is known of an exchange's trades, what is missing among them, and what is to be asked next. No clock, no I/O.

The rules of one instrument are in `producers.series`; here are all of an exchange.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from producers.adapter import Ids, Newest, Notice, Page
from producers.open_hole import OpenHole
from producers.series import HELD_MAX, Series
from producers.source import BadRecord, Event, Reconnected
from schemas.gap_records import Gap
from schemas.records import Trade

HOLD_S = 10.0
"""Newer trades wait so long at most."""
GRACE_S = 2.0
"""So long a trade may be on its way after the exchange has said that it is the newest."""
FRUITLESS_MAX = 30
"""After so many answers in a row that tell nothing, what is missing is lost."""
AGAIN_S, AGAIN_MAX_S = 1.0, 60.0
"""So long is waited after the first answer that tells nothing, twice as long after the next, up to a limit."""


@dataclass(slots=True)
class _Claim:
    newest: Newest
    at: float
    of_audit: bool


class Memory:
    """The series of one exchange by symbol, and their open holes in the order in which they were noticed."""

    def __init__(self, exchange: str, ids: Ids) -> None:
        self.exchange, self.ids = exchange, ids
        self.series: dict[str, Series] = {}
        self.open: list[tuple[Series, OpenHole]] = []
        self.noticed: list[tuple[Series, OpenHole]] = []
        """Holes that were opened and that nobody was told of yet."""
        self.cut: dict[str, int] = {}
        """By key of an open gap, the last id that is asked for by itself, see `cut_short`."""
        self.breaks = 0
        """How often something may have been missed: a connection was lost, or a frame could not be read."""
        self._claims: dict[str, _Claim] = {}
        self._whole: set[str] = set()
        """Symbols of which all was recalled since a trade that the stream brought."""
        self._filled: defaultdict[str, list[Trade]] = defaultdict(list)
        """What was recalled of each symbol before anything that the stream brought, until all is recalled."""

    def of(self, symbol: str) -> Series:
        """Return the series of a symbol, a new one where there is none."""
        found = self.series.get(symbol)
        if found is None:
            found = self.series[symbol] = Series(symbol, self.ids)
        return found

    @property
    def held(self) -> int:
        """The number of trades that wait for missing ones."""
        return sum(len(series.held) for series in self.series.values())

    @property
    def gaps(self) -> int:
        """The number of holes that are being asked for, without those of which nobody knows that they are any."""
        return sum(not opened.check for _, opened in self.open)

    # What comes.

    def live(self, batch: Iterable[Event | Notice], now: float) -> list[Event]:
        """Take in what a session gave. Returns what is to be published now, in order."""
        out: list[Event] = []
        find = self.series.get
        for event in batch:
            if type(event) is Trade:
                series = find(event.symbol)
                if series is not None and series.plain and event.trade_id == series.newest + 1:
                    series.newest, series.newest_time = event.trade_id, event.trade_time
                    out.append(event)
                else:
                    out += self.take(event, now)
            elif isinstance(event, Reconnected):
                self.breaks += 1
                for series in self.series.values():
                    series.lose_connection()
            elif isinstance(event, Newest):
                self.claim(event, now)
            elif isinstance(event, BadRecord):
                self._miss(event)
                out.append(event)
        return out

    def _miss(self, unread: BadRecord) -> None:
        """Note that what could not be read may have been a trade, which ids that are no series would never show."""
        if self.ids == "contiguous":
            return
        self.breaks += 1
        for series in self.series.values():
            if unread.symbol in (None, series.symbol):
                series.lose_connection()

    def take(self, trade: Trade, now: float, waiting: bool = True) -> list[Trade]:
        """Take in one trade, see `Series.take`."""
        series = self.of(trade.symbol)
        known = list(series.holes)
        out = series.take(trade, now, waiting)
        for opened in series.holes:
            if opened not in known:
                self._note(series, opened)
        if any(opened not in series.holes for opened in known):
            self._forget_closed()
        return out

    def check(self, symbols: Iterable[str], now: float) -> None:
        """Look whether all trades of these symbols came since the last time, see `Series.check`."""
        for symbol in symbols:
            series = self.of(symbol)
            opened = series.check(now, now + GRACE_S)
            if opened is not None:
                self._note(series, opened)

    def claim(self, newest: Newest, now: float, of_audit: bool = False) -> None:
        """Note what the exchange says is the newest; whether it came is looked at later, see `overdue`.

        In an audit of quiet instruments it says of one whose trade did not come that the stream does not bring any.
        """
        if newest.trade_id is None:
            return
        claim = self._claims.get(newest.symbol)
        if claim is None or claim.newest.trade_id is None or claim.newest.trade_id <= self.of(newest.symbol).newest:
            self._claims[newest.symbol] = _Claim(newest, now, of_audit)

    def overdue(self, now: float, wall_us: int) -> list[str]:
        """Open a hole up to each trade that was said to be there and did not come. Returns those that are silent."""
        silent = []
        for symbol, claim in list(self._claims.items()):
            series, number = self.of(symbol), claim.newest.trade_id
            assert number is not None
            if series.newest < 0:
                # nothing is known before: what comes after this one is wanted
                series.anchor(number, claim.newest.trade_time or 0)
            if number <= series.newest:
                del self._claims[symbol]
            elif now - claim.at >= GRACE_S:
                del self._claims[symbol]
                self._note(series, series.open(number + 1, claim.newest.trade_time or wall_us, now))
                series.claimed = number
                if claim.of_audit:
                    silent.append(symbol)
        return silent

    def reopen(self, symbol: str, opened: OpenHole) -> None:
        """Ask again for what was missing before, see `Series.reopen`."""
        series = self.of(symbol)
        series.reopen(opened)
        self.open.append((series, opened))

    def recall(self, trade: Trade) -> None:
        """Take in a trade that was published before, in the order of the topic."""
        series = self.of(trade.symbol)
        if trade.filled and series.newest < 0:
            # of a hole among newer trades, perhaps: only what the stream brought says where the series was
            self._filled[trade.symbol].append(trade)
            return
        self.take(trade, series.recalled, waiting=False)
        for published in (*self._filled.pop(trade.symbol, ()), trade):
            series.remember(published)
        series.recalled += 1

    def recall_before(self, streamed: Trade, since: Iterable[Trade], certain_after: int) -> None:
        """Take in the newest trade that the stream brought where there is none among those recalled, and what else was
        published between it and these: a hole that was being filled, perhaps, whose filler was killed.

        What is missing above it is so for certain, see `settle`.
        """
        series = self.of(streamed.symbol)
        series.anchor(streamed.trade_id, streamed.trade_time)
        series.recalled += certain_after
        self._whole.add(streamed.symbol)
        for trade in [*since, *self._filled.pop(streamed.symbol, ())]:
            self.recall(trade)

    def settle(
        self,
        recorded: Iterable[tuple[str, int, int]],
        certain_after: int = 0,
        certain_since: Callable[[str], int] = lambda _: 0,
    ) -> None:
        """End the recalling, see `Series.settle`; `recorded` are symbol, first and last id of gaps."""
        known = list(recorded)
        for symbol, series in self.series.items():
            spans = [(first, last) for of, first, last in known if of == symbol]
            since = 0 if symbol in self._whole else certain_since(symbol)
            for opened in series.settle(spans, certain_after, since):
                self._note(series, opened)
        self._forget_closed()
        self._filled.clear()

    def cut_short(self, gap: Gap) -> None:
        """Note, after the recalling, up to where an open gap of before is to be asked for by itself.

        Of one that reaches beyond the newest trade that was published, the rest is missing after that trade anyway: it
        is asked for once the exchange tells of a newer one. Whoever recorded it was killed before newer ones went on.
        So is all of one after a later trade, or at the beginning of ids, of which nothing was published.

        Ids that leave some out do not tell what is missing, and a gap that ended before that trade came is of before
        ids began anew.
        """
        series = self.series.get(gap.symbol)
        if series is None or not series.contiguous or series.newest < 0:
            return
        newest, time = series.newest, series.newest_time
        if gap.before_time > time or (gap.before_time == time and gap.first_id == 0):
            self.cut[gap.key] = gap.first_id - 1
        elif gap.last_id > newest and gap.after_time >= time:
            self.cut[gap.key] = newest

    # What is asked.

    def next_to_ask(self, now: float) -> tuple[Series, OpenHole] | None:
        """Return the hole to ask for: one that trades wait for first, then the oldest; `None` if none is due."""
        due = [found for found in self.open if found[1].due <= now]
        return min(due, key=lambda found: not found[1].holding, default=None)

    def fill(self, series: Series, opened: OpenHole, page: Page, now: float, received_time: int) -> list[Trade]:
        """Take in an answer, see `Series.fill`. One that tells nothing is asked for again later, or is the last."""
        if page.reached <= opened.hole.after_id:
            return self.put_off(series, opened, self._patience(opened), now)
        opened.fruitless = 0
        out = series.fill(opened, page, received_time)
        self._forget_closed()
        return out

    def put_off(self, series: Series, opened: OpenHole, again_s: float | None, now: float) -> list[Trade]:
        """Ask again after `again_s` seconds, or never: then it is closed. Returns what is to be published now."""
        if again_s is not None:
            opened.due = now + again_s
            return []
        out = series.give_up(opened)
        self._forget_closed()
        return out

    def waited_long(self, now: float) -> list[tuple[Series, OpenHole]]:
        """Return the holes that newer trades have waited for long enough, or too many of them."""
        return [
            (series, opened)
            for series, opened in self.open
            if opened.holding
            and (now - opened.opened >= HOLD_S or max(len(series.held), series.missing(opened) or 0) > HELD_MAX)
        ]

    def take_noticed(self) -> list[tuple[Series, OpenHole]]:
        """Return the holes that were opened since the last call."""
        noticed, self.noticed = self.noticed, []
        return noticed

    def newest_of(self, symbols: Iterable[str]) -> dict[str, int]:
        """Return the highest id of each of these symbols; -1 before the first trade."""
        return {symbol: self.of(symbol).newest for symbol in symbols}

    def quiet_since(self, before: Mapping[str, int]) -> list[str]:
        """Return the symbols that brought no trade since their newest ids were these, and for which none waits."""
        found = []
        for symbol, newest in before.items():
            series = self.of(symbol)
            if newest == series.newest and not series.holding and not series.paused:
                found.append(symbol)
        return found

    def silent_since(self, before: Mapping[str, int]) -> list[str]:
        """Return the symbols of which only the exchange's word told of trades since their newest ids were these."""
        return [
            symbol for symbol, newest in before.items() if newest < self.of(symbol).newest == self.of(symbol).claimed
        ]

    def _note(self, series: Series, opened: OpenHole) -> None:
        self.open.append((series, opened))
        self.noticed.append((series, opened))

    def _forget_closed(self) -> None:
        self.open = [(series, opened) for series, opened in self.open if opened in series.holes]

    @staticmethod
    def _patience(opened: OpenHole) -> float | None:
        opened.fruitless += 1
        if opened.fruitless > FRUITLESS_MAX:
            return None
        return min(AGAIN_MAX_S, AGAIN_S * 2.0 ** (opened.fruitless - 1))
