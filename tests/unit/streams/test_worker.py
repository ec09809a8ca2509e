"""What a worker says that cannot start."""

import os
import subprocess
import sys
from pathlib import Path

WITHIN_S = 60


def test_a_broker_that_is_down_is_one_clear_line(tmp_path: Path) -> None:
    nowhere = {"HEDGEHOG_KAFKA_BOOTSTRAP": "127.0.0.1:1", "HEDGEHOG_DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "faust", "-A", "streams", "worker", "--without-web", "-l", "warn"],
        env={**os.environ, **nowhere},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert ended.returncode == 1
    assert "hedgehog: no Kafka broker answers at 127.0.0.1:1: " in ended.stdout
    assert "Traceback" not in ended.stdout
