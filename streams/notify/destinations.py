"""Who is told, by the configuration."""

from collections.abc import Callable, Sequence

from infra.config import Config
from infra.errors import StackError
from infra.passwords import typed_secret
from streams.notify.deliver import Destination
from streams.notify.sinks.apprise import Apprise
from streams.notify.sinks.stdout import Stdout
from streams.notify.sinks.webhook import Webhook

CHATS_MAX = 20
"""Telegram takes some 30 messages a second of one bot, and each chat gets one."""


class NotConfigured(StackError):
    """A destination lacks what it needs; the message names the variable."""


def token_of(config: Config) -> str:
    """Return the bot's token, "" where there is none; raise `NotConfigured` for a file that holds none."""
    if not config.telegram_token_file:
        return config.telegram_token
    try:
        token = typed_secret(config.telegram_token_file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise NotConfigured(f"HEDGEHOG_TELEGRAM_TOKEN_FILE={config.telegram_token_file}: {reason}") from None
    if not token:
        raise NotConfigured(f"HEDGEHOG_TELEGRAM_TOKEN_FILE={config.telegram_token_file}: the file is empty")
    return token


def ids(text: str) -> list[str]:
    """Return the ids of a list of them, each once."""
    return list(dict.fromkeys(text.split(","))) if text else []


def secrets(config: Config) -> list[str]:
    """Return what must not appear in any log."""
    return [each for each in (token_of(config), config.notify_webhook, *config.notify_apprise.split()) if each]


def destinations(config: Config, names: Sequence[str]) -> list[Destination]:
    """Return the destinations of these sinks; of all that are configured where none is named, else stdout.

    Raises `NotConfigured`, which names the variable that is missing, for a sink that was named.
    """
    made = {name: make(config) for name, (make, _) in SINKS.items() if not names or name in names}
    for name, found in made.items():
        if not found and name in names:
            raise NotConfigured(f"{name}: {SINKS[name][1]} is not set")
    found = [each for some in made.values() for each in some]
    if "stdout" in names or not (found or token_of(config)):
        found.append(Destination(Stdout(), "-"))
    return found


def _telegram(config: Config) -> list[Destination]:
    token = token_of(config)
    if not token:
        return []
    from streams.notify.sinks.telegram import Telegram, make_bot  # noqa: PLC0415 -- half a second that others need not wait

    chats = ids(config.telegram_chats)
    if len(chats) > CHATS_MAX:
        raise NotConfigured(f"HEDGEHOG_TELEGRAM_CHATS: {len(chats)} chats, {CHATS_MAX} is the most")
    sink = Telegram(make_bot(token, config.telegram_url.rstrip("/")))
    return [Destination(sink, chat) for chat in chats]


def _webhook(config: Config) -> list[Destination]:
    return [Destination(Webhook(), config.notify_webhook)] if config.notify_webhook else []


def _apprise(config: Config) -> list[Destination]:
    urls = config.notify_apprise.split()
    sink = Apprise()
    return [Destination(sink, url) for url in urls]


SINKS: dict[str, tuple[Callable[[Config], list[Destination]], str]] = {
    "telegram": (_telegram, "HEDGEHOG_TELEGRAM_TOKEN or HEDGEHOG_TELEGRAM_TOKEN_FILE, and HEDGEHOG_TELEGRAM_CHATS"),
    "webhook": (_webhook, "HEDGEHOG_NOTIFY_WEBHOOK"),
    "apprise": (_apprise, "HEDGEHOG_NOTIFY_APPRISE"),
}
"""How each sink's destinations are made, and what it needs."""
NAMES = (*SINKS, "stdout")
