"""What `doctor` and `status` say of the variables, of who reads and of the sinks."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.config import Config
from streams.cli.pipeline import doctor_checks, parts
from streams.cli.pipeline.doctor_checks import CHECKS, Problem
from streams.cli.pipeline.status import _problems


def check_of(name: str) -> Callable[[], str]:
    return next(check for check in CHECKS if check.name == name).look


def sink(state: str, *tasks: str, error: str | None = None) -> dict[str, Any]:
    ok = state == "RUNNING" and set(tasks) == {"RUNNING"}
    return {"connector": "orders-sink", "state": state, "tasks": list(tasks), "error": error, "ok": ok}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (sink("UNASSIGNED", "UNASSIGNED"), "UNASSIGNED"),
        (sink("RUNNING", "RUNNING", "UNASSIGNED"), "its tasks are RUNNING, UNASSIGNED"),
        (sink("RUNNING"), "its tasks are none"),
        (sink("PAUSED", "PAUSED"), "PAUSED"),
        (sink("FAILED", "FAILED", error="no table"), "no table"),
    ],
)
def test_a_sink_that_does_not_run(row: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "connectors", lambda config: [row])
    with pytest.raises(Problem, match=f"^orders-sink: {said}$"):
        check_of("connectors")()
    page: dict[str, Any] = dict.fromkeys(("copies", "topics", "tables", "running")) | {"connectors": [row]}
    assert _problems([], page) == [f"connector orders-sink: {said}"]


def test_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEHOG_PARTITION", "3")
    with pytest.raises(Problem, match="HEDGEHOG_PARTITION"):
        check_of("configuration")()


@pytest.mark.parametrize("name", ["running", "readers"])
def test_who_is_not_there_or_stands_still(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["no worker: 3 instruments are traded"]
    monkeypatch.setattr(doctor_checks, "running", lambda config: {})
    monkeypatch.setattr(doctor_checks, "missing", lambda found: said)
    monkeypatch.setattr(doctor_checks, "standing_still", lambda config: said)
    monkeypatch.setattr(doctor_checks, "load_config", Config)
    with pytest.raises(Problem, match=said[0]):
        check_of(name)()
