"""`hedgehog backtest … --report`: the page that the commands write, and what they say where they cannot."""

import re
from html import unescape
from pathlib import Path

import pytest

from tests.samples import NINE_TRADES
from tests.unit.streams.cli.backtest.test_backtest import NINE, data, hedgehog, recording

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def nine(tmp_path: Path) -> Path:
    return recording(tmp_path / "nine.csv", list(NINE_TRADES))


def text_of(page: Path) -> str:
    """What a page says, without its tags."""
    return unescape(re.sub(r"<[^>]*>", " ", page.read_text(encoding="utf-8")))


def test_a_run_writes_its_page_and_says_where(nine: Path, tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    line = f"run --file {nine} {NINE} --engine reference --report {page}"
    result = hedgehog(line)
    assert result.exit_code == 0, result.output
    assert result.stderr.strip() == f"report: {page}"
    record, text = data(line), text_of(page)
    shown = ("instrument", "net_profit", "buy_and_hold", "max_drawdown", "fingerprint", "first_trade", "last_trade")
    assert [name for name in shown if record[name] not in text] == []
    assert "Order latency" in text


def test_a_sweep_writes_its_page(nine: Path, tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    options = f"--symbol XRPUSDT --tick 0.0001 --step 0.1 --budget 100 --random 5 --seed 3 --report {page}"
    record = data(f"sweep --file {nine} {options} --profit 0.0005:0.001 --train-until 2019-06-02T00:00:05Z")
    text = text_of(page)
    best = record["best"][0]
    assert "Net profit over profit" in text
    assert best["train_net_profit"] in text
    assert best["test_net_profit"] in text
    assert re.search(r"Seed\s+3\b", text)


def test_a_page_that_cannot_be_written_is_named(nine: Path, tmp_path: Path) -> None:
    page = tmp_path / "missing" / "a.html"
    result = hedgehog(f"run --file {nine} {NINE} --engine reference --report {page}")
    assert result.exit_code == 2
    assert f"--report: {page}: No such file or directory" in result.stderr
