"""systemd units: what they run is there, any folder can be in them, and systemd takes them."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from infra.errors import StackError
from infra.units import PIPELINE, STACK, units
from streams.cli.main import app


def lines(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


def test_the_pipeline_runs_as_one_types_it() -> None:
    made = units(Path("/srv/hedgehog"), Path("/srv/hedgehog/.venv/bin"), workers=2)
    (command,) = lines(made[PIPELINE], "ExecStart")
    program, name, *words = shlex.split(command)
    assert (program, name) == ("/srv/hedgehog/.venv/bin/hedgehog", "run")
    found = typer.main.get_command(app)
    run = found.get_command(typer.Context(found), "run")  # type: ignore[attr-defined]
    assert run.make_context("run", words).params["workers"] == 2
    started = [shlex.split(command)[2:] for command in lines(made[STACK], "ExecStart")]
    assert started == [["infra", "up"], ["connectors", "provision"]]
    assert lines(made[PIPELINE], "After") == [STACK]


@pytest.mark.parametrize("folder", ["plain", "d\u00e4t\u00e4 test, 100%", "dollar$HOME"])
def test_systemd_takes_them(tmp_path: Path, folder: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("THERE IS NO systemd-analyze: whether systemd takes the units is NOT SHOWN")
    binaries = tmp_path / folder / "bin"
    binaries.mkdir(parents=True)
    for name in ("python", "hedgehog"):
        (binaries / name).symlink_to(sys.executable)
    out = tmp_path / "units"
    out.mkdir()
    for name, text in units(tmp_path / folder, binaries, workers=1).items():
        (out / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [program, "verify", "--user", *map(str, out.iterdir())],
        env={"XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_systemd_refuses_is_named() -> None:
    with pytest.raises(StackError, match="no program in a folder with"):
        units(Path("/srv/it's"), Path("/srv/it's/.venv/bin"), workers=1)
