"""`hedgehog notify`: the process that tells people what happens."""

import asyncio
import logging
import signal

import typer

from infra.config import Config, load_config
from infra.deadline import Deadline
from infra.errors import StackError
from producers.publisher import DeliveryError
from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM, BadValue
from streams.cli.notify.chat_commands import make_commands
from streams.cli.notify.options import Notify
from streams.cli.output import Output
from streams.notify.deliver import Destination
from streams.notify.destinations import NAMES, destinations, ids, secrets, token_of
from streams.notify.logs import log_without
from streams.notify.quiet import parse
from streams.notify.service import Hearing, Notifier
from streams.notify.state import StateFile

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOP_S = 15.0
"""A call that is under way, a commit and a goodbye to the broker have deadlines of their own, 11 s together."""


def notify(asked: Notify, out: Output) -> None:
    """Tell until a signal ends it; exit code 1 where it cannot go on."""
    names = asked.sink or []
    for name in names:
        if name not in NAMES:
            raise BadValue(f"--sink: {name!r} is none of {', '.join(NAMES)}")
    config = load_config()
    log_without(secrets(config))
    with_settings()
    found = destinations(config, names)
    said = ", ".join(dict.fromkeys(each.sink.name for each in found)) or "nobody yet"
    out.progress(f"telling {said} what {config.bootstrap} has; Ctrl-C ends it")
    token = token_of(config) if not names or "telegram" in names else ""
    raise typer.Exit(asyncio.run(_until_signalled(config, found, _hearing(config, token) if token else None)))


def _hearing(config: Config, token: str) -> Hearing:
    """Return what hears the commands of Telegram's chats for a notifier, until it is cancelled."""

    async def hear(notifier: Notifier) -> None:
        from streams.notify.sinks.telegram import make_bot  # noqa: PLC0415 -- half a second that others need not wait
        from streams.notify.updates import Updates  # noqa: PLC0415

        bot = make_bot(token, config.telegram_url.rstrip("/"))
        chats = {
            int(each.address): notifier.hub.chats[each.key]
            for each in notifier.delivery.destinations.values()
            if each.sink.name == "telegram"
        }
        users = [int(user) for user in ids(config.telegram_users)]
        commands = make_commands(config, notifier.quiet)
        try:
            await Updates(bot, chats, users, commands, notifier.hub, notifier.save, notifier.delivery.wake).run()
        finally:
            await bot.shutdown()

    return hear


async def _until_signalled(config: Config, found: list[Destination], hear: Hearing | None) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    Deadline("the notifier", STOP_S).begin_on(*SIGNALS)
    with StateFile(config) as file:
        try:
            notifier = Notifier(config, found, parse(config.notify_quiet, config.notify_zone), file)
            await notifier.run(stop, hear)
        except (StackError, ConnectionError, DeliveryError) as error:
            log.critical("%s", error)
            return PROBLEM
    return 0
