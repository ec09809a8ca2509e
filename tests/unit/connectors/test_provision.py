"""What a started stack gets: step by step, the one that fails is named, and `infra` knows nothing of it."""

import subprocess
import sys

import pytest

from connectors import provision
from connectors.__main__ import main
from infra.config import Config
from infra.errors import StackError


def run(monkeypatch: pytest.MonkeyPatch, failure: Exception | None) -> list[str]:
    """What is said, where the second of three steps raises `failure`."""
    said: list[str] = []

    def second(_: Config) -> None:
        if failure is not None:
            raise failure

    steps = (("one", lambda _: None), ("two", second), ("three", lambda _: None))
    monkeypatch.setattr(provision, "STEPS", steps)
    try:
        provision.provision(Config(), said.append)
    except StackError as error:
        said.append(str(error))
    return [" ".join(line.split()) for line in said]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (None, ["one ready", "two ready", "three ready"]),
        (StackError("no broker"), ["one ready", "no broker"]),
        (KeyError("x"), ["one ready", "two: KeyError: 'x'"]),
    ],
)
def test_each_step_is_said_and_the_one_that_fails_is_named(
    failure: Exception | None, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, failure) == said


def test_no_broker_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(provision, "STEPS", (("topics", _no_broker),))
    assert main(["provision"]) == 1
    assert capsys.readouterr() == ("", "hedgehog: no Kafka broker answers\n")


def _no_broker(_: Config) -> None:
    raise StackError("no Kafka broker answers")


def test_starting_the_stack_knows_nothing_of_what_is_put_into_it() -> None:
    code = (
        "import sys, infra.__main__\n"
        "above = {'connectors', 'schemas', 'producers', 'streams'} & {name.split('.')[0] for name in sys.modules}\n"
        "sys.exit(', '.join(sorted(above)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
