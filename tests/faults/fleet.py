"""Workers as processes, to be started, stopped and killed by process id."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.config import Config
from schemas.broker import admin
from schemas.groups import worker_group
from schemas.offsets import committed
from schemas.topics import Topic
from streams.topics.lag import WORKER_TOPICS, behind

STOP_TIMEOUT_S = 30.0


class Fleet:
    """The workers of one test, each with the application `app`. Leaving the context kills whatever still runs."""

    def __init__(self, config: Config, folder: Path, app: str = "streams") -> None:
        self._config = config
        self._folder = folder
        self._app = app
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._running):
            self.stop(name, signal.SIGKILL)

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a process that belongs to this test, with a data folder of its own."""
        return {
            **os.environ,
            "HEDGEHOG_TOPIC_PREFIX": self._config.topic_prefix,
            "HEDGEHOG_PARTITIONS": str(self._config.partitions),
            "HEDGEHOG_DATA_DIR": str(self._folder / name),
            "PYTHONPATH": os.getcwd(),
        }

    def start(self, name: str, agents: str = "") -> None:
        """Start a worker with these agents, or all; its log is `<name>.log`, appended to."""
        faust = Path(sys.executable).with_name("faust")
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(faust), "-A", self._app, "worker", "-l", "info", "--without-web"],
                env={**self.environment(name), "HEDGEHOG_AGENTS": agents},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, name: str, how: signal.Signals) -> None:
        """End a worker this way, and see that it has ended."""
        process = self._running.pop(name)
        process.send_signal(how)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"worker {name} did not end within {STOP_TIMEOUT_S} s of {how.name}") from None

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a worker a signal, and leave it to end or not."""
        self._running[name].send_signal(number)

    def freeze(self, name: str, seconds: float) -> None:
        """Let a worker stand still for so long, as a paused machine does, and go on."""
        process = self._running[name]
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def ended(self, name: str) -> int:
        """Wait for a worker to end by itself; its exit status."""
        return self._running.pop(name).wait(STOP_TIMEOUT_S)

    def log(self, name: str) -> str:
        """All that a worker has logged."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def assert_alive(self) -> None:
        """Fail, with the end of its log, for a worker that ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                end = self.log(name)[-3_000:]
                raise AssertionError(f"worker {name} ended by itself with {process.returncode}:\n{end}")


class Progress:
    """How far the workers' consumer group has come."""

    def __init__(self, config: Config, agents: str = "", sources: Sequence[Topic] = WORKER_TOPICS) -> None:
        self._config, self._admin, self._group = config, admin(config), worker_group(config, agents)
        self._sources = sources

    def committed(self) -> int:
        """Records of all sources that are committed."""
        names = {topic.full_name(self._config) for topic in self._sources}
        found = committed(self._config, [self._group])[self._group]
        return sum(offset for (topic, _), offset in found.items() if topic in names)

    def lag(self) -> int:
        """Records of all sources that are not committed yet."""
        return behind(self._config, self._admin, {self._group: self._sources})[self._group]


def wait_for(what: str, condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
    """Poll until the condition holds; an `AssertionError` names what did not happen in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.1)
