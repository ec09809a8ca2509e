"""Where hedgehog can be installed."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.supported import unsupported

ROOT = Path(__file__).parents[3]
OLD_PYTHON = """#!/bin/sh
exec {python} -c 'import runpy, sys
sys.version_info = (3, 9, 0)
runpy.run_path(sys.argv[1], run_name="__main__")' "$@"
"""


@pytest.mark.parametrize(
    ("version", "system", "machine", "libc", "said"),
    [
        ((3, 11), "Linux", "x86_64", "glibc", None),
        ((3, 14), "Linux", "aarch64", "glibc", None),
        ((3, 13), "Darwin", "arm64", "", None),
        ((3, 10), "Linux", "x86_64", "glibc", "this is Python 3.10"),
        ((3, 15), "Linux", "x86_64", "glibc", "this is Python 3.15"),
        ((3, 13), "Darwin", "x86_64", "", "Darwin on x86_64"),
        ((3, 13), "Windows", "AMD64", "", "Windows on AMD64"),
        ((3, 12), "Linux", "x86_64", "", "no glibc"),
    ],
)
def test_it_says_where_it_cannot(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], system: str, machine: str, libc: str, said: str | None
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, ""))
    reason = unsupported()
    assert reason is None if said is None else said in str(reason)


def test_make_setup_asks_before_it_installs_anything(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "infra/requirements.lock", "infra/supported.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    python = tmp_path / "python"
    python.write_text(OLD_PYTHON.format(python=sys.executable))
    python.chmod(0o755)
    done = subprocess.run(
        ["make", "setup", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith("hedgehog: this is Python 3.9; 3.11 to 3.14 are supported")
    assert "installing" not in done.stdout
    assert not (tmp_path / ".venv").exists()
