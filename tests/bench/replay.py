"""How fast trades are replayed in memory: both engines, sweeps, and how much memory a long history takes."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from producers.local_exchange.simulated import MARKETS
from producers.recorded.files import read_trades
from schemas.records import Setup
from schemas.units import ONE
from streams.backtest.engine.data import Prices, prepare
from streams.backtest.engine.fast import run_fast, run_prepared
from streams.backtest.engine.reference import run_reference
from streams.backtest.engine.sweep import sweep
from streams.backtest.grid import draws
from streams.trading.rules import rules_of
from tests.bench.market import setup_of

DAY = Path("../shared/trades/XRPUSDT-2019-06-02.csv.gz")
SIMULATED = 10_000_000
REFERENCE = 1_000_000
"""The first of the simulated trades: the reference engine takes its time."""
SWEPT = 1_000_000
LONG = 100_000_000
SEED = 7
BLOCK = 1_000_000
TIMES = 5
"""The engines run so often, warm; the median counts."""


T = TypeVar("T")


class Engines(NamedTuple):
    """Seconds to prepare the prices, once for any number of runs, and to run one setting; and the orders it made."""

    prepare_s: float
    run_s: float
    orders: int


def base_setup(**terms: int) -> Setup:
    """Trading XRPUSDT as the recorded orders do: tick 0.00001, step 0.1, budget 1,000."""
    market = next(market for market in MARKETS if market.symbol == "XRPUSDT")
    instrument = msgspec.structs.replace(market.instrument(), tick_size=1_000, step_size=ONE // 10)
    plain = {"chunks": 5, "budget": 1_000 * ONE}
    plain |= {"buy_down_interval": 10_000, "profit_interval": -120_000, "rebuy_interval": 100_000}
    return setup_of(instrument, **{**plain, **terms})


def walk(count: int, seed: int = SEED, tick: int = 1_000) -> Prices:
    """A market that moves a tick up or down at two trades in five, between 0.30 and 0.50: int64 in units of 1e-8."""
    chance, prices, level = np.random.default_rng(seed), np.empty(count, np.int64), 10_000
    for first in range(0, count, BLOCK):
        part = prices[first : first + BLOCK]
        moves = chance.integers(0, 10, len(part), np.int8)
        part[:] = level + np.cumsum((moves < 2).astype(np.int64) - (moves > 7))
        level = int(part[-1])
        part %= 40_000
        part[:] = tick * (30_000 + np.minimum(part, 40_000 - part))  # reflected: the same market, seen in a mirror
    return prices


def recorded_day() -> Prices | None:
    """The prices of a recorded day, where one lies beside the project."""
    if not DAY.exists():
        return None
    return np.fromiter((trade.price for trade in read_trades(DAY)), np.int64)


def fast(prices: Prices, setup: Setup) -> Engines:
    """The fast engine, warm: medians of `TIMES`."""
    rules = rules_of(*setup)
    run_fast(prices[:1], rules)  # compiles, where no process before has
    made = [timed(lambda: prepare(prices, rules.tick)) for _ in range(TIMES)]
    runs = [timed(lambda: run_prepared(made[0][1], rules)) for _ in range(TIMES)]
    return Engines(_median(made), _median(runs), len(runs[0][1]))


def _median(timings: Sequence[tuple[float, object]]) -> float:
    return float(np.median([seconds for seconds, _ in timings]))


def reference(prices: Prices, setup: Setup) -> float:
    """Trades a second of the reference engine, whose orders have to be those of the fast one."""
    rules, numbers = rules_of(*setup), prices.tolist()
    seconds, orders = timed(lambda: run_reference(numbers, rules))
    if orders != run_fast(prices, rules).to_list():
        raise RuntimeError("the engines give different orders")
    return len(prices) / seconds


def swept(prices: Prices, count: int) -> float:
    """Seconds for a sweep of `count` settings, preparation of the prices included."""
    axes = {
        "chunks": range(1, 9),
        "buy_down_interval": range(50_000, 1_000_000, 1_000),
        "profit_interval": range(50_000, 1_000_000, 1_000),
        "rebuy_interval": range(50_000, 1_000_000, 1_000),
    }
    tried = draws(base_setup(), axes, count, SEED)
    sweep(prepare(prices[:1], tried[0].instrument.tick_size), tried[:1])
    seconds, _ = timed(lambda: sweep(prepare(prices, tried[0].instrument.tick_size), tried))
    return seconds


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


def memory(count: int) -> tuple[float, float]:
    """MiB at the peak of a process that makes, prepares and runs `count` trades; and seconds for the run."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.replay", str(count)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    return float(found["peak_mib"]), float(found["seconds"])


def _memory(count: int) -> dict[str, float]:
    rules = rules_of(*base_setup())
    run_fast(walk(1_000), rules)
    prices = walk(count)
    seconds, _ = timed(lambda: run_fast(prices, rules))
    return {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(_memory(int(sys.argv[1]))))
