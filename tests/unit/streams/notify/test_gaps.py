"""Which gaps are told: those that are lost, at once, and those that stay open; each once."""

from typing import Any

import msgspec
import pytest

from schemas.gap_records import Gap, GapStatus
from schemas.watches import AlertKind, Watch
from streams.notify.chat import Chat, next_step, settle
from streams.notify.gaps import OPEN_MAX, STAYED, stayed, take_gap
from streams.notify.hub import Hub, State
from streams.notify.notices import Place
from streams.notify.sinks.outcome import Delivered
from tests.unit.streams.notify.said import NOW

PLACE = Place("gaps", 0, 5)
OPEN, FILLED, LOST = GapStatus.OPEN, GapStatus.FILLED, GapStatus.LOST


def gap(status: GapStatus = OPEN, **changes: Any) -> Gap:
    values: dict[str, Any] = {
        "exchange": "binance",
        "symbol": "XRPUSDT",
        "first_id": 7,
        "last_id": 9,
        "before_time": NOW,
        "after_time": NOW,
        "status": status,
        "missing": 3,
        "opened_time": NOW,
        "updated_time": NOW + 1,
        **changes,
    }
    return Gap(**values)


@pytest.mark.parametrize(
    ("statuses", "told_at_once", "told_later"),
    [
        ((OPEN,), 0, 1),
        ((OPEN, OPEN), 0, 1),
        ((OPEN, FILLED), 0, 0),
        ((OPEN, LOST), 1, 0),
        ((LOST,), 1, 0),
        ((FILLED,), 0, 0),
    ],
)
def test_which_are_told(statuses: tuple[GapStatus, ...], told_at_once: int, told_later: int) -> None:
    open_gaps: dict[str, Gap] = {}
    told = [notice for status in statuses for notice in take_gap(open_gaps, gap(status), PLACE)]
    assert len(told) == told_at_once
    assert stayed(open_gaps, NOW + STAYED) == []
    assert len(stayed(open_gaps, NOW + STAYED + 1)) == told_later


@pytest.mark.parametrize(
    ("changes", "headline", "detail"),
    [
        ({}, "binance:XRPUSDT: 3 trades missing", "From id 7 to 9. hedgehog gaps list"),
        ({"missing": 1}, "binance:XRPUSDT: 1 trade missing", "From id 7 to 9. hedgehog gaps list"),
        (
            {"missing": None, "reason": "the exchange has no more"},
            "binance:XRPUSDT: trades missing",
            "From id 7 to 9. the exchange has no more. hedgehog gaps list",
        ),
    ],
)
def test_in_words(changes: dict[str, Any], headline: str, detail: str) -> None:
    (notice,) = take_gap({}, gap(LOST, **changes), PLACE)
    assert (notice.headline, notice.detail) == (headline, detail)
    # the same id, whether it stayed first and was lost then, or is read again
    assert notice.notice_id == f"binance:XRPUSDT:gap-stayed:binance:XRPUSDT:7:{NOW}"


def test_open_ones_are_bounded() -> None:
    open_gaps: dict[str, Gap] = {}
    for number in range(OPEN_MAX + 3):
        take_gap(open_gaps, gap(first_id=number, last_id=number), PLACE)
    assert len(open_gaps) == OPEN_MAX


def test_a_gap_that_stays_is_told_once_to_who_wants_it_and_survives_a_restart() -> None:
    hub, chat = watching(State())
    hub.take(gap(), PLACE)
    # much has been told of the topic since
    hub.passed(Place("gaps", 0, 90))
    hub.commits()
    for later in range(1, 4):
        hub.look_for_gaps(NOW + STAYED + later)
    assert [notice.kind for notice in chat.queue] == [AlertKind.GAP_STAYED]

    # killed before it was told, and after
    for told in (1, 0):
        hub, chat = watching(msgspec.json.decode(msgspec.json.encode(hub.state), type=State))
        hub.look_for_gaps(NOW + STAYED + 5)
        assert len(chat.queue) == told
        if told:
            next_step(chat, NOW + STAYED)
            settle(chat, Delivered(), NOW + STAYED)
    unwatched = Hub(hub.state)
    unwatched.add("telegram:8", chat := Chat())
    unwatched.look_for_gaps(NOW + STAYED + 5)
    assert not chat.queue


def watching(state: State) -> tuple[Hub, Chat]:
    hub, chat = Hub(state), Chat()
    hub.add("telegram:7", chat)
    hub.watches["binance:XRPUSDT"] = Watch(exchange="binance", symbol="XRPUSDT")
    return hub, chat
