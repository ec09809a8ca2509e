"""What is asked of a backtest: every filter, places for what it writes, and a word where ticks are too coarse."""

from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.records import FILTERS
from streams.cli.backtest import run, sweep
from streams.cli.backtest.options import Filters
from streams.cli.main import app
from tests.unit.streams.cli.backtest.test_backtest import recording

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

COARSE = "--symbol AAAUSDT --tick 0.00000001 --step 1 --chunks 1 --budget 100 --buy-down 0.001 --profit 0.001"


def hedgehog(line: str) -> Result:
    return CliRunner().invoke(app, ["backtest", *line.split()])


def test_every_filter_of_an_instrument_is_an_option() -> None:
    options = {field.name for field in fields(Filters)}
    assert options == {name.removesuffix("_size") for name in FILTERS}


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_ticks_that_are_coarser_than_the_profit_are_told(command: str, tmp_path: Path) -> None:
    path = recording(tmp_path / "coarse.csv", ["0.00000100", "0.00000098"] * 10, "AAAUSDT")
    done = hedgehog(f"{command} --file {path} {COARSE}")
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.stderr.splitlines() if "one tick" in line]
    assert "binance:AAAUSDT: one tick, 0.00000001, is " in line
    assert "more than the profit of 0.1 %" in line
    assert "bought at 0.00000097, sold at 0.00000097, a cycle loses 0.199 % after fees" in line


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_fine_ticks_are_no_word(command: str, tmp_path: Path) -> None:
    path = recording(tmp_path / "fine.csv", ["1.0000", "0.9800"] * 10, "AAAUSDT")
    done = hedgehog(f"{command} --file {path} {COARSE.replace('0.00000001', '0.0001', 1)}")
    assert done.exit_code == 0, done.output
    assert "one tick" not in done.stderr


@pytest.mark.parametrize(
    ("command", "option"), [("run", "--report"), ("run", "--orders"), ("sweep", "--report"), ("sweep", "--save")]
)
def test_what_cannot_be_written_is_told_before_anything_is_read(
    command: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("trades were read")

    for module in (run, sweep):
        monkeypatch.setattr(module, "read_trades", read)
    # nothing listens there
    monkeypatch.setenv("HEDGEHOG_DATABASE_URL", "postgresql+psycopg2://nobody@127.0.0.1:9/nowhere")
    path = recording(tmp_path / "trades.csv", ["1", "2"], "AAAUSDT")
    place = "" if option == "--save" else f" {tmp_path / 'nowhere' / 'file.html'}"
    done = hedgehog(f"{command} --file {path} {COARSE} {option}{place}")
    assert done.exit_code in (1, 2, 3)
    assert not isinstance(done.exception, AssertionError)
    assert option in done.stderr or "127.0.0.1:9" in done.stderr
