"""A broker whose folder is named in letters that are no ASCII, started by a process without a locale."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import claimed_offset

TWICE = """
import json, signal, sys, time
from infra.config import Config
from infra.native.backend import NativeBackend
config = Config()
backend = NativeBackend(config)
part, daemon = backend.parts["broker"], backend.daemon("broker")
ids = []
for _ in range(2):
    daemon.start(part.command(), part.endpoint)
    try:
        backend._await_ready(part, daemon)
        ids.append((config.data_dir / "kafka" / "data" / "meta.properties").read_text().splitlines()[-1])
    finally:
        daemon.stop(part.gentle, part.patience_s)
print(json.dumps(ids))
"""


@pytest.mark.long
def test_its_data_lie_in_that_folder_and_are_found_again(tmp_path: Path) -> None:
    home = tmp_path / "jürgen 🦔" / "dätä"
    home.mkdir(parents=True)
    with claimed_offset() as offset:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "HEDGEHOG_K"))}
        environment = {**kept, "LANG": "C", "HEDGEHOG_DATA_DIR": str(home), "HEDGEHOG_PORT_OFFSET": str(offset)}
        argv = [sys.executable, "-c", TWICE]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout.splitlines()[-1])
    assert first == second
    assert {path.name for path in tmp_path.iterdir()} == {"jürgen 🦔"}
    assert {path.name for path in home.parent.iterdir()} == {"dätä"}
