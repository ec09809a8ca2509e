"""A selection of what `make faults` does, in the way that it does it."""

import subprocess
import sys

import pytest

SELECTED = ("kill-worker", "shuffle-feed", "kill-producer")
WITHIN_S, STOPPED_WITHIN_S = 360, 60


@pytest.mark.long
@pytest.mark.timeout(WITHIN_S + STOPPED_WITHIN_S)
def test_what_is_broken_heals_and_everything_holds() -> None:
    command = [sys.executable, "-m", "tests.faults.harness", *SELECTED, "--seed", "7"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        table, said = running.communicate(timeout=WITHIN_S)
    finally:
        running.terminate()  # which lets it stop what it has started
        running.wait(STOPPED_WITHIN_S)
    assert running.returncode == 0, said[-4_000:]
    assert all(f"| {name} |" in table for name in (*SELECTED, "stop"))
    assert table.count("| yes |") == 2 + len(SELECTED)
