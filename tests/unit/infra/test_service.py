"""The compose file of the pipeline: what it runs is there, any folder can be in it, and Docker Compose takes it."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from infra.compose.service import service
from streams.cli.main import app

ROOT = Path(__file__).parents[3]


def made(folder: str, settings: Path | None = None) -> str:
    home = Path(folder)
    return service("hedgehog-1-pipeline", home, home / ".hedgehog", settings, "1000:1000", 2, ("127.0.0.1", 26060))


def test_the_pipeline_runs_as_one_types_it() -> None:
    found = yaml.safe_load(made("/srv/hedgehog"))["services"]["pipeline"]
    name, *words = found["command"]
    group = typer.main.get_command(app)
    run = group.get_command(typer.Context(group), name)  # type: ignore[attr-defined]
    assert run.make_context(name, words).params["workers"] == 2
    assert found["environment"]["HEDGEHOG_DATA_DIR"] == "/srv/hedgehog/.hedgehog"
    assert [each["target"] for each in found["volumes"]] == ["/srv/hedgehog/.hedgehog"]
    assert (ROOT / found["build"]["dockerfile"]).is_file()
    compile(found["healthcheck"]["test"][-1], "healthcheck", "exec")


def test_settings_are_read_where_the_program_runs() -> None:
    found = yaml.safe_load(made("/srv/hedgehog", Path("/srv/hedgehog/.env")))["services"]["pipeline"]
    assert found["volumes"][1] == {
        "type": "bind",
        "source": "/srv/hedgehog/.env",
        "target": "/opt/hedgehog/.env",
        "read_only": True,
    }
    text = (ROOT / found["build"]["dockerfile"]).read_text()
    assert "WORKDIR /opt/hedgehog\n" in text.rpartition("FROM ")[2]


def test_all_packages_are_in_the_image() -> None:
    kept = (ROOT / "infra" / "compose" / "Dockerfile.dockerignore").read_text().split()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages <= {line.removeprefix("!") for line in kept}
    assert "!tests" not in kept


@pytest.mark.parametrize("folder", ["plain", "d\u00e4t\u00e4 test, 100%", "dollar$HOME ${A:?}", "a: #b", 'quote"'])
def test_docker_compose_takes_it(tmp_path: Path, folder: str) -> None:
    if shutil.which("docker") is None or subprocess.run(["docker", "compose", "version"], check=False).returncode:
        pytest.skip("THERE IS NO `docker compose`: whether it takes the file of the pipeline is NOT SHOWN")
    home = tmp_path / folder
    home.mkdir()
    (home / "pipeline.yaml").write_text(made(str(home), home / ".env"), encoding="utf-8")
    argv = ["docker", "compose", "--file", str(home / "pipeline.yaml"), "config"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    volumes = yaml.safe_load(done.stdout)["services"]["pipeline"]["volumes"]
    assert [each["source"].replace("$$", "$") for each in volumes] == [str(home / ".hedgehog"), str(home / ".env")]


def test_the_command_writes_it_and_says_what_is_next(tmp_path: Path) -> None:
    data = tmp_path / "d\u00e4t\u00e4 test"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEHOG_")}
    environment = {**kept, "HEDGEHOG_DATA_DIR": str(data), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "infra", "compose", "--workers", "3"]
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load((data / "pipeline.yaml").read_text(encoding="utf-8"))["services"]["pipeline"]
    assert "3" in found["command"]
    assert found["user"] == f"{os.getuid()}:{os.getgid()}"
    assert shlex.split(done.stderr.splitlines()[-1])[5] == str(data / "pipeline.yaml")
