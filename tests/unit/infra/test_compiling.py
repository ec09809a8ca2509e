"""Compiled code is kept on disk where something can be written, beside the state of its sources; compiling is said."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra import compiling
from infra.compiling import cache_folder, entry

PROGRAM = """
from infra.compiling import entry

@entry(["{source}"])
def following(number):
    return number + 1

print(following(1))
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of sources; compiled code goes beside it."""
    monkeypatch.setenv("HEDGEHOG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiling, "_PROGRAM", tmp_path / "program")
    cache_folder.cache_clear()
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "rule.py").write_text("RULE = 1")
    yield tmp_path
    cache_folder.cache_clear()


def _next(number: int) -> int:
    return number + 1


def test_the_first_call_may_come_from_several_threads(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr(compiling, "_kept", lambda function, sources: made.append(function) or function)
    call = entry([place / "sources"])(_next)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(64))) == list(range(1, 65))
    assert made == [_next]


def test_a_folder_for_each_state_of_the_sources(place: Path) -> None:
    sources = str(place / "sources")
    assert entry([sources])(_next)(1) == 2
    (folder,) = (place / "cache" / "compiled").iterdir()
    assert list(folder.rglob("*.nbi"))
    assert cache_folder((sources,)) == folder
    cache_folder.cache_clear()
    (place / "sources" / "rule.py").write_text("RULE = 2")
    changed = cache_folder((sources,))
    assert changed not in (None, folder)
    assert cache_folder((str(place / "sources" / "rule.py"),)) not in (None, folder)


def test_where_caches_cannot_be_written_the_programs_folder_serves(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").write_text("no folder")
    monkeypatch.setenv("HEDGEHOG_CACHE_DIR", str(place / "file" / "cache"))
    folder = cache_folder((str(place / "sources"),))
    assert folder is not None
    assert folder.is_relative_to(place / "program" / "__pycache__")


def test_without_a_place_to_write_it_compiles_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").write_text("no folder")
    monkeypatch.setenv("HEDGEHOG_CACHE_DIR", str(place / "file" / "cache"))
    monkeypatch.setattr(compiling, "_PROGRAM", place / "file")
    assert cache_folder((str(place / "sources"),)) is None
    assert entry([place / "sources"])(_next)(1) == 2


def test_the_first_process_says_that_it_compiles_and_the_second_need_not(place: Path) -> None:
    program = place / "program.py"
    program.write_text(PROGRAM.format(source=place / "sources"))
    environment = os.environ | {"HEDGEHOG_CACHE_DIR": str(place / "cache")}
    argv = [sys.executable, str(program)]
    first, second = (
        subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120, env=environment, cwd=Path.cwd())
        for _ in range(2)
    )
    assert (first.stdout, second.stdout) == ("2\n", "2\n")
    assert first.stderr == f"{compiling.COMPILING}\n"
    assert second.stderr == ""
