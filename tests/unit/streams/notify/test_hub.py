"""For whom each record is: watches, kinds, digests, silence, and what may be committed."""

from typing import Any

import msgspec
import pytest

from schemas.market_records import Alert, Digest
from schemas.units import ONE
from schemas.watches import ANY, AlertKind, Snooze, Watch
from streams.notify.chat import Chat, Kept, is_snoozed, next_step, settle
from streams.notify.hub import Hub, State, next_offsets
from streams.notify.notices import Place
from streams.notify.sinks.outcome import Delivered
from tests import samples
from tests.unit.streams.notify.said import NOW

XRP = "binance:XRPUSDT"
MINUTE = 60_000_000


def watch(**changes: Any) -> Watch:
    return Watch(**{"exchange": "binance", "symbol": "XRPUSDT", **changes})


def alert(offset: int = 0, kind: str = "off-average", **changes: Any) -> Alert:
    values: dict[str, Any] = {
        "exchange": "binance",
        "symbol": "XRPUSDT",
        "alert_id": f"{XRP}:{kind}:up:{offset}",
        "kind": kind,
        "direction": "up",
        "price": 103 * ONE,
        "reference": 100 * ONE,
        "threshold": 2 * ONE // 100,
        "value": 3 * ONE // 100,
        "held_back": 0,
        "settings_offset": -1,
        "event_time": NOW,
        **changes,
    }
    return Alert(**values)


def digest(time: int = NOW, price: int = 50, **changes: Any) -> Digest:
    values: dict[str, Any] = {
        "exchange": "binance",
        "symbol": "XRPUSDT",
        "time": time,
        "price": price * ONE,
        "average": 50 * ONE,
        "trades_per_second": 0,
        "open": 40 * ONE,
        "high": 99 * ONE,
        "low": ONE,
        "volume": 1,
        "quote_volume": 1,
        "trades": 1,
        "covered_since": 0,
        "settings_offset": -1,
        **changes,
    }
    return Digest(**values)


def hub_with(*watches: Watch) -> tuple[Hub, Chat]:
    hub, chat = Hub(State()), Chat()
    hub.add("telegram:7", chat)
    hub.watches.update({each.instrument: each for each in watches})
    return hub, chat


def told(chat: Chat) -> list[str]:
    return [notice.headline for notice in chat.queue]


PRICE = f"{XRP}: 103, 3.00 % above its average of 5 minutes"
FILL = f"{XRP}: BUY 1 filled at 99"


@pytest.mark.parametrize(
    ("watches", "expected"),
    [
        ((), [FILL]),
        ((watch(),), [PRICE, FILL]),
        ((watch(watched=False),), [FILL]),
        ((watch(kinds="off-average,day-range"),), [PRICE]),
        ((watch(kinds="order-filled"),), [FILL]),
        ((watch(kinds=""),), []),
        ((watch(symbol="OTHER"),), [FILL]),
    ],
    ids=["none", "watched", "unwatched", "the market's only", "the trader's only", "nothing", "another instrument"],
)
def test_what_is_told_of_an_instrument(watches: tuple[Watch, ...], expected: list[str]) -> None:
    hub, chat = hub_with(*watches)
    hub.take(alert(), Place("alerts", 0, 0))
    hub.take(samples.fill(transaction_time=NOW), Place("fills", 0, 0))
    assert told(chat) == expected


@pytest.mark.parametrize(
    ("kind", "changes", "headline", "detail"),
    [
        ("off-average", {"held_back": 14}, PRICE, "Compared with 100. 14 more since the last one."),
        (
            "off-average",
            {"direction": "down", "value": -(25 * ONE // 1_000)},
            f"{XRP}: 103, 2.50 % below its average of 5 minutes",
            "Compared with 100.",
        ),
        ("day-range", {}, f"{XRP}: 103, new high of 24 hours", "Compared with 100."),
        ("day-range", {"direction": "down"}, f"{XRP}: 103, new low of 24 hours", "Compared with 100."),
        ("exchanges-apart", {"other": "a:B"}, f"{XRP}: 103, 3.00 % above a:B", "Compared with 100."),
        (
            "exchanges-apart",
            {"other": "a:B", "direction": "down", "value": -ONE // 100},
            f"{XRP}: 103, 1.00 % below a:B",
            "Compared with 100.",
        ),
    ],
)
def test_alerts_in_words(kind: str, changes: dict[str, Any], headline: str, detail: str) -> None:
    hub, chat = hub_with(watch())
    hub.take(alert(0, kind, **changes), Place("alerts", 0, 0))
    (notice,) = chat.queue
    assert (notice.headline, notice.detail) == (headline, detail)


def test_a_repeated_alert_is_told_once() -> None:
    hub, chat = hub_with(watch())
    for offset in (0, 1):
        hub.take(alert(), Place("alerts", 0, offset))
    assert len(chat.queue) == 1


def test_nothing_is_committed_that_waits() -> None:
    hub, chat = hub_with(watch())
    for offset in range(3):
        place = Place("alerts", 0, offset)
        hub.take(alert(offset), place)
        hub.passed(place)
    hub.passed(Place("orders", 1, 8))
    assert hub.commits() == {"alerts:0": 0, "orders:1": 9}
    assert isinstance(next_step(chat, NOW), object)
    settle(chat, Delivered(), NOW)
    assert hub.commits() == {"alerts:0": 1, "orders:1": 9}
    assert next_offsets({"dead-letters:3": 5}) == {("dead-letters", 3): 5}


def test_the_slowest_destination_holds_back_the_commit_and_the_others_are_told_once() -> None:
    hub, fast = hub_with(watch())
    slow = Chat()
    hub.add("webhook:x", slow)
    for offset in range(2):
        hub.take(alert(offset), Place("alerts", 0, offset))
        hub.passed(Place("alerts", 0, offset))
    for now in (NOW, NOW + MINUTE // 60):
        next_step(fast, now)
        settle(fast, Delivered(), now)
    assert hub.commits() == {"alerts:0": 0}

    # a successor reads from there, with what was kept
    again = Hub(hub.state)
    fast, slow = Chat(), Chat()
    again.add("telegram:7", fast)
    again.add("webhook:x", slow)
    again.watches[XRP] = watch()
    for offset in range(3):
        again.take(alert(offset), Place("alerts", 0, offset))
        again.passed(Place("alerts", 0, offset))
        again.commits()
    assert [len(fast.queue), len(slow.queue)] == [1, 3]


def test_a_position_never_goes_back() -> None:
    hub, _ = hub_with(watch())
    hub.state.chats["telegram:7"].positions["alerts:0"] = 5
    hub.passed(Place("alerts", 0, 1))
    assert hub.commits() == {"alerts:0": 2}
    assert hub.state.chats["telegram:7"].positions == {"alerts:0": 5}


def test_what_is_kept_of_a_destination_is_used_again() -> None:
    hub = Hub(State(chats={"telegram:7": Kept(board=9)}))
    chat = Chat()
    hub.add("telegram:7", chat)
    assert chat.kept.board == 9


def test_the_newest_digest_of_an_instrument_stands() -> None:
    hub, chat = hub_with(watch())
    for each in (digest(NOW), digest(NOW - MINUTE, price=1)):
        hub.take(each, Place("digests", 0, 0))
    standing = hub.standings[XRP]
    assert (standing.price, standing.time, standing.change) == (50 * ONE, NOW, ONE // 4)
    assert chat.board_changed
    assert list(hub.watched()) == [XRP]


@pytest.mark.parametrize("watches", [(), (watch(watched=False),), (watch(digest_minutes=0),)])
def test_the_board_shows_what_is_watched(watches: tuple[Watch, ...]) -> None:
    hub, chat = hub_with(*watches)
    hub.take(digest(), Place("digests", 0, 0))
    assert not chat.board_changed
    assert hub.watched() == {}


@pytest.mark.parametrize(
    ("minutes", "changes", "is_told"),
    [
        (16, {}, False),
        (17, {}, True),
        (30, {"digest_minutes": 15}, False),
        (31, {"digest_minutes": 15}, True),
        (3, {"silence": 60}, True),
        (2_000, {"silence": 0}, False),
        (2_000, {"digest_minutes": 0}, False),
        (2_000, {"watched": False}, False),
        (2_000, {"kinds": "off-average"}, False),
    ],
)
def test_a_silent_feed_is_told_once(minutes: int, changes: dict[str, Any], is_told: bool) -> None:
    hub, chat = hub_with(watch(**changes))
    hub.take(digest(), Place("digests", 0, 0))
    for _ in range(3):
        hub.look_for_silence(NOW + minutes * MINUTE)
    assert told(chat) == ([f"{XRP}: no trade for {minutes} minutes"] if is_told else [])
    if is_told:
        assert chat.queue[0].notice_id == f"{XRP}:{AlertKind.FEED_SILENT}:{NOW}"
        assert hub.commits() == {}


def test_what_was_known_of_a_topic_that_is_made_anew_is_forgotten() -> None:
    """Its offsets, and the ids that are made of them, begin anew: nothing of the new one counts as told."""
    hub, chat = hub_with(watch())
    assert hub.know_topics({"alerts": "a", "fills": "f"}) == []
    for offset in range(3):
        hub.take(alert(offset), Place("alerts", 0, offset))
        hub.passed(Place("alerts", 0, offset))
    hub.take(samples.fill(epoch=9, transaction_time=NOW), Place("fills", 0, 0))
    for now in range(NOW, NOW + 4 * MINUTE, MINUTE):
        next_step(chat, now)
        settle(chat, Delivered(), now)
    hub.commits()

    same, _ = again(hub)
    assert same.know_topics({"alerts": "a", "fills": "f"}) == []
    assert told_again(same) == 0
    anew, _ = again(hub)
    assert anew.know_topics({"alerts": "b", "fills": "g"}) == ["alerts", "fills"]
    assert told_again(anew) == 2


def again(hub: Hub) -> tuple[Hub, Chat]:
    """A successor with what was kept."""
    successor, chat = Hub(msgspec.json.decode(msgspec.json.encode(hub.state), type=State)), Chat()
    successor.add("telegram:7", chat)
    successor.watches[XRP] = watch()
    return successor, chat


def told_again(hub: Hub) -> int:
    """How much is told of an alert and a fill as there were before, the fill of an epoch that begins anew."""
    hub.take(alert(0), Place("alerts", 0, 0))
    hub.take(samples.fill(epoch=1, transaction_time=NOW), Place("fills", 0, 0))
    return len(hub.chats["telegram:7"].queue)


def test_a_snooze_of_the_topic_is_of_every_destination() -> None:
    hub, first = hub_with(watch())
    hub.snooze(Snooze(exchange="binance", symbol="XRPUSDT", until=NOW, updated_time=1))
    second = Chat()
    hub.add("stdout:-", second)
    for chat in (first, second):
        assert is_snoozed(chat, XRP, NOW - 1)
        assert not is_snoozed(chat, XRP, NOW)
        assert not is_snoozed(chat, "binance:ETHUSDT", NOW - 1)
    hub.snooze(Snooze(exchange=ANY, symbol=ANY, until=NOW + 5, updated_time=2))
    assert is_snoozed(first, "binance:ETHUSDT", NOW)
    hub.snooze(Snooze(exchange=ANY, symbol=ANY, until=0, updated_time=3))
    assert not is_snoozed(first, "binance:ETHUSDT", NOW)
