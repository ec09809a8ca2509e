"""Servers as daemons: started in a session of their own, found again by a pid file, stopped by their pid.

A pid file holds the pid and the moment the process began, so that a pid which the system has given to another process
meanwhile is never taken for the server, and never killed.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

LOG_LIMIT = 20_000_000
"""A log larger than this is put aside (`.1`) at the next start, bytes."""


@dataclass(frozen=True)
class Account:
    """A user of the system, for servers that refuse to run as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """What to run: `environment` is added to this process's own; `account` None means as the caller."""

    argv: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    account: Account | None = None


def began(pid: int) -> str | None:
    """When process `pid` began, in a form that names this very process; None when there is none (or a zombie)."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if psutil.LINUX:
            # ticks since boot: unlike the wall clock it does not move when the clock is set
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
            return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{ticks}"
        return f"{process.create_time():.2f}"
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


class Daemon:
    """One server: its pid file, its log, its life."""

    def __init__(self, name: str, run_dir: Path, log_dir: Path):
        self.name = name
        self.pid_file = run_dir / f"{name}.pid"
        self.log = log_dir / f"{name}.log"

    def start(self, command: Command, endpoint: str = "") -> int:
        """Start it and write its pid file, `endpoint` in it; returns the pid. It outlives this process."""
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        account = command.account
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                list(command.argv),
                cwd=command.cwd,
                env={**os.environ, **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        record = {"pid": process.pid, "began": began(process.pid), "since": time.time(), "endpoint": endpoint}
        fresh = self.pid_file.with_suffix(".new")
        fresh.write_text(json.dumps(record))
        fresh.replace(self.pid_file)
        return process.pid

    def record(self) -> dict[str, object] | None:
        """What the pid file says; None without one or with an unreadable one."""
        try:
            found = json.loads(self.pid_file.read_text())
            return found if {"pid", "began", "since"} <= set(found) else None
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def pid(self) -> int | None:
        """The pid of the running server, None when it does not run."""
        record = self.record()
        if record is None:
            return None
        pid = int(str(record["pid"]))
        return pid if record["began"] is not None and began(pid) == record["began"] else None

    def stop(self, gentle: signal.Signals, patience_s: float) -> str | None:
        """Stop the server: `gentle` first, after `patience_s` SIGKILL. Returns how it ended, None if it did not run."""
        pid = self.pid()
        if pid is None:
            self.pid_file.unlink(missing_ok=True)
            return None
        process = psutil.Process(pid)
        family = process.children(recursive=True)
        ended = "stopped"
        process.send_signal(gentle)
        try:
            process.wait(patience_s)
        except psutil.TimeoutExpired:
            ended = f"killed after {patience_s:.0f} s"
            process.kill()
            process.wait(10)
        _, left = psutil.wait_procs(family, timeout=2)
        for child in left:  # psutil checks that it is still the same process
            child.kill()
        self.pid_file.unlink(missing_ok=True)
        return ended
