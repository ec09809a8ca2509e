"""`python -m infra` where the system says no: one line, never a traceback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(folder: Path, *words: str, prefix: Sequence[str] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEHOG_")}
    environment = {**clean, "HEDGEHOG_INFRA": "native", "HEDGEHOG_DATA_DIR": str(folder), **variables}
    argv = [*prefix, sys.executable, "-m", "infra", *words]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", [("up",), ("down",), ("clean", "--yes")])
def test_a_file_in_the_place_of_the_data_folder(tmp_path: Path, words: tuple[str, ...]) -> None:
    place = tmp_path / "data"
    place.write_text("")
    done = run(place, *words)
    assert (done.returncode, done.stderr) == (1, f"hedgehog: {place}/backend: Not a directory\n")


@pytest.mark.parametrize("words", [("up",), ("down",), ("clean", "--yes"), ("status",)])
def test_a_folder_of_somebody_else(tmp_path: Path, words: tuple[str, ...]) -> None:
    place = tmp_path / "data"
    place.mkdir(mode=0o500)
    if os.geteuid() == 0:
        os.chown(place, 1_000, -1)
    done = run(place, *words, prefix=like_others())
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    if words != ("status",):
        assert done.stderr.splitlines()[-1].startswith(f"hedgehog: {place}/")
        assert done.stderr.endswith(": Permission denied\n")


@pytest.mark.parametrize("mode", [0o000, 0o555])
def test_a_cache_of_somebody_else(tmp_path: Path, mode: int) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=mode)
    done = run(tmp_path / "data", "up", prefix=like_others(), HEDGEHOG_CACHE_DIR=str(cache))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"hedgehog: {cache}/")
    assert done.stderr.endswith(": Permission denied\n")


PROGRAMS = {
    "infra": ["infra", "status"],
    "connectors": ["connectors", "provision"],
    "producers": ["producers"],
    "local exchange": ["producers.local_exchange"],
    "worker": ["faust", "-A", "streams", "worker"],
    "demo": ["streams.demo"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_bad_variable_ends_every_program_with_a_line(tmp_path: Path, program: str) -> None:
    done = started(tmp_path, program, HEDGEHOG_PARTITIONS="twelve", HEDGEHOG_KAFKA_PORT="0")
    assert done.returncode == 2
    assert [line.partition(": ")[2].partition(":")[0] for line in done.stderr.splitlines()] == [
        "HEDGEHOG_KAFKA_PORT=0",
        "HEDGEHOG_PARTITIONS=twelve",
    ]


def test_an_env_file_that_is_no_text_ends_a_program_with_a_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    done = started(tmp_path, "local exchange")
    assert done.returncode == 1
    assert done.stderr.startswith("hedgehog: .env: is not UTF-8: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_data_folder_that_is_a_file_ends_the_demo_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = started(tmp_path, "demo", HEDGEHOG_DATA_DIR=str(tmp_path / "file"))
    assert (done.returncode, done.stderr) == (1, f"hedgehog: {tmp_path}/file/demo: Not a directory\n")


def started(folder: Path, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A program that was run in a folder, with these variables."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEHOG_")}
    environment = {**clean, "PYTHONPATH": str(ROOT), "HEDGEHOG_DATA_DIR": str(folder / "data"), **variables}
    argv = [sys.executable, "-m", *PROGRAMS[program]]
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def like_others() -> list[str]:
    """Root without the right to pass over permissions is like any other user."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("NOT CHECKED: root may write everywhere, and there is no setpriv here")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
