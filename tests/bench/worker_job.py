"""The worker's throughput: settings first, so that trading is on, then a full topic of trades."""

import subprocess
import time
from collections.abc import Sequence

from schemas.groups import worker_group
from schemas.records import Setup
from schemas.topics import INSTRUMENTS, SETTINGS, TRADES
from tests.bench.process import WORKER, Ended, Run, running, work_off
from tests.bench.world import Encoded, Progress, World, fill_setups, fill_trades

SETTLE_WITHIN_S = 90


def run_worker(
    w: World,
    setups: Sequence[Setup],
    trades: Encoded,
    argv: list[str] | None = None,
    opening: Encoded | None = None,
    agents: str = "",
) -> Run:
    """One worker process works off `trades`, with trading on for all `setups`.

    What `opening` causes was done before, by another. `agents` are those that it runs, if not all.
    """
    argv, opening = WORKER if argv is None else argv, opening or []
    settle(w, setups, argv, opening, agents)
    total = len(opening) + fill_trades(w, trades)
    with running(w, argv, agents) as process:
        return work_off(process, progress_of(w, TRADES.full_name(w.config), agents), total, len(opening))


def settle(w: World, setups: Sequence[Setup], argv: list[str], opening: Encoded, agents: str = "") -> None:
    """Let a worker take in the settings, so that its leaders are on when it starts again, and then `opening`."""
    fill_setups(w, setups)
    with running(w, argv, agents) as process:
        take_in_setups(w, process, len(setups), agents)
        fill_trades(w, opening)
        take_in(process, progress_of(w, TRADES.full_name(w.config), agents), len(opening))


def take_in_setups(w: World, process: subprocess.Popen[bytes], count: int, agents: str = "") -> None:
    """Wait until a worker has taken in so many instruments and their settings."""
    for topic in (INSTRUMENTS, SETTINGS):
        take_in(process, progress_of(w, topic.full_name(w.config), agents), count)


def take_in(process: subprocess.Popen[bytes], progress: Progress, records: int) -> None:
    """Wait until a worker has committed so many records; `Ended` when it ends or takes `SETTLE_WITHIN_S`."""
    deadline = time.monotonic() + SETTLE_WITHIN_S
    while (done := progress.committed()) < records:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Ended(f"worker {process.pid} has taken in {done} of {records} records")
        time.sleep(0.05)


def progress_of(w: World, topic: str, agents: str = "") -> Progress:
    """How far the worker with these agents is in a topic."""
    return Progress(w.config, worker_group(w.config, agents), topic)
