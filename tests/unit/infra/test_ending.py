"""A process that has done all ends at once, whatever its threads wait for, and all that it said is there."""

import subprocess
import sys
import time

PROGRAM = """
import asyncio, logging, sys, threading
from infra.ending import leave

logging.basicConfig()

async def main():
    never = threading.Event()
    asyncio.get_running_loop().run_in_executor(None, never.wait)
    print("said", end="")
    logging.getLogger().warning("logged")
    leave(3)

asyncio.run(main())
"""
ENDS_WITHIN_S = 30.0


def test_nobody_waits_for_threads_that_wait() -> None:
    began = time.monotonic()
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * ENDS_WITHIN_S)
    assert time.monotonic() - began < ENDS_WITHIN_S
    assert (done.returncode, done.stdout) == (3, "said")
    assert "logged" in done.stderr
