"""The table of faults: a real client against a local server of the Bot API that fails in every way it may.

Each alert arrives at least once, twice only where a failed call may have arrived, and no call is made before the
server's `retry_after` is over.
"""

import asyncio
import io
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from telegram import Bot

from streams.notify import deliver
from streams.notify.chat import FRESH
from streams.notify.deliver import Delivery, Destination
from streams.notify.hub import Hub, State
from streams.notify.logs import Redacted
from streams.notify.notices import Standing
from streams.notify.quiet import Quiet
from streams.notify.sinks import telegram
from streams.notify.sinks.outcome import Message
from streams.notify.sinks.telegram import Telegram, make_bot
from tests.unit.streams.notify import bot_api as server
from tests.unit.streams.notify.bot_api import TOKEN, BotApi, Fault
from tests.unit.streams.notify.said import notice

ALERTS = 3
CHAT = "7"
TICK_US = 100_000
"""Between two messages, in place of a second."""


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telegram, "CHAT_INTERVAL", TICK_US)
    monkeypatch.setattr(telegram, "READ_S", 0.5)
    monkeypatch.setattr("streams.notify.chat.SECOND", TICK_US)
    monkeypatch.setattr(deliver, "WAKE_S", 0.02)


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with server.bot_api() as running:
        yield running


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that any logger says, from debug on, as `hedgehog notify` formats it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Redacted(logging.Formatter(), [TOKEN]))
    root = logging.getLogger()
    before, root.level = root.level, logging.DEBUG
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


@dataclass
class Told:
    """A delivery to one chat."""

    api: BotApi
    hub: Hub = field(default_factory=lambda: Hub(State()))
    saves: int = 0
    bot: Bot | None = None

    async def alerts(self, count: int = ALERTS) -> None:
        """Tell so many alerts; return when nothing waits any more."""
        for offset in range(count):
            self.hub._tell(notice(offset, time=deliver.now(), kind="order-filled"))
        await self.until(lambda: not self.hub.chats[f"telegram:{CHAT}"].queue)

    async def until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not done():
            assert time.monotonic() < deadline, "it takes too long"
            await asyncio.sleep(0.01)

    def save(self) -> None:
        self.saves += 1


@pytest.fixture
async def told(api: BotApi) -> AsyncIterator[Told]:
    told = Told(api)
    destination = Destination(Telegram(make_bot(TOKEN, api.url)), CHAT)
    delivery = Delivery(told.hub, [destination], Quiet(), told.save)
    stop = asyncio.Event()
    task = asyncio.create_task(delivery.tell(destination, stop))
    yield told
    stop.set()
    await asyncio.wait_for(task, 5)
    await delivery.close()


SENT_ONCE = [f"<b>alert {offset}</b>" for offset in range(ALERTS)]
AGAIN = [SENT_ONCE[0], *SENT_ONCE]


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        (None, SENT_ONCE),
        (server.too_many(1), SENT_ONCE),
        (server.too_many_in_html(1), SENT_ONCE),
        (server.code(500, "Internal Server Error"), SENT_ONCE),
        (server.code(500, "Internal Server Error", arrives=True), AGAIN),
        (server.code(502, "Bad Gateway"), SENT_ONCE),
        (server.bad_gateway_page(), SENT_ONCE),
        (server.cut(arrives=False), SENT_ONCE),
        (server.cut(arrives=True), AGAIN),
        (server.hang(2, arrives=False), SENT_ONCE),
        (server.hang(2, arrives=True), AGAIN),
        (server.code(403, "Forbidden: bot was blocked by the user"), SENT_ONCE),
        (server.code(400, "Bad Request: chat not found"), SENT_ONCE),
        (server.code(401, "Unauthorized"), SENT_ONCE),
        (server.code(409, "Conflict: terminated by other getUpdates request"), SENT_ONCE),
        (server.code(400, "Bad Request: message text is empty"), SENT_ONCE[1:]),
        (server.code(400, "Bad Request: can't parse entities: unclosed tag"), ["alert 0", *SENT_ONCE[1:]]),
    ],
    ids=[
        *("none", "429", "429-html", "500", "500-arrived", "502", "502-html", "cut-before", "cut-after"),
        *("hang", "hang-arrived", "403", "chat-not-found", "401", "409", "400", "400-entities"),
    ],
)
async def test_each_alert_at_least_once_and_twice_only_where_it_may_have_arrived(
    fault: Fault | None, arrived: list[str], told: Told, logged: io.StringIO
) -> None:
    told.api.faults.append(fault)
    await told.alerts()
    assert told.api.texts == arrived
    assert told.saves >= ALERTS
    assert TOKEN not in logged.getvalue()


@pytest.mark.parametrize("fault", [server.too_many(2), server.too_many_in_html(2)])
async def test_no_call_is_made_before_retry_after(fault: Fault, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.notify.chat.SECOND", 1_000_000)
    told.api.faults.append(fault)
    await told.alerts()
    first, second, *_ = told.api.times("sendMessage")
    assert 2 <= second - first < 2.5


async def test_calls_are_an_interval_apart_whatever_fails(told: Told) -> None:
    told.api.faults.extend([None, server.code(500, "x"), server.cut(arrives=True), None, server.code(502, "x")])
    await told.alerts(6)
    times = told.api.times("sendMessage")
    assert min(later - earlier for earlier, later in pairwise(times)) >= TICK_US / 1_000_000


async def test_a_server_that_is_not_there_is_waited_for(told: Told, api: BotApi) -> None:
    """What was not sent for sure is told once, when the server is back."""
    from telegram.error import NetworkError  # noqa: PLC0415

    lost = make_bot(TOKEN, "http://127.0.0.1:1")
    with pytest.raises(NetworkError) as error:
        await lost.get_me()
    outcome = telegram.outcome_of(error.value)
    assert (type(outcome).__name__, outcome.is_sent) == ("Uncertain", False)  # type: ignore[union-attr]


async def test_one_chat_that_is_blocked_is_in_nobodys_way(api: BotApi) -> None:
    hub = Hub(State())
    sink = Telegram(make_bot(TOKEN, api.url))
    ours, blocked = Destination(sink, "7"), Destination(sink, "8")
    api.blocked.add("8")
    delivery = Delivery(hub, [ours, blocked], Quiet(), lambda: None)
    stop = asyncio.Event()
    tasks = [asyncio.create_task(delivery.tell(each, stop)) for each in (ours, blocked)]
    for offset in range(ALERTS):
        hub._tell(notice(offset, time=deliver.now(), kind="order-filled"))
    hub.consumed["alerts:0"] = ALERTS
    await Told(api, hub).until(lambda: not hub.chats["telegram:7"].queue)
    assert api.texts == SENT_ONCE
    assert hub.commits() == {"alerts:0": 0}
    assert [each.place.offset for each in hub.chats["telegram:8"].queue] == [0, 1, 2]
    stop.set()
    await asyncio.gather(*tasks)
    await delivery.close()


async def test_the_board_is_one_message_that_is_edited(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.notify.chat.BOARD_EVERY", 2 * TICK_US)
    chat = told.hub.chats[f"telegram:{CHAT}"]
    for minute, price in enumerate((100, 100, 200)):
        standing = Standing("binance:XRPUSDT", 0, price * 10**8, 10**10, 0, 10**10, 10**10)
        monkeypatch.setattr(told.hub, "watched", lambda standing=standing: {"binance:XRPUSDT": standing})
        chat.board_changed = True
        sent = minute + 1
        await told.until(lambda sent=sent: len(told.api.times("sendMessage", "editMessageText")) == sent)
        await told.until(lambda: chat.under_way is None)
    # the second says the same as the first: not modified, which is a success
    assert [number for number, _ in told.api.edits] == [1]
    assert len(told.api.texts) == 1
    assert "200" in told.api.texts[0]
    assert chat.failures == 0
    assert told.api.calls[0][2]["disable_notification"] == "true"


async def test_what_is_special_to_html_is_escaped(told: Told, api: BotApi) -> None:
    sink = Telegram(make_bot(TOKEN, api.url))
    await sink.send(CHAT, Message("a < b & c", "<i>x</i>", is_table=True))
    assert api.texts == ["<b>a &lt; b &amp; c</b>\n<pre>&lt;i&gt;x&lt;/i&gt;</pre>"]
    await sink.send(CHAT, Message("x" * 5_000, "&" * 5_000))
    assert len(api.texts[1].replace("&amp;", "&")) < 4_096
    await sink.close()


def test_alerts_are_fresh_for_longer_than_the_longest_wait() -> None:
    assert FRESH > 5 * 60 * 1_000_000
