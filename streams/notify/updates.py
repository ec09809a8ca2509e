"""Hears commands from Telegram: of the chats *and* the users that are allowed, nobody else.

An update is confirmed to the server, by the offset of the next request, after its effect was done and written down. One
that comes again is known by its id: the newest ids are kept, not the highest, for Telegram begins anew now and then.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from telegram import Bot, BotCommand, CallbackQuery, Message, Update
from telegram.error import Conflict, InvalidToken, NetworkError, TelegramError

from infra.errors import StackError
from streams.notify.chat import Chat, answer, snooze
from streams.notify.commands import Answer, Commands, Heard
from streams.notify.hub import Hub
from streams.notify.sinks.outcome import Held
from streams.notify.sinks.outcome import Message as Said
from streams.notify.sinks.telegram import POLL_S, outcome_of

log = logging.getLogger(__name__)

KINDS = ["message", "callback_query"]
BACK_OFF_MAX_S = 60.0
HANDLED_MAX = 200
STRANGERS_MAX = 100
"""So many strangers are named in the log, once each."""


class TokenRefused(StackError):
    """Telegram does not know the bot's token."""


class Updates:
    """The updates of a bot. `chats` are by the id of each; `save` writes the state down, `wake` has answers sent."""

    def __init__(
        self,
        bot: Bot,
        chats: Mapping[int, Chat],
        users: Sequence[int],
        commands: Commands,
        hub: Hub,
        save: Callable[[], object],
        wake: Callable[[], None],
    ) -> None:
        self._bot = bot
        self._chats = chats
        self._users = frozenset(users)
        self._commands = commands
        self._hub = hub
        self._save = save
        self._wake = wake
        self._strangers: set[tuple[int, int]] = set()
        self._offset: int | None = None

    async def run(self) -> None:
        """Hear until cancelled; raise `TokenRefused` where the server does not know the token at the start."""
        await self._introduce()
        failures = 0
        while True:
            try:
                found = await self._bot.get_updates(offset=self._offset, timeout=POLL_S, allowed_updates=KINDS)
                failures = 0
            except TelegramError as error:
                failures += 1
                await self._after(error, failures)
                continue
            for update in found:
                await self._take(update)
                self._offset = update.update_id + 1

    async def _introduce(self) -> None:
        failures = 0
        while True:
            try:
                await self._bot.initialize()
                # a webhook that was set once would have every poll refused
                await self._bot.delete_webhook()
                await self._bot.set_my_commands([BotCommand(*each) for each in self._commands.menu()])
                log.info("telegram: this is @%s, in %s chats", self._bot.username, len(self._chats))
                return
            except InvalidToken:
                raise TokenRefused("HEDGEHOG_TELEGRAM_TOKEN: Telegram does not know this token") from None
            except TelegramError as error:
                failures += 1
                await self._after(error, failures)

    async def _after(self, error: TelegramError, failures: int) -> None:
        """Wait before the next request, as long as the server says, else longer with each failure in a row."""
        outcome = outcome_of(error)
        wait = min(2.0 ** min(failures - 1, 10), BACK_OFF_MAX_S)
        if isinstance(outcome, Held):
            wait = float(outcome.seconds)
        if isinstance(error, Conflict):
            log.error("telegram: commands are not heard: somebody else polls this bot, or a webhook is set: %s", error)
            await self._drop_webhook()
        elif failures in (1, 10):
            log.warning("telegram: commands are not heard at present: %s", error)
        await asyncio.sleep(wait)

    async def _drop_webhook(self) -> None:
        try:
            await self._bot.delete_webhook()
        except NetworkError as error:
            log.warning("telegram: the webhook is still there: %s", error)

    async def _take(self, update: Update) -> None:
        if update.update_id in self._hub.state.handled:
            return
        if update.callback_query is not None:
            await self._press(update.callback_query)
        elif update.message is not None and update.message.text:
            await self._hear(update.message)
        self._hub.state.handled = [*self._hub.state.handled[1 - HANDLED_MAX :], update.update_id]
        self._save()

    async def _hear(self, message: Message) -> None:
        user = message.from_user.id if message.from_user else 0
        chat = self._allowed(message.chat.id, user)
        if chat is None or not message.text:
            return
        sent = int(message.date.timestamp()) * 1_000_000
        await self._answered(chat, message.text, False, sent)

    async def _press(self, query: CallbackQuery) -> None:
        chat = self._allowed(query.message.chat.id if query.message else 0, query.from_user.id)
        if chat is None or not query.data:
            return
        said = await self._answered(chat, query.data, True, _now())
        try:
            await self._bot.answer_callback_query(query.id, said.toast)
        except TelegramError as error:
            # it was done all the same; a query that is too old can not be answered any more
            log.info("telegram: a button was not answered: %s", error)

    async def _answered(self, chat: Chat, text: str, is_button: bool, sent: int) -> Answer:
        hub = self._hub
        heard = Heard(
            text,
            is_button,
            sent,
            _now(),
            dict(chat.kept.snoozed),
            dict(hub.standings),
            sorted(hub.watched()),
            dict(hub.snoozed),
        )
        try:
            said = await asyncio.to_thread(self._commands.answer, heard)
        except Exception:
            # a fault of ours in a command must not end the alerts; heard again it would end them each time
            log.exception("a command failed")
            said = Answer(Said("That failed; the log of hedgehog notify says how."), "that failed")
        if said.snooze is not None:
            snooze(chat, *said.snooze)
        if said.message is not None:
            answer(chat, said.message)
            self._wake()
        return said

    def _allowed(self, chat_id: int, user: int) -> Chat | None:
        """Return the chat if it and the user are allowed; else log once how to let them in."""
        chat = self._chats.get(chat_id)
        users = self._users or {chat for chat in self._chats if chat > 0}
        if chat is not None and user in users:
            return chat
        if (chat_id, user) not in self._strangers and len(self._strangers) < STRANGERS_MAX:
            self._strangers.add((chat_id, user))
            text = "telegram: user %s in chat %s is not heard; HEDGEHOG_TELEGRAM_CHATS=%s lets the chat in%s"
            more = "" if chat_id > 0 else f", HEDGEHOG_TELEGRAM_USERS={user} the user"
            log.warning(text, user, chat_id, chat_id, more)
        return None


def _now() -> int:
    return time.time_ns() // 1_000
