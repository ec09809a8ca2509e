"""What one instrument's trades are known by, and what becomes of each: a table of small histories."""

import msgspec
import pytest

from producers.adapter import Hole, Ids, Page
from producers.open_hole import Anew
from producers.series import Series
from schemas.records import Trade
from tests.samples import trade

BASE = 1_700_000_000_000_000
NOW = 0.0


def at(number: int, second: int | None = None) -> Trade:
    """A trade of this id, made in this second; without one, ids are seconds."""
    moment = BASE + (number if second is None else second) * 1_000_000
    return msgspec.structs.replace(trade("1", number), trade_time=moment, event_time=moment)


class Played:
    """A series, and what it gave to be published, as text: `3` a live trade, `3f` a filled one."""

    def __init__(self, ids: Ids) -> None:
        self.series = Series("XUSDT", ids)
        self.out: list[str] = []

    def play(self, word: str) -> None:
        """`5` and `5@9` a trade (of second 9), `cut` a lost connection, `off` streamed no longer, `fill A B C…/R` an
        answer that reaches R, `give up`, `let go`: of the first hole."""
        series = self.series
        match word.split():
            case ["cut"]:
                series.lose_connection()
            case ["off"]:
                series.pause()
            case ["fill", *ids]:
                *numbers, reached = " ".join(ids).replace("/", " ").split()
                page = Page([at(*map(int, number.split("@"))) for number in numbers], int(reached))
                self._note(series.fill(series.holes[0], page, 77))
            case ["give", "up"]:
                self._note(series.give_up(series.holes[0]))
            case ["let", "go"]:
                self._note(series.let_go(series.holes[0]))
            case [number]:
                self._note(series.take(at(*map(int, number.split("@"))), NOW))

    def _note(self, trades: list[Trade]) -> None:
        self.out += [f"{trade.trade_id}{'f' if trade.filled else ''}" for trade in trades]
        assert all(trade.received_time == 77 for trade in trades if trade.filled)


# what comes → what is published, what is missing then (the ids on either side of each hole)
CONTIGUOUS = {
    "in order": ("5, 6, 7", "5 6 7", []),
    "a repeat is dropped": ("5, 6, 6, 5, 7", "5 6 7", []),
    "newer ones wait for a hole": ("5, 8, 9", "5", [(5, 8)]),
    "and come after what filled it": ("5, 8, 9, fill 6 7/7, 10", "5 6f 7f 8 9 10", []),
    "a page that does not reach the end": ("5, 9, fill 6 7/7", "5 6f 7f", [(7, 9)]),
    "in pages": ("5, 9, fill 6 7/7, fill 8/8", "5 6f 7f 8f 9", []),
    "what the exchange does not have": ("5, 9, fill 6 8/8", "5 6f 8f 9", []),
    "a page that says more than the hole": ("5, 8, fill 4 5 6 7 8 9/7", "5 6f 7f 8", []),
    "a second hole behind the first": ("5, 7, 9, fill 6/6", "5 6f 7", [(7, 9)]),
    "both": ("5, 7, 9, 10, fill 6/6, fill 8/8", "5 6f 7 8f 9 10", []),
    "what is late fills a part": ("5, 8, 7, fill 6 7/7", "5 6f 7 8", []),
    "late ones alone fill a hole": ("5, 8, 6, 7, 7, fill /7", "5 6 7 8", []),
    "let go, then filled": ("5, 8, let go, 9, fill 6 7/7", "5 8 9 6f 7f", []),
    "let go, then late, then filled": ("5, 8, let go, 7, 7, fill 6 7/7", "5 8 7 6f", []),
    "a late one that waits is let go too": ("5, 8, 7, let go, fill 6 7/7", "5 7 8 6f", []),
    "given up": ("5, 8, give up, 9", "5 8 9", []),
    "given up with late ones": ("5, 9, 7, give up, 10", "5 7 9 10", []),
    "one that was lost comes after all": ("5, 8, give up, 7, 7, 9", "5 8 7 9", []),
    "what was filled comes live too": ("5, 8, fill 6 7/7, 7, 6, 9", "5 6f 7f 8 9", []),
    "a lost connection alone is no hole": ("5, cut, 6", "5 6", []),
    "off and on": ("5, off, 9, 10", "5 9 10", []),
    "older than the first": ("5, 3, 3, 6", "5 3 6", []),
    "ids begin anew": ("500, 501, 0@600, 1@601", "500 501 0 1", []),
    "anew, and before the first of them": ("500, 3@603, fill 1@601 2@602/2, 4@604", "500 1f 2f 3 4", []),
    "anew, and none before the first": ("500, 1@603, fill /0, 2@604", "500 1 2", []),
    "anew with the same ids": ("5, 6, 5@600, fill 4@599/4, 6@601, 7@602", "5 6 4f 5 6 7", []),
    "anew beyond, with a repeat of before": ("5, 6, 0@600, 6, 1@601, 1@601", "5 6 0 1", []),
    "anew while newer ones wait": ("5, 8, 9, 0@600, 1@601", "5 8 9 0 1", [(5, 8)]),
    "anew, and the hole of before is filled": ("5, 8, 0@600, fill 6 7/7", "5 8 0 6f 7f", []),
    "anew, and the exchange has others of these ids": ("5, 8, 0@600, fill 6@700 7@701/7", "5 8 0", []),
    "anew, and one of the hole of before is late": ("5, 8, 0@600, 6, 7, 6, 1@601", "5 8 0 6 7 1", [(5, 8)]),
    "a hole after ids began anew": ("500, 0@600, 3@603, fill 1@601 2@602/2", "500 0 1f 2f 3", []),
    "anew far from the beginning": ("500000, 30000@900000, 30001@900001", "500000 30000 30001", []),
}
GLOBAL = {
    "ids that are left out": ("5, 9, 30", "5 9 30", []),
    "a repeat is dropped": ("5, 9, 9, 5, 30", "5 9 30", []),
    "what is late comes": ("5, 30, 9, 9", "5 30 9", []),
    "after a lost connection something may be missing": ("5, cut, 30, 40", "5", [(5, 30)]),
    "filled": ("5, cut, 30, 40, fill 9 20/29, 50", "5 9f 20f 30 40 50", []),
    "filled, and late": ("5, cut, 30, fill 9 20/29, 20, 9, 31", "5 9f 20f 30 31", []),
    "late, and filled": ("5, cut, 30, 20, fill 9 20/29, 31", "5 9f 20 30 31", []),
    "cut before the first": ("cut, 5, 9", "5 9", []),
    "off and on": ("5, off, cut, 30, 40", "5 30 40", []),
    "a hole that is empty": ("5, cut, 30, fill /29", "5 30", []),
    "ids begin anew": ("500, 1@700, 3@701", "500 1 3", []),
    "times out of order are not ids that begin anew": ("500, 600@500, 550@505, 700@510", "500 600 550 700", []),
}


@pytest.mark.parametrize(
    ("ids", "history", "expected", "holes"),
    [
        pytest.param(ids, *case, id=f"{ids}: {name}")
        for ids, cases in (("contiguous", CONTIGUOUS), ("global", GLOBAL))
        for name, case in cases.items()
    ],
)
def test_history(ids: Ids, history: str, expected: str, holes: list[tuple[int, int]]) -> None:
    played = Played(ids)
    for word in history.split(", "):
        played.play(word)
    assert " ".join(played.out) == expected
    assert [(opened.hole.after_id, opened.hole.before_id) for opened in played.series.holes] == holes


def test_what_a_hole_says_of_itself() -> None:
    played = Played("contiguous")
    for word in ("5", "20", "12"):
        played.play(word)
    (opened,) = played.series.holes
    assert opened.hole == Hole("XUSDT", 5, 20, BASE + 5_000_000, BASE + 20_000_000)
    assert (opened.first_id, opened.last_id, played.series.missing(opened)) == (6, 19, 13)
    played.play("fill 6 7 9/10")
    assert (opened.filled, opened.lost, opened.absent) == (3, 2, [(8, 8), (10, 10)])
    played.play("give up")
    assert (opened.filled, opened.absent[2:], opened.lost) == (3, [(11, 11), (13, 19)], 10)


def test_what_was_not_wanted_is_told() -> None:
    played = Played("contiguous")
    for word in ("5", "off", "9"):
        played.play(word)
    assert played.series.unwanted == [Hole("XUSDT", 5, 9, BASE + 5_000_000, BASE + 9_000_000)]


def test_each_beginning_of_ids_is_counted_once() -> None:
    played = Played("contiguous")
    for word in ("500", "0@600", "1@601", "1@601", "500", "2@602"):
        played.play(word)
    assert (played.series.anew, played.series.repeated) == (1, 2)
    assert played.series.begun == [Anew(500, BASE + 500_000_000, 0, BASE + 600_000_000)]
    played.series.settle([], 0, 0)
    assert (played.series.anew, played.series.begun) == (0, [])
