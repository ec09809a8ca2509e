"""What is compiled are the live functions; compiled code is kept on disk where something can be written, only there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.units import ONE
from streams.backtest.engine import compiled as engine
from streams.backtest.engine.compiled import compiled, entry
from streams.trading import matching
from streams.trading.rules import buy_price, rules_of
from streams.trading.strategy import set_mode
from tests.samples import setup


@pytest.fixture
def cache_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    engine._cache_folder.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    engine._cache_folder.cache_clear()


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


def test_the_first_call_may_come_from_several_threads(tmp_path: Path, cache_in: pytest.MonkeyPatch) -> None:
    cache_in.setenv("HEDGEHOG_CACHE_DIR", str(tmp_path))
    made: list[object] = []
    cache_in.setattr(engine, "_kept", lambda function: made.append(function) or function)
    call = entry(_next)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(64))) == list(range(1, 65))
    assert made == [_next]


@pytest.mark.parametrize("source", [Path(matching.__file__), Path(engine.__file__).with_name("fast.py")])
def test_compiled_code_is_kept_beside_the_state_of_the_sources(
    source: Path, tmp_path: Path, cache_in: pytest.MonkeyPatch
) -> None:
    """A folder for each state: of the live functions', and of the engine's own."""
    cache_in.setenv("HEDGEHOG_CACHE_DIR", str(tmp_path / "cache"))
    assert entry(_next)(1) == 2
    (folder,) = (tmp_path / "cache" / "compiled").iterdir()
    assert list(folder.rglob("*.nbi"))
    copies = []
    for number, original in enumerate(engine.SOURCES):
        copies.append(shutil.copytree(original, tmp_path / f"{number}"))
    cache_in.setattr(engine, "SOURCES", copies)
    engine._cache_folder.cache_clear()
    assert engine._cache_folder() == folder
    for changed in tmp_path.glob(f"[0-9]/{source.name}"):
        changed.write_text(source.read_text() + "# changed")
    engine._cache_folder.cache_clear()
    assert engine._cache_folder() not in (None, folder)


def test_without_a_place_to_write_it_compiles_anew(tmp_path: Path, cache_in: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    cache_in.setenv("HEDGEHOG_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert engine._cache_folder() is None
    assert entry(_next)(1) == 2


def _next(number: int) -> int:
    return number + 1
