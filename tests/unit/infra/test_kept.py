"""What is compiled is kept where somebody may write, and compiled where nobody may."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
from infra.kept import kept

@kept
def double(number):
    return 2 * number

if __name__ == "__main__":
    print(double(21))
"""


def run(folder: Path, **variables: str) -> str:
    """What the program prints, in a process without a home."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": os.devnull, **variables}
    prefix = [] if os.geteuid() else ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    argv = [*prefix, sys.executable, "-B", str(folder / "program.py")]
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("mode", "kept"), [(0o755, True), (0o555, False)])
def test_it_runs_wherever_the_program_is(tmp_path: Path, mode: int, kept: bool) -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("NOT CHECKED: root may write everywhere, and there is no setpriv here")
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM)
    folder.chmod(mode)
    assert run(folder) == "42\n"
    assert any(folder.rglob("*.nbi")) == kept


def test_it_is_kept_where_one_says(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    assert run(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "caches")) == "42\n"
    assert any((tmp_path / "caches").rglob("*.nbi"))
