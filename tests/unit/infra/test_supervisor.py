"""The supervisor on real processes: restarts what crashes, stops everything, kills what does not stop."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra import supervisor as module
from infra.supervisor import CANNOT_START, JITTER, Program, Supervisor, end_leftovers

WITHIN_S = 20.0


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "run", tmp_path / "logs", said.append)
    yield made
    made.stop_all()


def shell(name: str, script: str, **options: object) -> Program:
    return Program(name, ("sh", "-c", script), **options)  # type: ignore[arg-type]


def test_a_killed_program_is_started_again(supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(shell("sleeper", "exec sleep 600"))
    killed = supervisor.kill("sleeper")
    until(lambda: supervisor.pid("sleeper") not in (None, killed))
    assert supervisor.starts("sleeper") == 2
    (line,) = said
    assert line.startswith("sleeper ended (killed by SIGKILL); it is started again in 0.")


def test_pauses_between_restarts_double(supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(shell("crasher", "exit 3"))
    until(lambda: len(said) >= 3)
    pauses = [float(line.rpartition(" in ")[2].removesuffix(" s")) for line in said[:3]]
    for pause, shortest in zip(pauses, (0.5, 1, 2), strict=True):
        assert shortest <= pause <= shortest * (1 + JITTER) + 0.05
    assert "exit code 3" in said[0]


def test_what_crashes_again_and_again_is_given_up(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_S", 0.01)
    supervisor.start(shell("crasher", "exit 3", crashes_max=3))
    until(lambda: supervisor.exit_code("crasher") is not None)
    assert (supervisor.exit_code("crasher"), supervisor.starts("crasher"), len(said)) == (3, 3, 3)
    assert said[-1] == "crasher ended (exit code 3) 3 times in a row; it is not started again"


def test_a_crash_after_a_steady_run_counts_as_the_first(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_S", 0.01)
    monkeypatch.setattr(module, "STEADY_S", 0.05)
    supervisor.start(shell("crasher", "sleep 0.1; exit 3", crashes_max=2))
    until(lambda: len(said) >= 4)
    assert supervisor.exit_code("crasher") is None
    assert not [line for line in said if "not started again" in line]


def test_output_is_heard_line_by_line_with_the_name_of_who_wrote_it(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    supervisor = Supervisor(tmp_path, tmp_path, print, lambda name, line: heard.append((name, line)))
    # what a child of it writes is heard, too, and what is no UTF-8
    supervisor.start(shell("speaker", "echo out; (echo err >&2); printf 'caf\\351\\n'; printf end"))
    until(lambda: supervisor.exit_code("speaker") is not None)
    assert heard == [("speaker", "out"), ("speaker", "err"), ("speaker", "caf\ufffd"), ("speaker", "end")]
    assert not list(tmp_path.glob("*.log"))


@pytest.mark.parametrize(("code", "restart"), [(0, True), (3, False)])
def test_an_end_is_an_end(supervisor: Supervisor, code: int, restart: bool) -> None:
    supervisor.start(shell("done", f"exit {code}", restart=restart))
    until(lambda: supervisor.exit_code("done") is not None)
    assert supervisor.exit_code("done") == code
    assert supervisor.starts("done") == 1


def test_stopping_takes_the_whole_group_and_kills_what_ignores_it(supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(shell("stubborn", "trap '' TERM; sleep 600 & wait; sleep 600", patience_s=0.2))
    pid = supervisor.pid("stubborn")
    assert pid is not None
    until(lambda: psutil.Process(pid).children())
    family = psutil.Process(pid).children()
    supervisor.stop_all()
    assert not any(process.is_running() for process in family)
    assert supervisor.pid("stubborn") is None
    assert said == ["stubborn did not stop within 0.2 s: killed"]


def test_a_program_that_does_not_exist_raises(supervisor: Supervisor) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        supervisor.start(Program("missing", ("/no-such-program",)))
    until(lambda: supervisor.exit_code("missing") is not None)
    assert supervisor.exit_code("missing") == CANNOT_START


def test_output_goes_to_the_log(supervisor: Supervisor) -> None:
    supervisor.start(shell("speaker", "echo out; echo err >&2"))
    until(lambda: supervisor.exit_code("speaker") is not None)
    assert supervisor.log("speaker").read_text() == "out\nerr\n"


def test_leftovers_of_a_killed_supervisor_are_ended_and_recycled_pids_are_not(tmp_path: Path) -> None:
    run = tmp_path / "run"
    supervisor = Supervisor(run, tmp_path / "logs", lambda _: None)
    supervisor.start(shell("left", "exec sleep 600", restart=False))
    (run / "other.pid").write_text(f'{{"pid": {os.getpid()}, "began": "another process"}}')
    assert end_leftovers(run) == ["left"]
    until(lambda: supervisor.exit_code("left") is not None)
    assert list(run.iterdir()) == []
