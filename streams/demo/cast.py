"""The programs of the demo, as one would start them by hand, each in a process of its own."""

import sys
from pathlib import Path

import psutil

from infra.supervisor import Program, Supervisor

PRODUCER = Program("producer", (sys.executable, "-m", "producers"))
DASHBOARD = Program("dashboard", (sys.executable, "-m", "streams.cli.main", "dashboard"))
WORKERS = ("worker-1", "worker-2")


def worker(name: str, home: Path) -> Program:
    """Return a Faust worker with a data folder of its own and without its web server."""
    argv = (sys.executable, "-m", "faust", "-A", "streams", "worker", "--without-web", "--loglevel", "info")
    return Program(name, argv, {"HEDGEHOG_DATA_DIR": str(home / name)})


def busiest(supervisor: Supervisor) -> str:
    """Return the worker that has used the most processor time: it has partitions that are traded."""
    return max(WORKERS, key=lambda name: _processor_time(supervisor.pid(name)))


def _processor_time(pid: int | None) -> float:
    if pid is None:
        return 0.0
    try:
        used = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(used.user + used.system)
