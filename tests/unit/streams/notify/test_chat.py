"""One destination's queue: what is next, and what follows from how a call ended."""

from collections.abc import Iterator

import pytest

from streams.notify.chat import (
    BEHIND_MAX,
    EVERYTHING,
    FRESH,
    MINUTE,
    SECOND,
    Board,
    Chat,
    Kept,
    Reply,
    Step,
    Summary,
    Tell,
    answer,
    next_step,
    offer,
    positions,
    settle,
    snooze,
)
from streams.notify.notices import Place
from streams.notify.sinks.outcome import Delivered, Dropped, Held, Message, Outcome, Uncertain, Unreachable
from tests.unit.streams.notify.said import NOW, notice

FINE = Delivered(5)


def chat_with(*offsets: int) -> Chat:
    chat = Chat()
    for offset in offsets:
        offer(chat, notice(offset))
    return chat


def played(chat: Chat, now: int, outcome: Outcome = FINE) -> Step | None:
    step = next_step(chat, now)
    if step is not None:
        settle(chat, outcome, now)
    return step


def steps(chat: Chat, start: int, seconds: int) -> Iterator[tuple[int, Step]]:
    """What is sent when in so many seconds, looked at ten times a second."""
    for tenth in range(seconds * 10):
        step = played(chat, start + tenth * SECOND // 10)
        if step is not None:
            yield tenth, step


def test_one_a_second_in_order() -> None:
    sent = list(steps(chat_with(1, 2, 3), NOW, 5))
    assert sent == [(0, Tell(notice(1))), (10, Tell(notice(2))), (20, Tell(notice(3)))]


def test_a_group_gets_twenty_a_minute() -> None:
    chat = chat_with(*range(BEHIND_MAX))
    chat.interval = 3 * SECOND
    chat.has_board = False
    assert len(list(steps(chat, NOW, 60))) == BEHIND_MAX
    assert len(list(steps(chat_with(*range(BEHIND_MAX)), NOW, 10))) == 10


@pytest.mark.parametrize(
    ("outcome", "wait", "is_told"),
    [
        (FINE, SECOND, True),
        (Delivered(), SECOND, True),
        (Dropped("bad"), SECOND, True),
        (Held(7), 7 * SECOND, False),
        (Uncertain("cut"), SECOND, False),
        (Unreachable("blocked"), SECOND, False),
    ],
)
def test_what_follows_from_an_outcome(outcome: Outcome, wait: int, is_told: bool) -> None:
    chat = chat_with(1)
    assert played(chat, NOW, outcome) == Tell(notice(1))
    assert chat.next_time == NOW + wait
    assert (not chat.queue) == is_told
    assert (notice(1).notice_id in chat.kept.told) == is_told
    assert next_step(chat, NOW + wait - 1) is None
    assert next_step(chat, NOW + wait) == (None if is_told else Tell(notice(1)))


@pytest.mark.parametrize(("outcome", "most"), [(Uncertain("x"), 60), (Unreachable("x"), 300)])
def test_failures_in_a_row_wait_longer_up_to_a_limit_and_success_forgets_them(outcome: Outcome, most: int) -> None:
    chat, now, waits = chat_with(1), NOW, []
    for _ in range(12):
        played(chat, now, outcome)
        waits.append((chat.next_time - now) // SECOND)
        now = chat.next_time
        chat.queue[0] = notice(1, time=now)  # else it is too old by then
    assert waits == [min(most, 2**n) for n in range(12)]
    played(chat, now)
    offer(chat, notice(2, time=now))
    played(chat, now + SECOND, outcome)
    assert chat.next_time == now + 2 * SECOND


def test_a_repeat_is_told_once() -> None:
    chat = chat_with(1, 1)
    assert len(chat.queue) == 1
    played(chat, NOW)
    offer(chat, notice(1, place=Place("alerts", 0, 9)))
    assert not chat.queue


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    chat = Chat(kept=Kept(positions={"alerts:0": 5}))
    for offset in range(7):
        offer(chat, notice(offset))
    offer(chat, notice(3, notice_id="other", place=Place("alerts", 1, 3)))
    assert [each.place.offset for each in chat.queue] == [5, 6, 3]


def test_the_position_is_before_what_waits() -> None:
    chat = chat_with(3, 4)
    offer(chat, notice(8, place=Place("fills", 2, 8)))
    assert positions(chat, {"alerts:0": 10, "fills:2": 9, "orders:1": 4}) == {
        "alerts:0": 3,
        "fills:2": 8,
        "orders:1": 4,
    }
    played(chat, NOW)
    assert positions(chat, {"alerts:0": 10})["alerts:0"] == 4


def test_more_than_twenty_behind_are_one_summary() -> None:
    chat = chat_with(*range(BEHIND_MAX))
    assert len(chat.queue) == BEHIND_MAX
    offer(chat, notice(20, kind="day-range"))
    assert not chat.queue
    summary = Summary({"binance:XRPUSDT": {"off-average": 20, "day-range": 1}})
    assert played(chat, NOW) == summary
    assert chat.kept.counted == {}


def test_the_one_under_way_is_not_counted() -> None:
    chat = chat_with(*range(BEHIND_MAX))
    assert next_step(chat, NOW) == Tell(notice(0))
    offer(chat, notice(20))
    settle(chat, FINE, NOW)
    assert chat.kept.counted == {"binance:XRPUSDT": {"off-average": 20}}
    assert not chat.queue


def test_what_is_counted_while_a_summary_is_sent_comes_in_the_next() -> None:
    chat = chat_with(*range(21))
    next_step(chat, NOW)
    for offset in range(30, 52):
        offer(chat, notice(offset))
    settle(chat, FINE, NOW)
    assert chat.kept.counted == {"binance:XRPUSDT": {"off-average": 21}}
    assert played(chat, NOW + SECOND) == Tell(notice(51))
    assert next_step(chat, NOW + MINUTE - 1) is None
    assert played(chat, NOW + MINUTE) == Summary({"binance:XRPUSDT": {"off-average": 21}})


def test_a_summary_that_failed_is_sent_again() -> None:
    chat = chat_with(*range(21))
    first = played(chat, NOW, Uncertain("cut"))
    assert played(chat, NOW + SECOND) == first
    assert chat.kept.counted == {}


@pytest.mark.parametrize(("age", "is_told"), [(FRESH, True), (FRESH + 1, False)])
def test_old_alerts_are_counted(age: int, is_told: bool) -> None:
    chat = Chat()
    offer(chat, notice(1, time=NOW - age))
    step = played(chat, NOW)
    assert isinstance(step, Tell if is_told else Summary)


def test_what_is_snoozed_is_counted_and_told_in_a_summary_afterwards() -> None:
    chat = chat_with(1, 2)
    offer(chat, notice(3, instrument="binance:ETHUSDT"))
    snooze(chat, "binance:XRPUSDT", NOW + 10 * SECOND)
    sent = list(steps(chat, NOW, 12))
    assert sent == [
        (0, Tell(notice(3, instrument="binance:ETHUSDT"))),
        (100, Summary({"binance:XRPUSDT": {"off-average": 2}})),
    ]
    assert chat.kept.snoozed == {}


def test_everything_can_be_snoozed() -> None:
    chat = chat_with(1)
    snooze(chat, EVERYTHING, NOW + SECOND)
    assert played(chat, NOW) is None
    assert isinstance(played(chat, NOW + SECOND), Summary)


def test_quiet_hours_count_and_say_nothing() -> None:
    chat = chat_with(1, 2)
    assert next_step(chat, NOW, True) is None
    assert chat.kept.counted == {"binance:XRPUSDT": {"off-average": 2}}
    assert isinstance(played(chat, NOW + 1), Summary)


def test_answers_come_first_and_share_the_budget() -> None:
    chat = chat_with(1)
    answer(chat, Message("pong"))
    assert [step for _, step in steps(chat, NOW, 3)] == [Reply(Message("pong")), Tell(notice(1))]


def test_the_board_is_edited_once_a_minute_and_shares_the_budget() -> None:
    chat = Chat()
    sent = []
    for second in range(125):
        chat.board_changed = True
        step = played(chat, NOW + second * SECOND)
        if step is not None:
            sent.append((second, step))
    assert sent == [(0, Board(None)), (60, Board(5)), (120, Board(5))]
    offer(chat, notice(1, time=NOW + 120 * SECOND))
    assert next_step(chat, NOW + 120 * SECOND + 1) is None


@pytest.mark.parametrize("outcome", [Uncertain("cut"), Held(2)])
def test_a_board_that_was_not_shown_is_shown_the_next_minute(outcome: Outcome) -> None:
    chat = Chat(kept=Kept(board=3))
    chat.board_changed = True
    assert played(chat, NOW, outcome) == Board(3)
    assert next_step(chat, NOW + MINUTE - 1) is None
    assert next_step(chat, NOW + MINUTE) == Board(3)


def test_a_board_that_is_gone_is_sent_anew_at_once() -> None:
    chat = Chat(kept=Kept(board=3))
    chat.board_changed = True
    played(chat, NOW, Dropped("message to edit not found"))
    assert played(chat, NOW + SECOND) == Board(None)
    assert chat.kept.board == 5


def test_what_was_told_is_remembered_within_a_bound() -> None:
    chat = Chat()
    for offset in range(3_000):
        offer(chat, notice(offset))
    assert len(chat.kept.told) == 1_000
    assert len(chat.queue) <= BEHIND_MAX
    counted = chat.kept.counted["binance:XRPUSDT"]["off-average"]
    assert counted + len(chat.queue) == 3_000


def test_what_is_snoozed_for_everybody_is_told_in_no_chat() -> None:
    chat = chat_with(1, 2)
    everywhere = {EVERYTHING: NOW + SECOND}
    chat.snoozed_everywhere = everywhere
    assert played(chat, NOW) is None
    assert chat.kept.counted == {"binance:XRPUSDT": {"off-average": 2}}
    everywhere[EVERYTHING] = 0
    everywhere["binance:XRPUSDT"] = NOW + 5 * SECOND
    assert played(chat, NOW + 4 * SECOND) is None
    assert isinstance(played(chat, NOW + 5 * SECOND), Summary)
