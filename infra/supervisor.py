"""Runs programs as children: restarts the ones that crash, gives up those that crash again and again, stops all of
them, leaves nothing behind.

A worker that meets what it does not expect exits with code 1 by design: its state is in the broker, and starting
again is how it goes on. Every child has a process group and a log of its own, and a pid file, so that what a killed
supervisor left running can be found.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from infra.native.process import began

BACKOFF_S = 0.5
BACKOFF_MAX_S = 10.0
STEADY_S = 30.0
"""A program that ran so long before it crashed is started again after the shortest backoff."""
KILL_WAIT_S = 10.0
JITTER = 0.25
"""A pause is longer by up to this share of it, so that what crashed together does not come back together."""
CANNOT_START = 127
"""The exit code of a program that could not be started."""

Say = Callable[[str], None]
Hear = Callable[[str, str], None]
"""Gets the name of a program and a line that it has written."""


@dataclass(frozen=True)
class Program:
    """What to run. `environment` is added to this process's own; `patience_s` is how long SIGTERM may take."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    restart: bool = True
    """Whether it is started again after an exit code other than 0; 0 is always its end."""
    patience_s: float = 15.0
    crashes_max: int | None = None
    """It is not started again after so many crashes in a row, each within `STEADY_S` of its start: what it fails at is
    still there when it comes back. `None`: it always is."""


class Supervisor:
    """Keeps programs running. `say` gets a line for each crash; pid files go to `run_dir`.

    What the programs write goes to logs in `log_dir`, or line by line to `hear`, which is called in their threads.
    """

    def __init__(self, run_dir: Path, log_dir: Path, say: Say, hear: Hear | None = None) -> None:
        self._run_dir, self._log_dir, self._say, self._hear = run_dir, log_dir, say, hear
        self._children: dict[str, _Child] = {}
        run_dir.mkdir(parents=True, exist_ok=True)
        log_dir.mkdir(parents=True, exist_ok=True)

    def start(self, program: Program) -> None:
        """Start a program; raises `OSError` when it cannot be started at all."""
        out = self.log(program.name) if self._hear is None else self._hear
        child = _Child(program, self._run_dir / f"{program.name}.pid", out, self._say)
        self._children[program.name] = child
        child.start()

    def names(self) -> list[str]:
        """Return the name of every program that was started."""
        return list(self._children)

    def log(self, name: str) -> Path:
        """Return the path of a program's log."""
        return self._log_dir / f"{name}.log"

    def pid(self, name: str) -> int | None:
        """Return the process id of a program, `None` while it does not run."""
        return self._children[name].pid

    def exit_code(self, name: str) -> int | None:
        """Return the exit code of a program that has ended for good, else `None`; of a signal minus its number."""
        return self._children[name].exit_code

    def up_s(self, name: str) -> float | None:
        """Return for how many seconds a program has been running; `None` while it does not."""
        return self._children[name].up_s

    def starts(self, name: str) -> int:
        """Return how often a program was started."""
        return self._children[name].starts

    def kill(self, name: str) -> int:
        """Kill a program as a crash would (SIGKILL), to be started again; returns the process that died."""
        pid = self.pid(name)
        if pid is None:
            raise ProcessLookupError(f"{name} does not run")
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self, *names: str) -> None:
        """Stop the named programs side by side: SIGTERM, after their patience SIGKILL to the whole group."""
        stopping = [threading.Thread(target=self._children[name].stop) for name in names if name in self._children]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()

    def stop_all(self) -> None:
        """Stop everything, what was started last first."""
        for name in reversed(self._children):
            self.stop(name)


def end_leftovers(run_dir: Path) -> list[str]:
    """Kill what a supervisor that was itself killed left running; return the names of these programs."""
    ended = []
    for pid_file in sorted(run_dir.glob("*.pid")):
        try:
            record = json.loads(pid_file.read_text())
            pid, start = int(record["pid"]), record["began"]
        except (ValueError, KeyError, TypeError):
            continue
        if start is not None and began(pid) == start:
            _kill_group(pid)
            ended.append(pid_file.stem)
        pid_file.unlink(missing_ok=True)
    return ended


class _Child:
    """One program and the thread that runs it.

    The thread starts the process too: an interrupt reaches the main thread alone, so none can come between a
    process and the note that it runs.
    """

    def __init__(self, program: Program, pid_file: Path, out: Path | Hear, say: Say) -> None:
        self._program, self._pid_file, self._out, self._say = program, pid_file, out, say
        self._stopping = threading.Event()
        self._spawned = threading.Event()
        self._error: OSError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._runner = threading.Thread(target=self._run, name=f"run-{program.name}", daemon=True)
        self._started = 0.0
        self._crashes = 0
        self.exit_code: int | None = None
        self.starts = 0

    @property
    def up_s(self) -> float | None:
        return None if self.pid is None else time.monotonic() - self._started

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        self._runner.start()
        self._spawned.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        self._stopping.set()
        if self._runner.ident is None:
            return
        self._spawned.wait()
        self._signal(signal.SIGTERM)
        self._runner.join(self._program.patience_s)
        if self._runner.is_alive():
            self._say(f"{self._program.name} did not stop within {self._program.patience_s:g} s: killed")
            self._signal(signal.SIGKILL)
            self._runner.join(KILL_WAIT_S)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)  # does nothing to a process that has ended

    def _run(self) -> None:
        code = None
        while not self._stopping.is_set():
            try:
                process = self._spawn()
            except OSError as error:
                self._error, code = error, CANNOT_START
                self._say(f"{self._program.name} cannot be started: {error}")
                break
            finally:
                self._spawned.set()
            if self._stopping.is_set():
                process.send_signal(signal.SIGTERM)  # it was started while being stopped
            code = self._wait(process)
            if self._stopping.is_set() or code == 0 or not self._program.restart or not self._pause(code):
                break
        self._spawned.set()
        self._pid_file.unlink(missing_ok=True)
        self.exit_code = code

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait for the end of a process and of all that it has started itself; hear what they write."""
        listening = threading.Thread(target=self._listen, args=(process,), daemon=True)
        listening.start()
        code = process.wait()
        _kill_group(process.pid)
        listening.join(KILL_WAIT_S)
        return code

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        if process.stdout is not None and not isinstance(self._out, Path):
            with process.stdout as lines:
                for line in lines:
                    self._out(self._program.name, line.decode(errors="replace").rstrip("\r\n"))

    def _pause(self, code: int) -> bool:
        """Wait before the next start after a crash; return whether there is one."""
        how = f"{self._program.name} ended ({how_it_ended(code)})"
        self._crashes = 1 if time.monotonic() - self._started > STEADY_S else self._crashes + 1
        if self._program.crashes_max is not None and self._crashes >= self._program.crashes_max:
            self._say(f"{how} {self._crashes} times in a row; it is not started again")
            return False
        pause_s = min(BACKOFF_S * 2 ** (self._crashes - 1), BACKOFF_MAX_S) * (1 + JITTER * random.random())
        self._say(f"{how}; it is started again in {pause_s:.1f} s")
        self._stopping.wait(pause_s)
        return True

    def _spawn(self) -> "subprocess.Popen[bytes]":
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(self._out.open("ab")) if isinstance(self._out, Path) else subprocess.PIPE
            process = subprocess.Popen(
                list(self._program.argv),
                env={**os.environ, **self._program.environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops all in order
            )
        self._process, self._started = process, time.monotonic()
        self.starts += 1
        self._pid_file.write_text(json.dumps({"pid": process.pid, "began": began(process.pid)}))
        return process


def how_it_ended(code: int) -> str:
    """Return an exit code in words."""
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _kill_group(group: int) -> None:
    """Kill every process of a child's group and wait until they are gone."""
    members = [process for process in psutil.process_iter() if _group_of(process.pid) == group]
    for process in members:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(members, timeout=KILL_WAIT_S)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
