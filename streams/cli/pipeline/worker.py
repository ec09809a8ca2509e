"""`hedgehog worker`: a stream processor in place of this process."""

import os
import sys

from infra.config import load_config
from streams.agents import UnknownAgent, chosen
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.output import Output
from streams.cli.pipeline.options import Worker

LOG_LEVELS = ("debug", "info", "warn", "error")


def worker(asked: Worker, out: Output) -> None:
    """Become a Faust worker, once broker and registry were seen to listen; `BadValue` for what cannot be."""
    if asked.log_level not in LOG_LEVELS:
        raise BadValue(f"--log-level: {asked.log_level!r} is none of {', '.join(LOG_LEVELS)}")
    if asked.without_web and asked.web_port is not None:
        raise BadValue(f"--web-port {asked.web_port} or --without-web, not both")
    agents = load_config().agents if asked.agents is None else asked.agents
    _check_agents(agents)
    with_settings()
    command = faust_command(asked)
    out.progress(" ".join(command[1:]))
    # This process becomes the worker, so that signals reach it.
    os.execve(command[0], command, {**os.environ, "HEDGEHOG_AGENTS": agents})  # noqa: S606


def _check_agents(names: str) -> None:
    try:
        chosen(names)
    except UnknownAgent as error:
        raise BadValue(str(error)) from None


def faust_command(asked: Worker) -> list[str]:
    """Return the command line of a Faust worker of our application."""
    command = [sys.executable, "-m", "faust", "-A", "streams", "-l", asked.log_level]
    if asked.datadir is not None:
        command += ["--datadir", str(asked.datadir)]
    command.append("worker")
    if asked.web_port is not None:
        command += ["--web-port", str(asked.web_port)]
    if asked.without_web:
        command.append("--without-web")
    return command
