"""Long commands that a page starts: one at a time, each a process of its own that others go before.

The command tells on its stderr how far it is, which is put onto the board; it ends with this process, however that
ends, for nobody reads what it tells then.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from streams.web.deeds import Command, NotDone, Values
from streams.web.model.board import JOB
from streams.web.model.pipeline import Job, facts_of
from streams.web.replica.replica import Replica

log = logging.getLogger(__name__)

NICE = 15
PATIENCE_S = 3.0
START_S = 10.0
LINE_BYTES_MAX = 1 << 20
SAID_MAX = 40
"""So many of the last lines of a command are kept, for the case that it ends without a reason that can be read."""
BOX = "╭╮╰╯│─ "


class Jobs:
    """What runs one command after another. Made and closed in the loop; its actions are called from threads."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._loop = asyncio.get_running_loop()
        self._running: asyncio.Task[None] | None = None

    def actions(self, commands: Mapping[str, Callable[[Values], Command]]) -> dict[str, Callable[[Values], Any]]:
        """Return what a page may have done: start one of these, and `cancel`. Each raises `NotDone`."""
        starting = {name: partial(self._asked, make) for name, make in commands.items()}
        return {**starting, "cancel": lambda _: self._in_loop(self._cancel())}

    async def close(self) -> None:
        """End what runs."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    @property
    def job(self) -> Job:
        """What runs, or ran last."""
        return facts_of(self._replica.board).job

    def _asked(self, make: Callable[[Values], Command], values: Values) -> dict[str, Any]:
        return self._in_loop(self._start(make(values)))

    def _in_loop(self, work: Any) -> dict[str, Any]:
        found: dict[str, Any] = asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S)
        return found

    async def _start(self, command: Command) -> dict[str, Any]:
        if self._running is not None and not self._running.done():
            raise NotDone(f"one runs already: {self.job.command}", "cancel it, or wait for it")
        self._put(Job(command.shown, "running", "starting", began_ms=_now_ms()))
        self._running = asyncio.create_task(self._run(command))
        return {"command": command.shown}

    async def _cancel(self) -> dict[str, Any]:
        if self._running is None or self._running.done():
            raise NotDone("nothing runs")
        self._running.cancel()
        return {"command": self.job.command}

    async def _run(self, command: Command) -> None:
        try:
            runs = await self._result(command)
        except asyncio.CancelledError:
            self._end(state="cancelled")
            raise
        except NotDone as error:
            self._end(state="failed", error=str(error), hint=error.hint)
        except Exception as error:  # whatever it is, the page must not show for ever that it runs
            log.exception("%s", command.shown)
            self._end(state="failed", error=f"{type(error).__name__}: {error}")
        else:
            self._end(state="done", runs=runs)

    async def _result(self, command: Command) -> list[int]:
        process = await asyncio.create_subprocess_exec(
            *command.words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            preexec_fn=lambda: os.nice(NICE),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            out, said = await asyncio.gather(process.stdout.read(), self._follow(process.stderr))
            code = await process.wait()
        except BaseException:
            await _end(process)
            raise
        if code:
            raise reason(said, code)
        return runs_in(out)

    async def _follow(self, stream: asyncio.StreamReader) -> list[str]:
        """Put onto the board what is told of the way; return the other lines."""
        said: list[str] = []
        while line := await stream.readline():
            text = line.decode(errors="replace").rstrip()
            told = progress_in(text)
            if told is None:
                said = [*said[1 - SAID_MAX :], text]
            else:
                self._put(told)
        return said

    def _end(self, **values: Any) -> None:
        self._put({**values, "ended_ms": _now_ms()})

    def _put(self, changed: Job | Mapping[str, Any]) -> None:
        facts = facts_of(self._replica.board)
        if isinstance(changed, Job):
            facts.job = changed
        else:
            known = {name: getattr(facts.job, name) for name in Job.__struct_fields__}
            facts.job = Job(**{**known, **changed})
        self._replica.board.touch(JOB)
        self._replica.changed.set()


def progress_in(line: str) -> dict[str, Any] | None:
    """Return what a line tells of the way, as fields of `Job`; `None` for any other line."""
    if not line.startswith('{"doing"'):
        return None
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return {name: told[name] for name in ("doing", "what", "done", "total")}


def reason(said: list[str], code: int) -> NotDone:
    """Return why a command ended with an exit code, by the last of what it said: its refusal, or the words of a box."""
    for line in reversed(said):
        with suppress(ValueError, KeyError, TypeError):
            found = json.loads(line)
            return NotDone(found["error"], found["hint"] or "")
    text = " ".join(line.strip(BOX) for line in said if line.startswith("│"))
    plain = text or next((line.strip() for line in reversed(said) if line.strip()), "")
    ended = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return NotDone(plain or f"the command {ended}")


def runs_in(out: bytes) -> list[int]:
    """Return the numbers under which a command has saved its runs, as it has printed them; `NotDone` without any."""
    found = json.loads(out)
    runs = found.get("saved_runs") or [found.get("saved_run")]
    if None in runs:
        raise NotDone("it has ended and saved nothing")
    return [int(run) for run in runs]


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process, whatever it does."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), PATIENCE_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
