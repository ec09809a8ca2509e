"""A sweep on a Dask cluster of two processes on this machine, and what is said where there is none."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from distributed import LocalCluster

from streams.backtest.engine.cluster import NoCluster, sweep_on
from streams.backtest.engine.data import Flow, prepare
from streams.backtest.engine.scale import TooLarge
from streams.backtest.engine.sweep import sweep
from streams.trading.simulation import Execution
from tests.samples import setup
from tests.unit.streams.backtest.engine.test_sweep import draws
from tests.unit.streams.cli.backtest.test_backtest import data, recording

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

TRADES = 3_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as started:
        yield started


def test_the_answer_of_one_machine(cluster: LocalCluster) -> None:
    chance = np.random.default_rng(4)
    done: list[int] = []
    prepared = prepare((40_000 + chance.integers(-30, 31, TRADES).cumsum()) * 1_000, 1_000)
    flow = Flow(Execution(3, limited=True), np.arange(TRADES), chance.integers(0, 10**10, TRADES))
    tried = draws(43)
    local, alone = sweep(prepared, tried, flow=flow, drawdown=True), sweep(prepared, tried[:1])
    spread = sweep_on(cluster.scheduler_address, prepared, tried, done.append, flow, drawdown=True)
    assert [column.tolist() for column in spread] == [column.tolist() for column in local]
    assert (done, done[-1]) == (sorted(done), 43)
    assert local.buys.sum() > 20
    few = sweep_on(cluster.scheduler_address, prepared, tried[:1])
    assert (few.max_drawdown, few.net_profit.tolist()) == (None, alone.net_profit.tolist())


def test_the_command(cluster: LocalCluster, tmp_path: Path) -> None:
    file = recording(tmp_path / "waves.csv", [f"{1 + abs(20 - i % 40) / 1_000:.4f}" for i in range(200)])
    line = f"sweep --file {file} --symbol XRPUSDT --tick 0.0001 --step 0.1 --buy-down 0.001:0.009:0.001 --profit 0.002"
    spread, local = data(f"{line} --dask {cluster.scheduler_address.removeprefix('tcp://')}"), data(line)
    assert spread["best"] == local["best"]
    assert spread["best"][0]["cycles"] > 1


def test_workers_that_fail(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.backtest.engine.cluster._run_part", lambda *_, **__: 1 // 0)
    with pytest.raises(NoCluster, match=r"--dask: the workers at .* failed: ZeroDivisionError"):
        sweep_on(cluster.scheduler_address, prepare(np.array([1_000]), 1_000), draws(1))


def test_settings_that_do_not_fit(cluster: LocalCluster) -> None:
    of = setup(tick_size="0.00000001", step_size="0.00000001", budget="1000000")
    with pytest.raises(TooLarge, match="largest notional"):
        sweep_on(cluster.scheduler_address, prepare(np.array([7]), 1), [of])


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.backtest.engine.cluster.CONNECT_S", 0.2)
    with pytest.raises(NoCluster, match=r"--dask: no Dask scheduler answers at tcp://127\.0\.0\.1:1: "):
        sweep_on("tcp://127.0.0.1:1", prepare(np.array([1_000]), 1_000), draws(1))


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(NoCluster, match=r"Dask is not installed; pip install distributed"):
        sweep_on("tcp://127.0.0.1:1", prepare(np.array([1_000]), 1_000), draws(1))
