"""Commands from Telegram, over the real client and a local server: who is heard, how often, and what a failure does."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest

from streams.notify import updates
from streams.notify.chat import Chat
from streams.notify.commands import Action, Commands
from streams.notify.hub import Hub, State
from streams.notify.sinks import telegram
from streams.notify.sinks.telegram import make_bot
from streams.notify.updates import TokenRefused, Updates
from tests.unit.streams.notify import bot_api as server
from tests.unit.streams.notify.bot_api import TOKEN, BotApi

PRIVATE, GROUP, FRIEND, STRANGER = 7, -100, 8, 9


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "BACK_OFF_MAX_S", 0.05)
    monkeypatch.setattr(updates, "POLL_S", 1)
    monkeypatch.setattr(telegram, "READ_S", 1.0)


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with server.bot_api() as running:
        yield running


class Side:
    """The notifier's side of the commands."""

    def __init__(self, api: BotApi, state: State, users: Sequence[int] = ()) -> None:
        self.done: list[str] = []
        self.fails = False
        self.hub = Hub(state)
        self.chats = {PRIVATE: Chat(), GROUP: Chat()}
        for number, chat in self.chats.items():
            self.hub.add(f"telegram:{number}", chat)
        self.saved: list[int] = []
        commands = Commands({"watch": Action("watch", "", self.run)}, list, str, ZoneInfo("UTC"))
        self.bot = make_bot(TOKEN, api.url)
        self.updates = Updates(self.bot, self.chats, users, commands, self.hub, self.save, lambda: None)

    def run(self, words: Sequence[str]) -> str:
        if self.fails:
            raise ZeroDivisionError("a fault of ours")
        self.done.append(" ".join(words))
        return "done"

    def save(self) -> None:
        self.saved = list(self.hub.state.handled)

    def replies(self, chat: int) -> list[str]:
        return [message.headline for message in self.chats[chat].replies]


@asynccontextmanager
async def hearing(api: BotApi, state: State | None = None, users: Sequence[int] = ()) -> AsyncIterator[Side]:
    side = Side(api, State() if state is None else state, users)
    task = asyncio.create_task(side.updates.run())
    yield side
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await side.bot.shutdown()


async def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline, "it takes too long"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("chat", "user", "users", "is_heard"),
    [
        (PRIVATE, PRIVATE, (), True),
        (PRIVATE, STRANGER, (), False),
        (GROUP, PRIVATE, (), True),
        (GROUP, STRANGER, (), False),
        (GROUP, FRIEND, (FRIEND,), True),
        (PRIVATE, PRIVATE, (FRIEND,), False),
        (STRANGER, PRIVATE, (), False),
        (STRANGER, STRANGER, (STRANGER,), False),
    ],
)
@pytest.mark.parametrize("is_button", [False, True])
async def test_only_allowed_users_in_allowed_chats_are_heard(
    chat: int, user: int, users: Sequence[int], is_heard: bool, is_button: bool, api: BotApi
) -> None:
    async with hearing(api, users=users) as side:
        if is_button:
            last = api.press("snooze-hour:binance:XRPUSDT", chat, user)
        else:
            last = api.say("/snooze binance:XRPUSDT 1h", chat, user)
        await until(lambda: last in side.saved)
        snoozed = [number for number, each in side.chats.items() if each.kept.snoozed]
        assert snoozed == ([chat] if is_heard else [])
        assert bool(api.answers) == (is_heard and is_button)


async def test_a_stranger_is_named_once_with_the_id_that_lets_the_chat_in(
    api: BotApi, caplog: pytest.LogCaptureFixture
) -> None:
    async with hearing(api) as side:
        for _ in range(3):
            last = api.say("/start", STRANGER, STRANGER)
        await until(lambda: last in side.saved)
    assert caplog.text.count(f"HEDGEHOG_TELEGRAM_CHATS={STRANGER} lets the chat in") == 1


async def test_an_update_is_confirmed_after_its_effect_is_kept(api: BotApi) -> None:
    async with hearing(api) as side:
        first = api.say("/watch a")
        await until(lambda: api.confirmed == first + 1)
        assert side.done == ["a"]
        assert side.saved == [first]
        assert side.replies(PRIVATE) == ["done"]


async def test_what_was_done_before_a_kill_is_not_done_again(api: BotApi) -> None:
    """The server sends again what was not confirmed to it."""
    first = api.say("/watch a")
    async with hearing(api, State(handled=[first])) as side:
        second = api.say("/watch b")
        await until(lambda: api.confirmed == second + 1)
        assert side.done == ["b"]


async def test_a_webhook_is_deleted_first(api: BotApi) -> None:
    api.has_webhook = True
    async with hearing(api) as side:
        last = api.say("/watch a")
        await until(lambda: last in side.saved)
    methods = [method for _, method, _ in api.calls]
    assert methods.index("deleteWebhook") < methods.index("getUpdates")


@pytest.mark.parametrize(
    "fault",
    [
        server.code(409, "Conflict: terminated by other getUpdates request"),
        server.code(502, "Bad Gateway"),
        server.bad_gateway_page(),
        server.cut(arrives=False),
        server.too_many(1),
        server.hang(3, arrives=False),
    ],
    ids=["409", "502", "502-html", "cut", "429", "hang"],
)
async def test_commands_are_heard_after_a_failure(
    fault: server.Fault, api: BotApi, caplog: pytest.LogCaptureFixture
) -> None:
    api.poll_faults.append(fault)
    async with hearing(api) as side:
        last = api.say("/watch a")
        await until(lambda: last in side.saved)
    assert side.done == ["a"]
    assert "commands are not heard" in caplog.text


async def test_a_poll_waits_as_long_as_the_server_says(api: BotApi) -> None:
    api.poll_faults.append(server.too_many(1))
    async with hearing(api):
        await until(lambda: len(api.times("getUpdates")) > 1)
    first, second, *_ = api.times("getUpdates")
    assert second - first >= 1


async def test_a_fault_of_ours_in_a_command_ends_nothing(api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    async with hearing(api) as side:
        side.fails = True
        first = api.say("/watch a")
        await until(lambda: first in side.saved)
        side.fails = False
        second = api.say("/watch b")
        await until(lambda: second in side.saved)
        assert side.replies(PRIVATE) == ["That failed; the log of hedgehog notify says how.", "done"]
    assert "ZeroDivisionError" in caplog.text


async def test_a_token_that_nobody_knows_ends_it(api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    side = Side(api, State())
    side.updates._bot = make_bot("1:other", api.url)
    with pytest.raises(TokenRefused, match="HEDGEHOG_TELEGRAM_TOKEN: Telegram does not know this token"):
        await side.updates.run()
    await side.updates._bot.shutdown()
    await side.bot.shutdown()
