"""Telegram, through python-telegram-bot's `Bot` and nothing else of that library.

The server says how long to wait (`retry_after`). A call that failed may have arrived all the same: surely not only
where no connection was made. `BadRequest` is a `NetworkError` to the library, and would be retried for ever by whoever
forgets it; "message is not modified" is a success.
"""

import html
import math
from datetime import timedelta

import httpx
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.error import BadRequest, Conflict, NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from streams.notify.sinks.outcome import Delivered, Dropped, Held, Message, Outcome, Uncertain, Unreachable

CHAT_INTERVAL = 1_000_000
GROUP_INTERVAL = 3_000_000
"""Microseconds between messages: Telegram takes one a second in a chat, 20 a minute in a group; edits count, too."""
TEXT_MAX = 4_096
HEADLINE_MAX, DETAIL_MAX = 1_000, 3_000
"""Of the characters that a message may have."""
CONNECT_S, READ_S = 5.0, 15.0
POLL_S = 50
"""The longest that the server keeps a request for updates open."""
HELD_S = 30
"""How long nothing is sent after a refusal for too many requests that does not say how long."""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
NO_LINK_PREVIEW = LinkPreviewOptions(is_disabled=True)
AWAY = ("chat not found", "user is deactivated", "bot was kicked", "not enough rights", "have no rights", "upgraded to")
"""What the server says where the chat, not the message, is the reason."""


class TooManyRequests(Exception):
    """An answer 429 that is not in the form of the Bot API: a proxy's."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"429, retry after {seconds} s")
        self.seconds = seconds


def make_bot(token: str, url: str) -> Bot:
    """Return a client of the Bot API at `url`; call its `initialize` and `shutdown`."""

    def request(read_s: float) -> HTTPXRequest:
        hooks = {"event_hooks": {"response": [_notice_429]}}
        return HTTPXRequest(connect_timeout=CONNECT_S, read_timeout=read_s, httpx_kwargs=hooks)

    return Bot(
        token,
        base_url=f"{url}/bot",
        base_file_url=f"{url}/file/bot",
        request=request(READ_S),
        get_updates_request=request(POLL_S + READ_S),
    )


async def _notice_429(response: httpx.Response) -> None:
    """Keep what the library would lose of a refusal by a proxy: the header that says how long to wait."""
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        if "json" in response.headers.get("content-type", ""):
            return
        said = response.headers.get("retry-after", "")
        raise TooManyRequests(int(said) if said.isascii() and said.isdigit() else HELD_S)


def outcome_of(error: TelegramError) -> Outcome:
    """Return what a failed call means for what it was to send."""
    match error:
        case RetryAfter(retry_after=after):
            return Held(math.ceil(after.total_seconds() if isinstance(after, timedelta) else after))
        case NetworkError(__cause__=TooManyRequests(seconds=seconds)):
            return Held(seconds)
        case BadRequest():
            return _refused(error.message)
        case NetworkError() | Conflict():
            return Uncertain(error.message, False if isinstance(error.__cause__, NOT_SENT) else None)
    return Unreachable(error.message)


def _refused(reason: str) -> Outcome:
    """What a 400 means; the library takes it for an error of the network."""
    if "message is not modified" in reason.lower():
        return Delivered()
    return Unreachable(reason) if any(words in reason.lower() for words in AWAY) else Dropped(reason)


def html_of(message: Message) -> str:
    """Return the message in Telegram's HTML, no longer than what is taken."""
    headline = html.escape(_cut(message.headline, HEADLINE_MAX), quote=False)
    if not message.detail:
        return f"<b>{headline}</b>"
    detail = html.escape(_cut(message.detail, DETAIL_MAX), quote=False)
    return f"<b>{headline}</b>\n" + (f"<pre>{detail}</pre>" if message.is_table else detail)


def keyboard(message: Message) -> InlineKeyboardMarkup | None:
    """Return the buttons of a message."""
    if not message.buttons:
        return None
    row = [InlineKeyboardButton(button.text, callback_data=button.data) for button in message.buttons]
    return InlineKeyboardMarkup([row])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


class Telegram:
    """The sink; an address is the id of a chat."""

    name = "telegram"
    has_board = True

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    def interval(self, address: str) -> int:
        """Return the microseconds between two messages: ids of groups are negative."""
        return GROUP_INTERVAL if address.startswith("-") else CHAT_INTERVAL

    async def send(self, address: str, message: Message, *, is_silent: bool = False) -> Outcome:
        """Send a message; one whose HTML the server does not take, as plain text."""
        for text, form in ((html_of(message), "HTML"), (_cut(message.text, TEXT_MAX), None)):
            try:
                sent = await self._bot.send_message(
                    int(address),
                    text,
                    parse_mode=form,
                    reply_markup=keyboard(message),
                    disable_notification=is_silent,
                    link_preview_options=NO_LINK_PREVIEW,
                )
            except BadRequest as error:
                if form is not None and "can't parse entities" in error.message.lower():
                    continue
                return outcome_of(error)
            except TelegramError as error:
                return outcome_of(error)
            return Delivered(sent.message_id)
        raise AssertionError("plain text has no entities")

    async def edit(self, address: str, message_id: int, message: Message) -> Outcome:
        """Put a message in place of one that was sent."""
        try:
            await self._bot.edit_message_text(
                html_of(message), int(address), message_id, parse_mode="HTML", link_preview_options=NO_LINK_PREVIEW
            )
        except TelegramError as error:
            outcome = outcome_of(error)
            return Delivered(message_id) if isinstance(outcome, Delivered) else outcome
        return Delivered(message_id)

    async def close(self) -> None:
        """Let go of connections."""
        await self._bot.shutdown()
