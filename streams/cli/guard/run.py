"""`hedgehog guard`: the process that halts trading."""

import logging
import signal
import threading

import typer

from infra.deadline import Deadline
from infra.errors import StackError
from producers.logs import log_to_stderr
from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM
from streams.cli.guard.options import Guard as Asked
from streams.cli.output import Output
from streams.guard import service

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOP_S = 10.0


def guard(asked: Asked, out: Output) -> None:
    """Guard until a signal ends it; exit code 1 where it cannot go on."""
    config = with_settings()
    log_to_stderr()
    stop, deadline = threading.Event(), Deadline("the guard", STOP_S)

    def end(*_: object) -> None:
        stop.set()
        deadline.begin()

    for number in SIGNALS:
        signal.signal(number, end)
    out.progress(f"guarding what {config.bootstrap} has; Ctrl-C ends it")
    try:
        service.check(config)
        service.Guard(config).run(stop)
    except StackError as error:
        log.critical("%s", error)
        raise typer.Exit(PROBLEM) from None
