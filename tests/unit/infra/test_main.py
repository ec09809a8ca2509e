"""`python -m infra` where the system says no: one line, never a traceback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


def run(folder: Path, *words: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEHOG_")}
    environment = {**clean, "HEDGEHOG_INFRA": "native", "HEDGEHOG_DATA_DIR": str(folder)}
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


def like_others() -> list[str]:
    """Root without the right to pass over permissions is like any other user."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("NOT CHECKED: root may write everywhere, and there is no setpriv here")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
