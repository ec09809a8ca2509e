"""The demo as a user runs it: it passes its own checks, and leaves nothing running however it ends."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

HOME = Path(__file__).parents[2] / "build" / "test-demo"
WITHIN_S = 420
STOPS_WITHIN_S = 90
CHECKS = (
    *(
        "exchange and topic: ",
        "coinbase without holes: 500 trades that it made, 500 in topic",
        "bitstamp without holes: ",
    ),
    *("topics and Postgres, ", "candles: ", "replay: ", "alerts: ", "dead letters: 0"),
)

pytestmark = [pytest.mark.timeout(WITHIN_S + STOPS_WITHIN_S + 60), pytest.mark.long]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """An environment in which the demo lives in `HOME`; whatever a failed test leaves running there is killed."""
    HOME.mkdir(parents=True, exist_ok=True)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEHOG_")}
    cache = {name: os.environ[name] for name in ("HEDGEHOG_CACHE_DIR",) if name in os.environ}
    yield {**ours, **cache, "HEDGEHOG_DATA_DIR": str(HOME), "HEDGEHOG_PORT_OFFSET": "1000"}
    for process in left_running():
        process.kill()


def left_running() -> list[psutil.Process]:
    """Every process whose environment says that it belongs to the demo of this test."""
    return [process for process in psutil.process_iter() if _is_ours(process)]


def _is_ours(process: psutil.Process) -> bool:
    try:
        return process.environ().get("HEDGEHOG_DATA_DIR", "").startswith(str(HOME))
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False


def start(environment: dict[str, str], seconds: int, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-u", "-m", "streams.demo", "--seconds", str(seconds), *options]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_short_demo_passes_its_checks_and_leaves_nothing_running(environment: dict[str, str]) -> None:
    demo = start(environment, seconds=10)
    output, _ = demo.communicate(timeout=WITHIN_S)
    assert demo.returncode == 0, output
    for check in CHECKS:
        assert f"OK      {check}" in output
    assert "kill -9 " in output
    assert "coinbase's feed is cut for 2 s" in output
    assert re.search(r"\ncoinbase:BTC-USD +[\d,]+ +[1-9]", output), f"nothing was filled:\n{output}"
    assert re.search(r"\n\S+USDT +[\d,]+ +[1-9]\d* +[1-9]\d* ", output), f"no symbol traded:\n{output}"
    assert "What to type next:" in output
    assert left_running() == []


@pytest.mark.parametrize("moment", ["hedgehog: starting the stack", "the market is open"])
def test_ctrl_c_leaves_nothing_running(environment: dict[str, str], moment: str) -> None:
    demo = start(environment, seconds=60)
    watchdog = threading.Timer(WITHIN_S, demo.kill)
    watchdog.start()
    try:
        assert demo.stdout is not None
        said = []
        for line in demo.stdout:
            said.append(line)
            if moment in line:
                os.killpg(demo.pid, signal.SIGINT)
                os.killpg(demo.pid, signal.SIGINT)  # an impatient user
                interrupted = time.monotonic()
        demo.wait(STOPS_WITHIN_S)
    finally:
        watchdog.cancel()
    assert demo.returncode == 130, "".join(said)
    assert time.monotonic() - interrupted < STOPS_WITHIN_S
    assert "everything is stopped" in said[-1]
    assert left_running() == []


def test_a_file_that_is_no_recording_is_refused_before_anything_starts(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "streams.demo", "--trades", str(HOME / "missing.csv")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "missing.csv" in done.stdout
    assert "Traceback" not in done.stderr
    assert left_running() == []


def test_a_demo_that_is_kept_serves_the_dashboard_until_ctrl_c(environment: dict[str, str]) -> None:
    demo = start(environment, 60, "--keep")
    watchdog = threading.Timer(WITHIN_S, demo.kill)
    watchdog.start()
    said = []
    try:
        assert demo.stdout is not None
        for line in demo.stdout:
            said.append(line)
            if "a worker to kill: kill -9 " in line:
                address = next(each for each in said if each.startswith("look at it: ")).split()[-1]
                page = httpx.get(f"{address}market", trust_env=False, timeout=30)
                os.kill(int(line.split("kill -9 ")[1].split(";")[0]), signal.SIGKILL)
            if "it is started again" in line:
                os.killpg(demo.pid, signal.SIGINT)
        demo.wait(STOPS_WITHIN_S)
    finally:
        watchdog.cancel()
    assert demo.returncode == 0, "".join(said)
    assert page.status_code == 200
    assert "the market is open until Ctrl-C" in "".join(said)
    assert "everything is stopped" in said[-1]
    assert left_running() == []
