"""Twins are the live functions; compiled code is kept on disk where something can be written, and only there."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.units import ONE
from streams.backtest.engine import compiled
from streams.backtest.engine.compiled import entry, twin
from streams.trading import rules
from streams.trading.rules import buy_price, rules_of
from streams.trading.strategy import set_mode
from tests.samples import setup


@pytest.fixture
def cache_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    compiled._cache_folder.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    compiled._cache_folder.cache_clear()


def test_a_twin_is_the_functions_own_code() -> None:
    assert twin(buy_price).py_func.__code__ is buy_price.__code__  # type: ignore[attr-defined]
    assert twin(set_mode) is twin(set_mode)
    of = rules_of(*setup(budget=ONE))._replace(max_quantity=ONE)
    assert twin(buy_price)(of, 12_345_678) == buy_price(of, 12_345_678)


def test_the_strategy_knows_nothing_of_the_compiler() -> None:
    program = "import sys, streams.trading.simulation; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_compiled_code_is_kept_beside_the_state_of_the_sources(tmp_path: Path, cache_in: pytest.MonkeyPatch) -> None:
    cache_in.setenv("HEDGEHOG_CACHE_DIR", str(tmp_path))
    assert entry(_next)(1) == 2
    (folder,) = (tmp_path / "compiled").iterdir()
    assert list(folder.rglob("*.nbi"))
    changed = tmp_path / "rules.py"
    changed.write_text(Path(rules.__file__).read_text().replace("ALLOWED", "PERMITTED"))
    compiled._cache_folder.cache_clear()
    cache_in.setattr(rules, "__file__", str(changed))
    assert compiled._cache_folder() not in (None, folder)


def test_without_a_place_to_write_it_compiles_anew(tmp_path: Path, cache_in: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    cache_in.setenv("HEDGEHOG_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert compiled._cache_folder() is None
    assert entry(_next)(1) == 2


def _next(number: int) -> int:
    return number + 1
