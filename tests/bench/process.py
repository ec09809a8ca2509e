"""The processes that are measured: started, watched by their committed offsets, stopped by their id."""

import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import psutil

from infra.errors import tail
from tests.bench.world import BUILD, Progress, World

STOP_WITHIN_S = 20
POLL_S = 0.05
WORK_WITHIN_S = 240

WORKER = [sys.executable, "-m", "faust", "-A", "streams", "worker", "--without-web", "-l", "warn"]


class Run(NamedTuple):
    """What one process did: trades a second, and microseconds of its own CPU time a trade."""

    per_s: float
    cpu_us: float


class Ended(RuntimeError):
    """A measured process ended by itself."""


@contextmanager
def running(
    w: World, argv: list[str], agents: str = "", more: Mapping[str, str] = {}
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in world `w`, a worker with these agents, with `more` in its environment; stopped at the end, killed if
    it does not stop."""
    environment = {**w.environment, "HEDGEHOG_AGENTS": agents, **more}
    log = BUILD / "bench-logs" / f"{w.prefix.strip('-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, env=environment)
    try:
        yield process
        if process.poll() is not None:
            raise Ended(f"{' '.join(argv)} ended with {process.returncode}: {log}\n" + "\n".join(tail(log, 20)))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def work_off(process: subprocess.Popen[bytes], progress: Progress, total: int, before: int = 0) -> Run:
    """Watch the committed offsets until all `total` records are done, of which `before` were when it started.

    Counted from the first commit that is seen to the last, so the start of the process is left out; what it
    waits for its next commit when it has nothing left to do is counted in.
    """
    watched = psutil.Process(process.pid)
    deadline = time.monotonic() + WORK_WITHIN_S
    first = None
    while True:
        done, now = progress.committed(), time.monotonic()
        if first is None and done > before:
            first = (done, now, _cpu_s(watched))
        if done >= total and first is not None:
            trades = total - first[0]
            if trades < total / 10:
                raise RuntimeError(f"{total} records are too few to measure: {first[0]} were done at the first commit")
            return Run(trades / (now - first[1]), (_cpu_s(watched) - first[2]) / trades * 1e6)
        if process.poll() is not None or now > deadline:
            what = "ended" if process.poll() is not None else f"is not done after {WORK_WITHIN_S} s"
            log = BUILD / "bench-logs"
            raise Ended(f"process {process.pid} {what}: {done} of {total} records committed; its log is in {log}")
        time.sleep(POLL_S)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def median(runs: list[Run]) -> Run:
    """The median of each figure."""
    return Run(statistics.median(r.per_s for r in runs), statistics.median(r.cpu_us for r in runs))
