"""`hedgehog notify`: the process that tells people what happens."""

import asyncio
import logging
import signal

import typer

from infra.config import Config, load_config
from infra.errors import StackError
from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM, BadValue
from streams.cli.notify.options import Notify
from streams.cli.output import Output
from streams.notify.deliver import Destination
from streams.notify.destinations import NAMES, destinations, secrets
from streams.notify.logs import log_without
from streams.notify.quiet import parse
from streams.notify.service import Notifier
from streams.notify.state import StateFile

log = logging.getLogger(__name__)


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
    raise typer.Exit(asyncio.run(_until_signalled(config, found)))


async def _until_signalled(config: Config, found: list[Destination]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with StateFile(config) as file:
        try:
            await Notifier(config, found, parse(config.notify_quiet, config.notify_zone), file).run(stop)
        except (StackError, ConnectionError) as error:
            log.critical("%s", error)
            return PROBLEM
    return 0
