"""`hedgehog dashboard`: the process that shows everything in a browser."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import typer

from infra.config import Config, load_config
from infra.deadline import Deadline
from infra.ending import leave
from infra.errors import StackError
from infra.passwords import typed_secret
from producers.logs import log_to_stderr
from streams.cli.dashboard.deeds import make_deeds
from streams.cli.dashboard.options import Dashboard
from streams.cli.errors import PROBLEM, BadValue
from streams.cli.output import Output
from streams.web.http.guard import Guard
from streams.web.service import address, is_loopback, serve

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOP_S = 15.0
AUDIT = (str(Path(sys.executable).with_name("hedgehog")), "audit", "--json")


def dashboard(asked: Dashboard, out: Output) -> None:
    """Serve until a signal ends it; exit code 1 where it cannot go on.

    No part of the stack has to be there: what is missing is said on the page, and shown once it is there.
    """
    config = load_config()
    host = config.dashboard_host if asked.host is None else asked.host
    port = config.port("dashboard") if asked.port is None else asked.port
    password = password_of(config)
    if not password and not is_loopback(host):
        raise BadValue(
            f"--host: {host!r} is reached from other machines, and no password is set",
            hint="HEDGEHOG_DASHBOARD_PASSWORD or HEDGEHOG_DASHBOARD_PASSWORD_FILE",
        )
    log_to_stderr()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the page says which part does not answer
    guard = Guard(config.data_dir, host, password)
    out.progress(f"the dashboard is at {address(host, port)} ; Ctrl-C ends it")
    deeds = make_deeds(config, () if asked.without_audit else AUDIT)

    async def until_signalled() -> int:
        stop = asyncio.Event()
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        Deadline("the dashboard", STOP_S).begin_on(*SIGNALS)
        try:
            await serve(config, deeds, guard, host, port, stop)
        except StackError as error:
            log.critical("%s", error)
            return PROBLEM
        leave(0)

    raise typer.Exit(asyncio.run(until_signalled()))


def password_of(config: Config) -> str:
    """Return the password, empty for none; `BadValue` names a file that cannot be read."""
    if config.dashboard_password or not config.dashboard_password_file:
        return config.dashboard_password
    try:
        return typed_secret(config.dashboard_password_file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise BadValue(f"HEDGEHOG_DASHBOARD_PASSWORD_FILE={config.dashboard_password_file}: {reason}") from None
