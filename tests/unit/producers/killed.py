"""A producer that may be killed, at an exchange that is played: what was published is all that is left of it."""

import msgspec

from producers.adapter import Hole, Ids, Newest, Page
from producers.holes import AGAIN_MAX_S, GRACE_S, HOLD_S, Memory
from producers.open_hole import OpenHole
from schemas.gap_records import Gap, GapStatus
from schemas.records import Trade
from tests.samples import trade

BASE = 1_700_000_000_000_000
SECOND = 1_000_000


def made(number: int, moment: int, symbol: str = "XUSDT") -> Trade:
    time = BASE + moment * SECOND
    return msgspec.structs.replace(trade("1", number, f"binance:{symbol}"), trade_time=time, event_time=time)


def gap_of(first_id: int, last_id: int, before_time: int, after_time: int) -> Gap:
    """An open gap of XUSDT."""
    return Gap(
        exchange="binance",
        symbol="XUSDT",
        first_id=first_id,
        last_id=last_id,
        before_time=before_time,
        after_time=after_time,
        status=GapStatus.OPEN,
        opened_time=0,
        updated_time=0,
    )


class Exchange:
    """What an exchange has, and what its REST server says of it: in pages of three, some of them from a stale cache."""

    def __init__(self) -> None:
        self.sent: list[Trade] = []
        self.ids_from = 0

    def trade(self, number: int) -> Trade:
        one = made(number, len(self.sent))
        self.sent.append(one)
        return one

    def page(self, hole: Hole, size: int) -> Page:
        """Those of the present ids: where they have begun anew, the others are gone."""
        rows = [one for one in self.sent[self.ids_from :] if one.trade_id > hole.after_id][:size]
        last = rows[-1].trade_id if rows else hole.after_id
        return Page([one for one in rows if one.trade_id < hole.before_id], min(last, hole.before_id - 1))


class World:
    """A producer, which may be killed at any time: what was published is all that is left of it."""

    ids: Ids = "contiguous"

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.published: list[Trade] = []
        self.now = 0.0
        self.number = 1_000
        self.memory = Memory("binance", self.ids)
        self.recorded: list[Gap] = []
        """The gaps that were written down before newer trades went on; a moment is how much was published by then."""

    def send(self, arrives: bool) -> None:
        one = self.exchange.trade(self.number)
        self.number += 1
        if arrives:
            self.arrive(one)

    def arrive(self, one: Trade) -> None:
        before = len(self.published)
        self.published += [event for event in self.memory.live([one], self.now) if isinstance(event, Trade)]
        self.date_noticed(before)

    def date_noticed(self, moment: int) -> None:
        for _, opened in self.memory.take_noticed():
            opened.opened_us = moment

    def repeat(self, back: int) -> None:
        self.arrive(self.exchange.sent[max(-len(self.exchange.sent), -back)])

    def begin_anew(self) -> None:
        """Ids begin at 1 again, far below, so that it shows; whatever was asked for before was had."""
        if self.exchange.ids_from:
            return
        self.ask_all()
        self.exchange.ids_from, self.number = len(self.exchange.sent), 1

    def restart(self) -> None:
        self.memory = Memory("binance", self.ids)
        for one in self.published:
            self.memory.recall(one)
        self.memory.settle([("XUSDT", gap.first_id, gap.last_id) for gap in self.recorded])
        for gap in self.recorded:
            self.memory.cut_short(gap)
        self.recorded = [
            msgspec.structs.replace(gap, last_id=last)
            for gap in self.recorded
            if (last := self.memory.cut.pop(gap.key, gap.last_id)) >= gap.first_id
        ]
        for gap in self.recorded:
            hole = Hole("XUSDT", gap.first_id - 1, gap.last_id + 1, gap.before_time, gap.after_time)
            opened = OpenHole(hole, self.now, False, gap.first_id, gap.before_time, gap.opened_time)
            since = self.published[gap.opened_time :]
            opened.had |= {one.trade_id: None for one in since if gap.first_id <= one.trade_id <= gap.last_id}
            self.memory.reopen("XUSDT", opened)

    def ask(self, size: int) -> bool:
        found = self.memory.next_to_ask(self.now)
        if found is not None:
            self.published += self.memory.fill(*found, self.exchange.page(found[1].hole, size), self.now, 77)
        return found is not None

    def wait_long(self) -> None:
        self.now += HOLD_S
        for series, opened in self.memory.waited_long(self.now):
            self.record(opened)
            self.published += series.let_go(opened)

    def record(self, opened: OpenHole) -> None:
        gap = gap_of(opened.first_id, opened.last_id, opened.first_time, opened.hole.before_time)
        self.recorded.append(msgspec.structs.replace(gap, opened_time=opened.opened_us))

    def be_killed_before_letting_go(self) -> None:
        self.now += HOLD_S
        for _, opened in self.memory.waited_long(self.now):
            self.record(opened)
        self.restart()

    def hear_of_the_newest(self) -> None:
        newest = self.exchange.sent[-1]
        self.memory.claim(Newest("XUSDT", newest.trade_id, newest.trade_time), self.now)
        self.now += GRACE_S
        self.memory.overdue(self.now, newest.trade_time)
        self.date_noticed(len(self.published))

    def ask_all(self) -> None:
        """Send one more, so that what is missing before it shows, and ask until all is had."""
        self.send(True)
        self.now += AGAIN_MAX_S
        while self.ask(1_000):
            self.now += AGAIN_MAX_S
