"""`hedgehog run` on the real stack: one command starts everything, restarts what is killed, and stops it all."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from infra.config import Config
from infra.supervisor import end_leftovers
from schemas.broker import create_topics, delete_topics
from schemas.registry import register_all
from streams.cli.pipeline.run import FOLDER

READY_WITHIN_S = 90.0
STOPS_WITHIN_S = 15.0
"""Five on a machine that does nothing else; the test may run beside another stack."""


@pytest.fixture
def environment(stack: Config) -> Iterator[dict[str, str]]:
    config = stack.model_copy(update={"topic_prefix": f"run-{time.time_ns()}-"})
    create_topics(config)
    register_all(config)
    nowhere = {f"HEDGEHOG_{name}_STREAM_URL": "ws://127.0.0.1:9" for name in ("BINANCE", "COINBASE", "BITSTAMP")}
    yield {
        **os.environ,
        **nowhere,
        "HEDGEHOG_TOPIC_PREFIX": config.topic_prefix,
        # the stack's own, as everybody has it: no program is held for one of its servers
        "HEDGEHOG_DATA_DIR": str(stack.data_dir),
        "HEDGEHOG_RUN_PORT": str(26_060),
        "HEDGEHOG_WATCH_SINKS": "false",
        "PYTHONPATH": os.getcwd(),
    }
    delete_topics(config)


def until(condition: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def test_everything_by_one_command(environment: dict[str, str], stack: Config, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streams.cli.main", "run", "--workers", "2", "--log-format", "json"]
    url, log = f"http://127.0.0.1:{26_060 + stack.port_offset}", tmp_path / "log"

    def readyz() -> Any:
        try:
            return httpx.get(f"{url}/readyz", timeout=10).json()
        except httpx.HTTPError:
            return {"ready": False}

    with log.open("wb") as out:
        running = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        until(lambda: readyz()["ready"], running, log)
        assert httpx.get(f"{url}/livez", timeout=10).status_code == 200
        programs = readyz()["programs"]
        assert sorted(programs) == ["dashboard", "guard", "notifier", "producer", "worker-1", "worker-2"]
        second = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert (second.returncode, "another `hedgehog run` has" in second.stderr) == (1, True)
        assert second.stderr.count("\n") <= 2

        os.kill(programs["worker-1"]["pid"], signal.SIGKILL)
        until(lambda: not readyz()["ready"], running, log)
        until(lambda: readyz()["ready"], running, log)
        again = readyz()["programs"]
        assert again["worker-1"]["starts"] == 2
        assert again["worker-2"] == programs["worker-2"]

        began = time.monotonic()
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
        assert time.monotonic() - began < STOPS_WITHIN_S
        assert not any(psutil.pid_exists(each["pid"]) for each in again.values())
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
        end_leftovers(stack.data_dir / FOLDER)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert {event["program"] for event in events} >= {"hedgehog", "producer", "worker-1", "worker-2"}
    said = [event["message"] for event in events if event["program"] == "hedgehog"]
    assert any(line.startswith("worker-1 ended (killed by SIGKILL); it is started again in ") for line in said)
    assert not any("did not stop" in event["message"] or "Traceback" in event["message"] for event in events)
