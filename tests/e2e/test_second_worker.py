"""A second worker started as the first one was, from the same folder: a port and a folder of its own."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.config import Config
from tests.e2e.workers import Pipeline, pipeline_at_rest

STOPPED_WITHIN_S = 30


@pytest.fixture
def pipeline(stack: Config, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_at_rest(stack, tmp_path, "second") as pipeline:
        yield pipeline


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.long
def test_two_workers_typed_as_the_readme_says(pipeline: Pipeline, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("faust")), "-A", "streams", "worker", "-l", "info"]
    environment = {**pipeline.fleet.environment("shared"), "HEDGEHOG_WORKER_PORT": str(26_066)}
    port = 26_066 + pipeline.config.port_offset
    logs = [tmp_path / f"{number}.log" for number in range(2)]
    workers = []
    try:
        for log in logs:
            with log.open("wb") as out:
                workers.append(subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT))
        pipeline.wait_until_ready(2)
        pipeline.until("both serve their page", lambda: answers(port) and answers(port + 1), 10)
        assert [worker.poll() for worker in workers] == [None, None]
        assert {path.name for path in (tmp_path / "shared").iterdir()} == {"worker", f"worker-{port + 1}"}
    finally:
        codes = []
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
            codes.append(worker.wait(STOPPED_WITHIN_S))
    said = [log.read_text() for log in logs]
    assert sum(f"another worker has port {port} and its folder; this one has {port + 1}" in text for text in said) == 1
    assert not any("already in use" in text or "Reconfiguring" in text for text in said)
    assert codes == [0, 0], "\n".join(text[-4_000:] for text in said)
