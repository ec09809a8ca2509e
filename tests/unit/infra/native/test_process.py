"""Daemons, their pid files, and the ports they want."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.config import LOOPBACK, Config
from infra.errors import PartFailed, StackError, tail
from infra.native.part import Part
from infra.native.ports import require_free
from infra.native.process import Command, Daemon

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
PATIENT = "import time; print('ready', flush=True); time.sleep(60)"


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon("sleeper", tmp_path / "run", tmp_path / "logs")
    yield made
    made.stop(signal.SIGKILL, 5)


def start(daemon: Daemon, program: str, tmp_path: Path) -> int:
    pid = daemon.start(Command([sys.executable, "-c", program], tmp_path, {}))
    until(lambda: daemon.log.stat().st_size > 0)
    return pid


def test_a_daemon_is_found_by_its_pid_file_and_stopped(daemon: Daemon, tmp_path: Path) -> None:
    pid = start(daemon, PATIENT, tmp_path)
    assert Daemon("sleeper", tmp_path / "run", tmp_path / "logs").pid() == pid
    assert os.getsid(pid) == pid, "a session of its own: Ctrl-C in the shell does not reach it"
    assert daemon.stop(signal.SIGTERM, 5) == "stopped"
    assert not psutil.pid_exists(pid)
    assert daemon.pid() is None
    assert daemon.stop(signal.SIGTERM, 5) is None


def test_one_that_ignores_the_signal_is_killed(daemon: Daemon, tmp_path: Path) -> None:
    start(daemon, STUBBORN, tmp_path)
    assert daemon.stop(signal.SIGTERM, 0.3) == "killed after 0 s"
    assert daemon.pid() is None


def test_a_process_that_got_the_pid_later_is_not_touched(daemon: Daemon, tmp_path: Path) -> None:
    start(daemon, PATIENT, tmp_path)
    record = json.loads(daemon.pid_file.read_text())
    with subprocess.Popen([sys.executable, "-c", PATIENT], stdout=subprocess.DEVNULL) as stranger:
        daemon.pid_file.write_text(json.dumps({**record, "pid": stranger.pid}))
        assert daemon.pid() is None
        assert daemon.stop(signal.SIGKILL, 1) is None
        assert stranger.poll() is None
        stranger.kill()
    psutil.Process(record["pid"]).kill()


@pytest.mark.parametrize("text", ["", "12", "{}", '{"pid": 1}', "no json"])
def test_an_unreadable_pid_file_means_not_running(daemon: Daemon, text: str) -> None:
    daemon.pid_file.parent.mkdir(parents=True)
    daemon.pid_file.write_text(text)
    assert daemon.pid() is None


def test_a_dead_daemon_leaves_a_record_but_no_pid(daemon: Daemon, tmp_path: Path) -> None:
    pid = start(daemon, PATIENT, tmp_path)
    os.kill(pid, signal.SIGKILL)
    until(lambda: daemon.pid() is None)
    assert daemon.record() is not None


def part_on(port: int) -> Part:
    def unused() -> Command:
        raise AssertionError

    return Part("broker", "there", {"kafka_port": port}, (), unused, lambda: None)


def test_a_taken_port_names_port_setting_and_owner() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError) as caught:
            require_free([part_on(port)])
    said = str(caught.value)
    assert f"broker: port {port} is taken by process {os.getpid()} (" in said
    assert "HEDGEHOG_KAFKA_PORT" in said
    require_free([part_on(port)])


def test_a_failed_part_names_its_log_and_shows_its_end(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    log.write_text("".join(f"line {number}\n" for number in range(1000)))
    said = str(PartFailed("broker", "ended while starting", log))
    assert str(log) in said
    assert "line 980\n" in said
    assert "line 979\n" not in said
    assert said.endswith("line 999")
    assert tail(tmp_path / "nothing", 20) == []


def test_ports_follow_the_offset() -> None:
    config = Config(port_offset=7)
    assert config.port("kafka") == 29099
