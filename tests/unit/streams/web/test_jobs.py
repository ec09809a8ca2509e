"""Long commands: one at a time, what they tell of the way and at their end, and that none outlives its dashboard."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from infra.config import Config
from schemas.records import TradingStatus
from streams.web.deeds import Command, NotDone, Values
from streams.web.http.guard import TOKEN_HEADER
from streams.web.model.backtests import form, job
from streams.web.model.board import Board
from streams.web.replica.jobs import NICE, Jobs, progress_in, reason, runs_in
from streams.web.replica.replica import Replica
from tests.unit.streams.web.boards import known, traded
from tests.unit.streams.web.test_guard import Server, token_of

WAIT_S = 20.0
LONG = """
import sys, time
print('{"doing": "reading", "what": "lines", "done": 5, "total": 20}', file=sys.stderr, flush=True)
time.sleep(60)
"""


def program(text: str) -> Command:
    return Command([sys.executable, "-c", textwrap.dedent(text)], "hedgehog backtest run --symbol XRPUSDT --save")


class Played:
    """Jobs of a board without a broker, asked as pages ask: from another thread."""

    def __init__(self) -> None:
        self.replica = Replica(Config())
        self.jobs = Jobs(self.replica)
        self.next = program("")
        self.actions = self.jobs.actions({"backtest": lambda _: self.next})

    async def do(self, action: str) -> Any:
        return await asyncio.to_thread(self.actions[action], {})

    async def start(self, text: str) -> Any:
        self.next = program(text)
        return await self.do("backtest")

    @property
    def shown(self) -> dict[str, Any]:
        return job(self.replica.board, 0)

    async def until(self, right: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            while not right(self.shown):  # noqa: ASYNC110 -- what is waited for is on a board
                await asyncio.sleep(0.02)
        return self.shown


@pytest.fixture
async def played() -> AsyncIterator[Played]:
    made = Played()
    yield made
    await made.jobs.close()


def child() -> psutil.Process:
    """The command that runs."""
    (found,) = [each for each in psutil.Process().children() if each.cmdline()[1:2] == ["-c"]]
    return found


async def test_what_it_tells_is_shown_and_its_runs_at_the_end(played: Played, tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    answer = await played.start(f"""
        import json, os, sys, time
        told = dict(doing="consuming", what="records", done=3, total=7)
        print(json.dumps(told), file=sys.stderr, flush=True)
        while not os.path.exists({str(go_on)!r}): time.sleep(0.02)
        print(json.dumps(dict(saved_run=12, orders=3)))
        """)
    assert answer == {"command": "hedgehog backtest run --symbol XRPUSDT --save"}
    running = await played.until(lambda shown: bool(shown["done"]))
    assert [running[name] for name in ("state", "doing", "what", "done", "total")] == [
        *("running", "consuming", "records", 3, 7)
    ]
    go_on.touch()
    done = await played.until(lambda shown: shown["state"] != "running")
    assert (done["state"], done["runs"], done["error"]) == ("done", [12], "")
    assert done["ended_ms"] >= done["began_ms"] > 0


async def test_its_refusal_is_that_of_the_command_line(played: Played) -> None:
    await played.start("""
        import json, sys
        print("hedgehog: something by the way", file=sys.stderr)
        error = {"error": "--chunks: 0 is not between 1 and 1000", "hint": None, "exit_code": 2}
        print(json.dumps(error), file=sys.stderr)
        sys.exit(2)
        """)
    ended = await played.until(lambda shown: shown["state"] != "running")
    assert (ended["state"], ended["error"]) == ("failed", "--chunks: 0 is not between 1 and 1000")


async def test_one_at_a_time_and_others_go_before_it(played: Played) -> None:
    with pytest.raises(NotDone, match="nothing runs"):
        await played.do("cancel")
    await played.start(LONG)
    await played.until(lambda shown: shown["done"] == 5)
    assert child().nice() == min(os.nice(0) + NICE, 19), "19 is the most there is"
    with pytest.raises(NotDone, match="one runs already: hedgehog backtest run"):
        await played.start(LONG)
    process = child()
    await played.do("cancel")
    await played.until(lambda shown: shown["state"] == "cancelled")
    assert not process.is_running()
    await played.start(LONG)
    await played.until(lambda shown: shown["done"] == 5)


async def test_a_dashboard_that_ends_ends_it_however_it_takes_that(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.web.replica.jobs.PATIENCE_S", 0.3)
    await played.start(f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{LONG}")
    await played.until(lambda shown: shown["done"] == 5)
    process = child()
    await played.jobs.close()
    assert not process.is_running()


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        (['{"error": "no trades", "hint": "make demo", "exit_code": 1}', "later"], 1, ("no trades", "make demo")),
        (
            ["Usage: hedgehog", "╭─ Error ─╮", "│ Invalid value │", "│ for '--top'   │", "╰──╯"],
            2,
            ("Invalid value for '--top'", ""),
        ),
        (["Traceback", "ValueError: x", ""], 1, ("ValueError: x", "")),
        ([], 3, ("the command ended with exit code 3", "")),
        ([], -9, ("the command ended by signal 9", "")),
        (["[1]", "last"], 1, ("last", "")),
    ],
)
def test_why_a_command_ended(said: list[str], code: int, expected: tuple[str, str]) -> None:
    found = reason(said, code)
    assert (str(found), found.hint) == expected


def test_what_a_command_has_saved() -> None:
    assert runs_in(b'{"saved_run": 3}') == [3]
    assert runs_in(b'{"saved_runs": [5, 6]}') == [5, 6]
    with pytest.raises(NotDone, match="saved nothing"):
        runs_in(b"{}")


def test_other_lines_tell_nothing_of_the_way() -> None:
    for line in ("reading", '{"error": "x"}', '{"doing": broken'):
        assert progress_in(line) is None


def test_the_form_lists_what_can_be_tested() -> None:
    board = Board()
    known(board, "binance:ADAUSDT", "ADA", "USDT", status=TradingStatus.OFF)
    known(board, "binance:XRPUSDT", "XRP", "USDT", status=TradingStatus.ON)
    traded(board, "binance:ADAUSDT", "0.3")
    traded(board, "binance:XRPUSDT", "0.4")
    shown = form(board, 0)
    assert shown["instruments"] == ["binance:XRPUSDT", "binance:ADAUSDT"]
    limits = {"--notional-limit", "--orders-limit", "--minute-limit", "--loss-limit"}
    assert {field["option"] for field in shown["fields"] if not field["swept"]} == {"--budget", "--fee", *limits}


TELLER = """
import sys, time
from streams.cli.progress import Told
told = Told(sys.stderr)
told.counting("reading", "lines")(1, 2)
time.sleep(60)
"""


def test_a_command_ends_with_whoever_started_it() -> None:
    starter = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {TELLER!r}], stderr=subprocess.PIPE)
child.stderr.readline()
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        try:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            deadline = time.monotonic() + WAIT_S
            while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < deadline, "it lives on"
                time.sleep(0.05)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def test_a_page_starts_it_and_is_told_why_it_is_not(tmp_path: Path) -> None:
    def refuse(_: Values) -> Command:
        raise NotDone("kind: none")

    server = Server(tmp_path, commands={"backtest": lambda _: program(LONG), "odd": refuse})
    async with httpx.AsyncClient(base_url=await server.start(), trust_env=False) as client:
        headers = {TOKEN_HEADER: await token_of(client), "Origin": str(client.base_url).rstrip("/")}

        async def do(name: str) -> tuple[int, Any]:
            answer = await client.post(f"/do/{name}", json={}, headers=headers)
            return answer.status_code, answer.json()

        assert await do("odd") == (400, {"error": "kind: none", "hint": ""})
        assert await do("backtest") == (200, {"command": program("").shown})
        status, refused = await do("backtest")
        assert (status, refused["error"]) == (400, f"one runs already: {program('').shown}")
        assert await do("cancel") == (200, {"command": program("").shown})
    await server.jobs.close()
    await server.runner.cleanup()
