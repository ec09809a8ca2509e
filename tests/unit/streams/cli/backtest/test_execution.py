"""`--latency-ms`, `--limited-fills`, `--objective drawdown` of `hedgehog backtest`: their effect, and bad values."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.backtest.engine import cluster
from streams.cli.main import app
from tests.unit.streams.cli.backtest.test_backtest import HEADER, NINE, data, recording, written

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

FALLS = "--symbol XRPUSDT --tick 1 --step 1 --chunks 1 --budget 1000 --buy-down 0 --profit 0.05 --fee 0"
"""Buys ten pieces at the first price, sells them for 5 % more."""


@pytest.fixture
def falls(tmp_path: Path) -> Path:
    """One trade a second, of ten pieces each but for the second, of half a one, and the third, of four."""
    path = recording(tmp_path / "falls.csv", ["100", "99", "98", "97", "106", "106"])
    lines = path.read_text().splitlines()
    assert lines[0] == HEADER
    lines[2], lines[3] = lines[2].replace(",10,", ",0.5,"), lines[3].replace(",10,", ",4,")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize(
    ("options", "orders", "net_profit"),
    [
        ("", [("BUY", "FILLED"), ("SELL", "FILLED"), ("BUY", "NEW")], "50"),
        ("--latency-ms 3000", [("BUY", "FILLED"), ("SELL", "NEW")], "60"),  # it arrives with the trade at 97
        ("--latency-ms 3000.001", [("BUY", "NEW")], "0"),
        ("--limited-fills", [("BUY", "FILLED"), ("SELL", "FILLED"), ("BUY", "NEW")], "50"),
        ("--limited-fills --to 2019-06-02T00:00:03", [("BUY", "PARTIALLY_FILLED")], "-8"),  # four pieces, worth 98
    ],
)
def test_execution(
    engine: str, options: str, orders: list[tuple[str, str]], net_profit: str, falls: Path, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    run = data(f"run --file {falls} {FALLS} {options} --engine {engine} --orders {path}")
    assert ([(side, status) for side, _, _, status in written(path)], run["net_profit"]) == (orders, net_profit)
    assert run["limited_fills"] == ("--limited-fills" in options)
    assert f"--latency-ms {run['latency_ms']}" in (options or "--latency-ms 0") or run["limited_fills"]


def test_a_sweep_by_profit_per_drawdown(falls: Path) -> None:
    line = f"--file {falls} {FALLS.replace('--buy-down 0 ', '')} --latency-ms 1000 --limited-fills"
    given = data(f"sweep {line} --buy-down 0,0.01,0.02,0.5 --objective drawdown")
    ratios = [row["profit_per_drawdown"] for row in given["best"]]
    assert [float(ratio) for ratio in ratios] == sorted(map(float, ratios), reverse=True)
    assert (given["objective"], given["latency_ms"], given["limited_fills"]) == ("drawdown", "1000", True)
    best = given["best"][0]
    run = data(f"run {line} --buy-down {best['buy_down_interval']} --engine reference")
    for name in ("orders", "net_profit", "max_drawdown", "profit_per_drawdown"):
        assert run[name] == best[name], name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--latency-ms -1", "--latency-ms: -1 is not between 0 and 86400000, a day"),
        ("--latency-ms 0.0005", "--latency-ms: 0.0005 is not a whole number of microseconds"),
        ("--latency-ms soon", "--latency-ms: 'soon' is not a plain decimal"),
        ("--latency-ms 86400000.001", "--latency-ms: 86400000.001 is not between"),
    ],
)
def test_wrong_values_are_named(options: str, message: str, falls: Path) -> None:
    result = CliRunner().invoke(app, ["backtest", "run", "--file", str(falls), *NINE.split(), *options.split()])
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_no_cluster(falls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)
    line = ["backtest", "sweep", "--file", str(falls), *FALLS.split(), "--dask", "127.0.0.1:1"]
    result = CliRunner().invoke(app, line)
    assert (result.exit_code, "--dask: no Dask scheduler answers at 127.0.0.1:1" in result.stderr) == (1, True)
