"""Every command in places as they are: no home, nothing to write to, somebody else's folders, nobody who listens.

Each ends with a known exit code and, where something is wrong, one line that says what: never with a traceback.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from streams.cli.main import app
from tests.samples import NINE_TRADES

ROOT = Path(__file__).parents[4]
AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]
"""Takes from root what lets it write where nobody may."""
BACKTEST = ["--file", "{trades}", "--symbol", "XRPUSDT", "--tick", "0.0001", "--step", "0.1"]
ARGUMENTS: dict[str, list[str]] = {
    "settings set": ["XRPUSDT", "--chunks", "3"],
    "settings seed": ["--file", "{listed}"],
    **{f"streaming {verb}": ["XRPUSDT"] for verb in ("start", "stop")},
    **{f"trading {verb}": ["XRPUSDT"] for verb in ("start", "stop", "shutdown", "halt")},
    **{f"watch {verb}": ["XRPUSDT"] for verb in ("add", "remove")},
    "watch set": ["XRPUSDT", "--deviation", "0.01"],
    "watch snooze": ["1h", "XRPUSDT"],
    "candles list": ["--symbol", "XRPUSDT"],
    "candles export": ["{out}/candles.csv", "--symbol", "XRPUSDT"],
    "dlq show": ["dead-letters:0:1"],
    "dlq requeue": ["dead-letters:0:1"],
    "gaps fill": ["binance:XRPUSDT:1:2"],
    "sinks skip": ["orders", "--yes"],
    "sinks set-aside": ["--yes"],
    "backtest run": [*BACKTEST, "--engine", "reference", "--orders", "{out}/orders.csv", "--report", "{out}/run.html"],
    "backtest sweep": [*BACKTEST, "--chunks", "1,2", "--report", "{out}/sweep.html"],
    "backtest show": ["1"],
    "backtest compare": ["1", "2"],
    "replay prepare": ["--prefix", "replay.", "--symbol", "XRPUSDT"],
    "replay publish": ["--prefix", "replay.", "--symbol", "XRPUSDT", "--file", "{trades}"],
    "replay remove": ["--prefix", "replay."],
    "archive import": ["{trades}", "--out", "{out}/archive"],
    "archive export": ["--symbol", "XRPUSDT", "--out", "{out}/archive"],
    "archive verify": ["{out}/archive"],
    "archive list": ["{out}/archive"],
    "archive prune": ["{out}/archive", "--keep-days", "3"],
    "explain": ["binance:XRPUSDT:1:B"],
    "prune": ["--keep-days", "30"],
    "notify": ["--sink", "stdout"],
}
"""What a command is told that is told something; of the others each is run by itself."""
SERVING = ("dashboard",)
"""What waits for a broker, and is ended by a signal alone: of these the help is asked for only."""
USAGE, LAST_CODE = 2, 4


def commands() -> Iterator[list[str]]:
    """Yield every command of the app as it is typed, and the help of each."""

    def walk(group: Any, path: list[str]) -> Iterator[list[str]]:
        context = typer.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            if isinstance(found, TyperGroup):
                yield from walk(found, [*path, name])
            else:
                yield [*path, name]

    yield from walk(typer.main.get_command(app), [])


@dataclass(frozen=True)
class Place:
    """Where commands are run; folders are `own`, `bare` (nobody may write there) or `private` (nor look into it).

    `installed`: the program itself is in a folder where nobody may write, as an administrator installs it.
    """

    home: str | None = "own"
    here: str = "own"
    data: str = "own"
    out: str = "own"
    stdout: str = "kept"
    largest_file: int | None = None
    installed: bool = False
    helps: bool = False
    """Whether the help of each is asked for, too."""
    environment: dict[str, str] = field(default_factory=dict)


NEAR = "all is well"
PLACES = {
    NEAR: Place(),
    "no HOME": Place(home=None),
    "a read-only home": Place(home="bare", here="bare", data="bare", out="bare", installed=True),
    "another user's data folder": Place(data="private", out="private"),
    "a full disk": Place(largest_file=0),
    "a full disk for stdout": Place(stdout="/dev/full"),
    "stdout closed": Place(stdout="closed", helps=True),
    "a reader that left": Place(stdout="left"),
    "LANG=C": Place(environment={"LANG": "C", "LC_ALL": "C"}),
    "ASCII alone": Place(environment={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, helps=True),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by kind, and what commands read."""
    base = tmp_path_factory.mktemp("walk")
    made = {name: base / name for name in ("own", "bare", "private", "scratch")}
    for name, mode in (("own", 0o777), ("bare", 0o555), ("private", 0), ("scratch", 0o777)):
        made[name].mkdir()
        made[name].chmod(mode)
    lines = [f"{at},{price},10,4,{1_559_347_200_000 + at},true,true" for at, price in enumerate(NINE_TRADES, 1)]
    for name in ("connectors", "infra", "producers", "schemas", "streams", "tests"):
        shutil.copytree(ROOT / name, base / "installed" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for folder, _, _ in os.walk(base / "installed"):
        Path(folder).chmod(0o555)
    trades, listed = base / "XRPUSDT-trades-2019-06-01.csv", base / "listed.json"
    trades.write_text("\n".join(lines) + "\n")
    listed.write_text('{"symbols": []}')
    return made | {"trades": trades, "listed": listed, "installed": base / "installed"}


def walked(place: Place, folders: dict[str, Path]) -> list[dict[str, Any]]:
    """What every command says and does in a place."""
    out = folders[place.out]
    values = {"trades": folders["trades"], "listed": folders["listed"], "out": out}
    typed = [[*path, *(a.format(**values) for a in ARGUMENTS.get(" ".join(path), []))] for path in commands()]
    typed = [command for command in typed if command[0] not in SERVING]
    if place.helps:
        typed += [[*path, "--help"] for path in commands()]
    where = {"stdout": place.stdout, "largest_file": place.largest_file, "scratch": str(folders["scratch"])}
    asked = folders["scratch"] / "asked.json"
    asked.write_text(json.dumps({"place": where, "commands": typed}))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        ports = {f"HEDGEHOG_{name}_PORT": str(port) for name in ("KAFKA", "REGISTRY", "CONNECT", "POSTGRES")}
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "TMPDIR")}
        home = {} if place.home is None else {"HOME": str(folders[place.home])}
        data = {"HEDGEHOG_DATA_DIR": str(folders[place.data] / "data")}
        program = {"PYTHONPATH": str(folders["installed"] if place.installed else ROOT)}
        environment = {**kept, **home, **data, **ports, **program, **place.environment}
        reading, writing = os.pipe()
        command = [sys.executable, "-B", "-m", "tests.walk", str(writing), str(asked)]
        if place.stdout == "closed":
            command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
        command = command if os.geteuid() else [*AS_ANYBODY, *command]
        process = subprocess.Popen(
            command,
            cwd=folders[place.here],
            env=environment,
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=None if place.stdout == "closed" else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(writing)
        with os.fdopen(reading) as file:
            lines = file.read().splitlines()
        _, said = process.communicate()
    found = [json.loads(line) for line in lines]
    assert len(found) == len(typed), said
    return found


@pytest.mark.timeout(600)  # some seconds each, but for a machine with other work
@pytest.mark.parametrize(
    "name", [NEAR, *(pytest.param(name, marks=pytest.mark.long) for name in PLACES if name != NEAR)]
)
def test_every_command_ends_with_a_line_and_an_exit_code(name: str, folders: dict[str, Path]) -> None:
    wrong = {}
    for found in walked(PLACES[name], folders):
        problem = _problem(found, name)
        if problem:
            wrong[" ".join(found["command"])] = f"{problem}: {found['code']} {found['stderr'][-1500:]}"
    assert not wrong, "\n".join(f"{command}: {text}" for command, text in wrong.items())


def _problem(found: dict[str, Any], place: str) -> str | None:
    """What a command did that none may do."""
    code, stderr, asks_help = found["code"], found["stderr"], found["command"][-1] == "--help"
    lines = [line for line in stderr.splitlines() if not line.startswith(("  try:", "hedgehog: compiling"))]
    shown, left = PLACES[place].stdout == "kept", PLACES[place].stdout == "left"
    wrong = {
        "a traceback": "Traceback" in stderr or "Exception ignored" in stderr,
        "no exit code of ours": code is None or not 0 <= code <= LAST_CODE,
        "the test does not know what to tell it: add it to ARGUMENTS": code == USAGE and "Usage:" in stderr,
        "no word why": code and not lines and found["command"][0] not in ("status", "doctor") and not left,
        "no help": asks_help and shown and (code or "Usage:" not in found["stdout"]),
        "more than one line of what is wrong": sum(line.startswith("hedgehog: ") for line in lines) > 1,
    }
    return next((text for text, is_so in wrong.items() if is_so), None)
