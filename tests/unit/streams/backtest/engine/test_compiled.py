"""What is compiled are the live functions, and nothing is compiled before it is called."""

import os
import subprocess
import sys
from pathlib import Path

from schemas.units import ONE
from streams.backtest.engine.compiled import SOURCES, compiled
from streams.trading import matching
from streams.trading.rules import buy_price, rules_of
from streams.trading.strategy import set_mode
from tests.samples import setup


def test_what_is_compiled_is_the_functions_own_code() -> None:
    assert compiled(buy_price).py_func.__code__ is buy_price.__code__  # type: ignore[attr-defined]
    assert compiled(set_mode) is compiled(set_mode)
    of = rules_of(*setup(budget=ONE))._replace(max_quantity=ONE, max_notional=ONE, max_position=ONE)
    assert compiled(buy_price)(of, 12_345_678) == buy_price(of, 12_345_678)


def test_the_strategy_knows_nothing_of_the_compiler() -> None:
    program = "import sys, streams.trading.simulation; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_nothing_is_read_or_written_before_the_first_call(tmp_path: Path) -> None:
    """Not even a configuration that makes no sense."""
    program = "import streams.backtest.trial, streams.backtest.store, streams.backtest.report.page"
    environment = os.environ | {"HEDGEHOG_CACHE_DIR": str(tmp_path / "cache"), "HEDGEHOG_KAFKA_PORT": "none"}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env=environment)
    assert not (tmp_path / "cache").exists()


def test_the_sources_are_the_live_functions_and_the_engine() -> None:
    folders = [Path(source) for source in SOURCES]
    assert Path(matching.__file__).parent in folders
    assert any((folder / "fast.py").exists() for folder in folders)
