"""What `hedgehog run` runs, and when it says that all is well."""

import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.config import Config
from infra.native.backend import DATA
from streams.cli.errors import CliError
from streams.cli.main import app
from streams.cli.pipeline import run
from streams.cli.pipeline.run import programs, readiness


def test_it_runs_what_one_would_start_by_hand() -> None:
    found = {program.name: [Path(program.argv[0]).name, *program.argv[1:]] for program in programs(2, [])}
    assert list(found) == ["producer", "worker-1", "worker-2", "notifier", "dashboard", "guard"]
    assert found["producer"] == ["hedgehog", "produce"]
    assert found["worker-1"] == found["worker-2"]
    assert found["worker-1"][1:] == ["-m", "faust", "-A", "streams", "-l", "info", "worker"]
    assert found["notifier"] == ["hedgehog", "notify"]
    assert all(Path(program.argv[0]).parent == Path(sys.executable).parent for program in programs(1, []))
    assert [program.name for program in programs(0, ["notifier", "producer", "guard"])] == ["dashboard"]


def test_a_program_that_a_run_left_is_never_a_server_of_the_stack() -> None:
    assert run.FOLDER not in DATA


class Playing:
    """A supervisor whose programs have run for so many seconds; ended ones have an exit code."""

    def __init__(self, up: dict[str, float | None], ended: dict[str, int]) -> None:
        self.up, self.ended = up, ended

    def names(self) -> list[str]:
        return list(self.up)

    def up_s(self, name: str) -> float | None:
        return self.up[name]

    def exit_code(self, name: str) -> int | None:
        return self.ended.get(name)

    def pid(self, name: str) -> int | None:
        return None if self.up[name] is None else 7

    def starts(self, name: str) -> int:
        return 1


@pytest.mark.parametrize(
    ("up", "ended", "joined", "state"),
    [
        ({"worker-1": 9.0}, {}, 1, "running"),
        ({"worker-1": 9.0}, {}, 0, None),
        ({"worker-1": 0.5}, {}, 1, "starting"),
        ({"worker-1": None}, {}, 1, "waiting to be started again"),
        ({"worker-1": None}, {"worker-1": 1}, 1, "given up"),
    ],
)
def test_all_is_well_once_everything_runs_and_the_workers_have_joined(
    up: dict[str, float | None], ended: dict[str, int], joined: int, state: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "members", lambda *_: joined)
    supervisor: Any = Playing(up, ended)
    ready, said = readiness(Config(), supervisor, 1)
    assert ready == (state == "running")
    assert said["programs"]["worker-1"]["state"] == (state or "running")
    assert (said["workers_joined"], said["workers_wanted"]) == (joined, 1)


def test_the_programs_are_told_to_prometheus() -> None:
    supervisor: Any = Playing({"worker-1": 9.0, "producer": None}, {})
    supervisor.starts = lambda name: 3 if name == "producer" else 1
    restarts, up = run.figures(supervisor)
    assert {each.labels["program"]: each.value for each in restarts.samples} == {"worker-1": 0, "producer": 2}
    assert {each.labels["program"]: each.value for each in up.samples} == {"worker-1": 1, "producer": 0}


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with run._alone(folder), pytest.raises(CliError, match="another `hedgehog run` has"), run._alone(folder):
        pass
    with run._alone(folder):
        pass


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--without", "worker"], "--without: 'worker' is none of producer, notifier, dashboard, guard"),
        (["--log-format", "xml"], "--log-format: 'xml' is none of text, json"),
    ],
)
def test_what_is_not_known_is_refused_by_name(typed: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["run", *typed])
    assert result.exit_code == 2
    assert said in result.output
