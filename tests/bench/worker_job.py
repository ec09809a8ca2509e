"""The worker's throughput: settings first, so that trading is on, then a full topic of trades."""

import time
from collections.abc import Sequence

from schemas.records import Settings
from schemas.topics import SETTINGS, TRADES
from tests.bench.process import WORKER, Ended, Run, running, work_off
from tests.bench.world import Encoded, Progress, World, fill_settings, fill_trades

SETTLE_WITHIN_S = 90


def run_worker(
    w: World, settings: Sequence[Settings], trades: Encoded, times: int = 1, argv: list[str] | None = None
) -> Run:
    """One worker process works off `trades`, `times` over, with trading on for all `settings`."""
    argv = WORKER if argv is None else argv
    settle(w, settings, argv)
    total = fill_trades(w, trades, times)
    with running(w, argv) as process:
        return work_off(process, progress_of(w, TRADES.full_name(w.config)), total)


def settle(w: World, settings: Sequence[Settings], argv: list[str]) -> None:
    """Let a worker take in the settings, so that its leaders are on when it starts again."""
    fill_settings(w, settings)
    progress = progress_of(w, SETTINGS.full_name(w.config))
    deadline = time.monotonic() + SETTLE_WITHIN_S
    with running(w, argv) as process:
        while progress.committed() < len(settings):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Ended(f"worker {process.pid} has not taken in {len(settings)} settings")
            time.sleep(0.05)


def progress_of(w: World, topic: str) -> Progress:
    """How far the worker is in a topic."""
    return Progress(w.config, f"{w.prefix}hedgehog", topic)
