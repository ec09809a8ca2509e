"""The part of the benchmark that replays the past: its figures and its rows of the table."""

import json
import subprocess
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from producers.local_exchange.simulated import Market
from schemas.records import Setup
from streams.backtest.engine.data import Prices
from streams.backtest.engine.fast import run_fast
from streams.trading.rules import rules_of
from tests.bench import replay, replay_topic
from tests.bench.compared import QUIX_PYTHON
from tests.bench.market import LOOP, setups_of
from tests.bench.report import Row
from tests.bench.world import Encoded, fill_trades, world

PEER_TIMES = 3
RUNS = 100
"""Runs on the same prices for which these are prepared once."""

Note = Callable[[str, float], None]


class Replay:
    """The prices of all parts, made once."""

    def __init__(self, markets: tuple[Market, ...], records: Encoded) -> None:
        self._setups = setups_of(markets, **LOOP)
        self._records = records

    @cached_property
    def simulated(self) -> Prices:
        return replay.walk(replay.SIMULATED)

    @cached_property
    def day(self) -> Prices | None:
        return replay.recorded_day()

    def repeat(self, note: Note) -> None:
        """One repetition of everything."""
        self._engines(note)
        self._peer(note)
        note("sweep_1000x1m_s", replay.swept(self.simulated[: replay.SWEPT], 1_000))
        note("sweep_10000x1m_s", replay.swept(self.simulated[: replay.SWEPT], 10_000))
        peak, seconds = replay.memory(replay.LONG)
        note("fast_100m_peak_mib", peak)
        note("fast_100m_s", seconds)
        self._topic(note)

    def _engines(self, note: Note) -> None:
        setup = replay.base_setup()
        run = replay.fast(self.simulated, setup)
        note("fast_trades_per_s", len(self.simulated) / run.run_s)
        note("fast_first_trades_per_s", len(self.simulated) / (run.prepare_s + run.run_s))
        note("fast_prepare_ns_per_trade", run.prepare_s / len(self.simulated) * 1e9)
        note("fast_orders", run.orders)
        note("reference_trades_per_s", replay.reference(self.simulated[: replay.REFERENCE], setup))
        if self.day is not None:
            run = replay.fast(self.day, setup)
            note("fast_day_trades_per_s", len(self.day) / run.run_s)
            note("fast_day_orders", run.orders)
            note("reference_day_trades_per_s", replay.reference(self.day, setup))

    def _peer(self, note: Note) -> None:
        prices = self.simulated[: replay.SWEPT]
        run, peer = _held_against_peer(prices)
        note("hftbacktest_trades_per_s", len(prices) / peer["run_s"])
        # theirs is counted in events, of which every trade is two: see `replay_hft`
        note("fast_vs_hftbacktest", RUNS * peer["run_s"] / 2 / (run.prepare_s + RUNS * run.run_s))
        note("fast_prepared_vs_hftbacktest", peer["run_s"] / 2 / run.run_s)
        note("fast_first_vs_hftbacktest", peer["run_s"] / 2 / (run.prepare_s + run.run_s))
        if self.day is not None:
            run, peer = _held_against_peer(self.day)
            note("fast_vs_hftbacktest_day", peer["run_s"] / 2 / run.run_s)

    def _topic(self, note: Note) -> None:
        with world("replay") as w:
            total = fill_trades(w, self._records)
            bare = replay_topic.bare(w.config, total)
            trades, seconds = replay_topic.ours(w.config, self._setups)
            if trades != total:
                raise RuntimeError(f"{trades} trades of {total} were replayed from the topic")
            note("topic_replay_trades_per_s", total / seconds)
            note("topic_bare_records_per_s", total / bare)
            note("topic_replay_vs_bare", bare / seconds)
            note("topic_replay_vs_quix", replay_topic.quix(w, total) / seconds)


def _held_against_peer(prices: Prices) -> tuple[replay.Engines, dict[str, float]]:
    """The single trader on both, whose orders have to be the same one by one."""
    setup = replay.base_setup(chunks=1)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("prices.npy", "setup.json", "orders.npy")]
        np.save(files[0], prices)
        files[1].write_bytes(msgspec.json.encode(setup))
        argv = [QUIX_PYTHON, "-m", "tests.bench.replay_hft", *files, str(PEER_TIMES)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        theirs = [tuple(order) for order in np.load(files[2]).tolist()]
    _require_same(prices, setup, theirs)
    return replay.fast(prices, setup), json.loads(done.stdout)


def _require_same(prices: Prices, setup: Setup, theirs: list[tuple[int, ...]]) -> None:
    orders = run_fast(prices, rules_of(*setup)).to_list()
    ours = [(int(o.side == "SELL"), o.price, o.quantity, int(o.status == "FILLED")) for o in orders]
    if ours != theirs or not ours:
        raise RuntimeError(f"hftbacktest made {len(theirs)} orders, the fast engine {len(ours)}: not the same ones")


def rows(with_day: bool) -> list[Row]:
    """The table's rows; those of a recorded day where there is one."""
    simulated = f"{replay.SIMULATED:,} simulated trades"
    day = [
        Row("fast_day_trades_per_s", "", f"fast engine, the recorded day {replay.DAY.name}"),
        Row("fast_day_orders", "", "orders it made"),
        Row("reference_day_trades_per_s", "", "reference engine, the same day and the same orders"),
        Row("fast_vs_hftbacktest_day", "x", "fast engine by hftbacktest on that day, one trader"),
    ]
    return [
        Row("fast_trades_per_s", "", f"fast engine, warm, {simulated}, prepared"),
        Row("fast_first_trades_per_s", "", "the same, preparation counted in"),
        Row("fast_prepare_ns_per_trade", "ns", "that preparation, once for any number of runs", at_most=3),
        Row("fast_orders", "", "orders it made"),
        Row("reference_trades_per_s", "", f"reference engine, the first {replay.REFERENCE:,}, the same orders"),
        *(day if with_day else []),
        Row("hftbacktest_trades_per_s", "", f"hftbacktest, warm, {replay.SWEPT:,} of them, one trader, same orders"),
        Row("fast_vs_hftbacktest", "x", f"fast engine by that, {RUNS} runs and our preparation, once", at_least=100),
        Row("fast_prepared_vs_hftbacktest", "x", "the same, one run without our preparation"),
        Row("fast_first_vs_hftbacktest", "x", "the same, one run with our preparation, theirs left out", at_least=30),
        Row("sweep_1000x1m_s", "s", f"1,000 settings x {replay.SWEPT:,} trades, preparation included", at_most=0.3),
        Row("sweep_10000x1m_s", "s", "10,000 settings"),
        Row("fast_100m_peak_mib", "MiB", f"memory of a process at the peak, {replay.LONG:,} trades"),
        Row("fast_100m_s", "s", "seconds for that run, preparation included"),
        Row("topic_replay_trades_per_s", "", "trades consumed, decoded, run, summed up"),
        Row("topic_bare_records_per_s", "", "a bare aiokafka loop, which decodes nothing, on the same topic"),
        Row("topic_replay_vs_bare", "x", "the first by the second", at_least=0.5),
        Row("topic_replay_vs_quix", "x", "the first by Quix Streams reading the same topic", at_least=1),
    ]


NOTES = [
    "hftbacktest got each trade as two events, one for either side that may have begun it, since only one of them",
    "concerns an order of the strategy: its rate is counted in events, twice its trades; building them is left out.",
    "Its orders rest half a tick away, so that a trade at the limit fills neither its order nor ours.",
    "Memory of the fast engine: 8 bytes a trade for its price, 0.13 for the blocks.",
]
