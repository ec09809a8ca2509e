"""Ctrl-C while servers start: nobody goes on before those that are starting have been given up."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from infra.native.backend import await_end

LATER_S = 0.3


def test_whoever_is_impatient_waits_for_what_has_begun() -> None:
    may_end = threading.Event()
    interrupts = [threading.Timer(LATER_S * at, os.kill, (os.getpid(), signal.SIGINT)) for at in (1, 2)]
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(lambda: may_end.wait(10) and None)
        for timer in (*interrupts, threading.Timer(LATER_S * 4, may_end.set)):
            timer.start()
        await_end([job])
        assert job.done()
        assert may_end.is_set()
