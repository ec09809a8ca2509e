"""A process that hangs while it stops ends all the same: each is a real one."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest

BEGIN = """
    import asyncio, logging, signal, sys, threading, time
    from infra.deadline import Deadline
    logging.basicConfig(format="%(message)s")
    deadline = Deadline("the worker", 0.5)
"""
LINE = "the worker did not stop within 0.5 s: it ends without what it waits for"
# How the process hangs once its stop has begun.
HANGS = {
    "a loop that waits for ever": "deadline.begin()\nasyncio.run(asyncio.Event().wait())",
    "a loop that is never given back": """
        async def hang():
            deadline.begin()
            while True:
                pass
        asyncio.run(hang())
    """,
    "a thread that is waited for at the end": """
        threading.Thread(target=time.sleep, args=(60,)).start()
        deadline.begin()
    """,
    "an exit that is caught": """
        deadline.begin()
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
    """,
}


def program(text: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(BEGIN) + textwrap.dedent(text)]


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)
def test_whatever_hangs(hang: str) -> None:
    done = subprocess.run(program(hang), capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, LINE)


def test_the_lock_of_the_log_may_be_what_hangs() -> None:
    hang = """
        handler = logging.getLogger().handlers[0]
        handler.acquire()
        deadline.begin()
        time.sleep(60)
    """
    done = subprocess.run(program(hang), capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_who_stops_in_time_keeps_its_exit_code() -> None:
    done = subprocess.run(
        program("deadline.begin()\ndeadline.begin()\nsys.exit(3)"), capture_output=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (3, b"")


# What the loop does once it was told, and the exit code.
LOOPS = {
    "asyncio": "run = asyncio.run",
    "uvloop": "import uvloop\nrun = uvloop.run",
}
BUSY = """
    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        deadline.begin_on(signal.SIGTERM)
        print("ready", flush=True)
        {then}
        print("told", flush=True)
        time.sleep({stopping})
    run(main())
"""


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize(
    ("then", "stopping", "code", "printed"),
    [
        ("await stop.wait()", 0, 0, "told\n"),
        ("await stop.wait()", 60, 1, "told\n"),
        ("while True: pass", 0, 1, ""),
    ],
    ids=["in time", "too late", "the loop never hears of it"],
)
def test_a_signal_begins_it_and_the_loop_hears_of_it_too(
    loop: str, then: str, stopping: int, code: int, printed: str
) -> None:
    text = f"{loop}\n" + textwrap.dedent(BUSY.format(then=then, stopping=stopping))
    with subprocess.Popen(program(text), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.6)  # longer than the deadline, which has not begun
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=20)
    assert (process.returncode, out, error.strip()) == (code, printed, LINE if code else "")
