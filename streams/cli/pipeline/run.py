"""`hedgehog run`: the producer, workers, notifier, dashboard and guard under one supervisor, with one log."""

import fcntl
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from infra import metrics
from infra.config import Config
from infra.ending import leave
from infra.errors import Unreachable
from infra.health import Health
from infra.supervisor import Program, Supervisor, end_leftovers
from schemas.coordinators import members
from schemas.groups import worker_group
from streams.agents import chosen
from streams.agents.groups import group_name
from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM, BadValue, CliError
from streams.cli.output import Output
from streams.cli.pipeline.log_lines import COMPLETE_S, FORMATS, Log
from streams.cli.pipeline.options import Run, Worker
from streams.cli.pipeline.worker import faust_command

FOLDER = "supervised"
"""Not `run`, where the native stack has the process ids of its servers: what a run before left running is ended."""
CRASHES_MAX = 5
PATIENCE_S = 25.0
"""Longer than any of them takes to give up on a broker that does not answer; with one they end within seconds."""
STEADY_S = 2.0
"""A program that has run for less may be about to crash."""
BROKER_S = 2.0
OWN = "hedgehog"
PRODUCER, NOTIFIER, DASHBOARD, GUARD = "producer", "notifier", "dashboard", "guard"
OPTIONAL = (PRODUCER, NOTIFIER, DASHBOARD, GUARD)
BESIDE = {NOTIFIER: ("notify",), DASHBOARD: ("dashboard",), GUARD: ("guard",)}


def run(asked: Run, out: Output) -> None:
    """Run everything until Ctrl-C or SIGTERM; exit code 1 where a program was given up on the way."""
    without = asked.without or []
    for name in without:
        if name not in OPTIONAL:
            raise BadValue(f"--without: {name!r} is none of {', '.join(OPTIONAL)}")
    if asked.log_format not in FORMATS:
        raise BadValue(f"--log-format: {asked.log_format!r} is none of {', '.join(FORMATS)}")
    config = with_settings()
    log = Log(partial(print, flush=True), asked.log_format)  # type: ignore[arg-type]
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with _alone(config.data_dir / FOLDER) as folder:
        for name in end_leftovers(folder):
            log.say(OWN, "WARNING", f"ended {name}, which a run before had left running")
        supervisor = Supervisor(folder, folder, partial(log.say, OWN, "WARNING"), log.hear)
        ready = partial(readiness, config, supervisor, asked.workers)
        read = partial(figures, supervisor)
        with metrics.reading(read), Health(config.worker_host, config.port("run"), ready):
            log.say(OWN, "INFO", f"http://{config.worker_host}:{config.port('run')}/readyz says whether all is well")
            _run(supervisor, programs(asked.workers, without), log, stop)
    given_up = [name for name in supervisor.names() if supervisor.exit_code(name)]
    leave(PROBLEM if given_up and not stop.is_set() else 0)


def _run(supervisor: Supervisor, wanted: list[Program], log: Log, stop: threading.Event) -> None:
    try:
        for program in wanted:
            supervisor.start(program)
        while not stop.wait(COMPLETE_S):
            log.flush(COMPLETE_S)
            if all(supervisor.exit_code(name) is not None for name in supervisor.names()):
                log.say(OWN, "CRITICAL", "nothing runs any more")
                return
        log.say(OWN, "INFO", "stopping")
    finally:
        supervisor.stop(*supervisor.names())
        log.flush()


def programs(workers: int, without: list[str]) -> list[Program]:
    """Return what is to run, as one would start it by hand."""

    def program(name: str, *argv: str) -> Program:
        return Program(name, argv, patience_s=PATIENCE_S, crashes_max=CRASHES_MAX)

    this = str(Path(sys.executable).with_name("hedgehog"))
    found = [] if PRODUCER in without else [program(PRODUCER, this, "produce")]
    found += [program(f"worker-{number}", *faust_command(Worker())) for number in range(1, workers + 1)]
    found += [program(name, this, *argv) for name, argv in BESIDE.items() if name not in without]
    return found


def readiness(config: Config, supervisor: Supervisor, workers: int) -> tuple[bool, Mapping[str, Any]]:
    """Return whether every program runs and the workers have joined their group; and what is, by program."""
    states = {name: _state(supervisor, name) for name in supervisor.names()}
    joined = _joined(config)
    ready = all(each["state"] == "running" for each in states.values()) and joined >= workers
    return ready, {"programs": states, "workers_joined": joined, "workers_wanted": workers}


def _joined(config: Config) -> int:
    """Return how many workers share the partitions; 0 while no broker says."""
    group = worker_group(config, group_name(chosen(config.agents)))
    try:
        return members(config, [group], BROKER_S)
    except Unreachable:
        return 0


def figures(supervisor: Supervisor) -> list[Metric]:
    """Return the metrics of the programs."""
    names = supervisor.names()
    return [
        metrics.RESTARTS.of({name: max(supervisor.starts(name) - 1, 0) for name in names}),
        metrics.RUNNING.of({name: supervisor.pid(name) is not None for name in names}),
    ]


def _state(supervisor: Supervisor, name: str) -> dict[str, Any]:
    up_s = supervisor.up_s(name)
    if supervisor.exit_code(name) is not None:
        state = "given up"
    elif up_s is None:
        state = "waiting to be started again"
    else:
        state = "running" if up_s >= STEADY_S else "starting"
    return {"state": state, "pid": supervisor.pid(name), "starts": supervisor.starts(name)}


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Hold the folder of the pid files. Raises `CliError` where another run holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CliError(f"another `hedgehog run` has {folder.resolve()}") from None
        yield folder
