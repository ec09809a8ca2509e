"""`hedgehog produce` and `hedgehog worker`: the two kinds of process that do the work."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.output import out

LOG_LEVELS = ("debug", "info", "warn", "error")


def produce() -> None:
    """Stream the trades of every instrument that is switched on into Kafka, until Ctrl-C or SIGTERM."""
    from producers.logs import log_to_stderr
    from producers.service import run

    config = with_settings()
    out.progress(f"streaming from {config.binance_stream_url} to {config.bootstrap}; Ctrl-C ends it")
    logging.getLogger("producers.publisher").setLevel(logging.NOTSET)
    log_to_stderr()
    raise typer.Exit(run(config))


def worker(
    datadir: Annotated[
        Path | None,
        typer.Option(help="Folder of this worker's own; default: worker in HEDGEHOG_DATA_DIR.", show_default=False),
    ] = None,
    web_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65_535, help="Port of its web page; default: HEDGEHOG_WORKER_PORT.", show_default=False
        ),
    ] = None,
    without_web: Annotated[bool, typer.Option("--without-web", help="Serve no web page.")] = False,
    log_level: Annotated[str, typer.Option(help="One of debug, info, warn, error.")] = "info",
) -> None:
    """Start a stream processor: the trading agent and the mock exchange. A second one needs its own folder and port.

    The same as `faust -A streams worker`, once broker and registry were seen to answer.
    """
    if log_level not in LOG_LEVELS:
        raise BadValue(f"--log-level: {log_level!r} is none of {', '.join(LOG_LEVELS)}")
    if without_web and web_port is not None:
        raise BadValue(f"--web-port {web_port} or --without-web, not both")
    with_settings()
    command = faust_command(datadir, web_port, without_web, log_level)
    out.progress(" ".join(command[1:]))
    # This process becomes the worker, so that signals reach it.
    os.execv(command[0], command)  # noqa: S606


def faust_command(datadir: Path | None, web_port: int | None, without_web: bool, log_level: str) -> list[str]:
    """The command line of a Faust worker of our application."""
    command = [sys.executable, "-m", "faust", "-A", "streams", "-l", log_level]
    if datadir is not None:
        command += ["--datadir", str(datadir)]
    command.append("worker")
    if web_port is not None:
        command += ["--web-port", str(web_port)]
    if without_web:
        command.append("--without-web")
    return command
