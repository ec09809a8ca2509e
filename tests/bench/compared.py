"""The same trading job under three ways of delivery, and the proof that all three made the same orders."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from schemas.records import Order, Setup
from schemas.registry import make_codec
from schemas.topics import ORDERS, TRADES
from tests.bench.process import Run, running, work_off
from tests.bench.worker_job import run_worker
from tests.bench.world import Encoded, Progress, World, create_topic, fill_setups, fill_trades, read_topic, world

QUIX_PYTHON = Path(".venv-bench/bin/python")
FAUST = [sys.executable, "-m", "faust", "-A"]
WORKER = ["worker", "--without-web", "-l", "warn"]


class Compared:
    """One repetition: who ran, how fast, and the orders that came of it."""

    def __init__(self, setups: Sequence[Setup]) -> None:
        self._setups = setups

    def batches(self, trades: Encoded) -> tuple[Run, set[Order]]:
        """The worker, its trading agent only."""
        with world("batches") as w:
            argv = [*FAUST, "tests.bench.trading_only", *WORKER]
            run = run_worker(w, self._setups, trades, argv, agents="trading")
            return run, decided(w)

    def stock_faust(self, trades: Encoded) -> tuple[Run, set[Order]]:
        """Faust as it comes."""
        with world("stock") as w:
            create_topic(w, "stock-leaders-changelog")
            return self._run(w, [*FAUST, "tests.bench.stock_faust", *WORKER], f"{w.prefix}stock", trades)

    def quix(self, trades: Encoded) -> tuple[Run, set[Order]]:
        """Quix Streams."""
        with world("quix") as w:
            return self._run(w, [str(QUIX_PYTHON), "-m", "tests.bench.quix_app"], f"{w.prefix}quix", trades)

    def _run(self, w: World, argv: list[str], group: str, trades: Encoded) -> tuple[Run, set[Order]]:
        fill_setups(w, self._setups)
        total = fill_trades(w, trades)
        with running(w, argv) as process:
            run = work_off(process, Progress(w.config, group, TRADES.full_name(w.config)), total)
        return run, decided(w)


def decided(w: World) -> set[Order]:
    """The orders in the topic, without what follows from topics and frameworks: epochs, incarnations, and the offsets
    that those other than ours do not see.
    """
    codec = make_codec(w.config, Order)
    orders = (codec.decode(value) for value in read_topic(w.config, ORDERS))
    return {
        msgspec.structs.replace(
            order,
            client_order_id=order.client_order_id.partition("-")[2],
            epoch=0,
            settings_offset=0,
            instruments_offset=0,
        )
        for order in orders
    }
