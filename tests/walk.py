"""Runs many commands in one odd place, each in a process of its own that begins where all is imported already.

    python -m tests.walk RESULTS < '[["status"], …]'

RESULTS is the number of an open file: a line of JSON for each command, in their order. As long as they are imported
first, a process costs some hundredths of a second.
"""

import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import streams.cli.main

TIMEOUT_S = 120


def main(results: int, place: dict[str, Any], commands: list[list[str]]) -> None:
    """Run the commands; `place` says where stdout goes, and how large a file may be."""
    for module in pkgutil.walk_packages(streams.cli.__path__, "streams.cli."):
        importlib.import_module(module.name)
    importlib.import_module("streams.archive.read")
    gc.freeze()  # nobody needs to look through what was imported
    for command in commands:
        pipes = os.pipe(), os.pipe()  # a file may be no longer than the place says
        child = os.fork()
        if not child:
            _run(streams.cli.main.main, command, place, *(writing for _, writing in pipes))
        for _, writing in pipes:
            os.close(writing)
        with ThreadPoolExecutor() as pool:
            said, shown = pool.map(_text, [reading for reading, _ in pipes])
        _, status = os.waitpid(child, 0)
        line = {"command": command, "code": os.waitstatus_to_exitcode(status), "stderr": said, "stdout": shown}
        os.write(results, json.dumps(line).encode() + b"\n")


def _text(reading: int) -> str:
    with os.fdopen(reading, "rb") as file:
        return file.read().decode(errors="replace")


def _run(work: Any, command: list[str], place: dict[str, Any], stderr: int, stdout: int) -> None:
    """Become the command, which a signal ends where it takes too long."""
    signal.alarm(TIMEOUT_S)
    os.dup2(stderr, 2)
    if place["stdout"] == "kept":
        os.dup2(stdout, 1)
    elif place["stdout"] == "left":  # whoever read it has gone
        reading, writing = os.pipe()
        os.close(reading)
        os.dup2(writing, 1)
    elif place["stdout"] != "closed":
        os.dup2(os.open(place["stdout"], os.O_WRONLY), 1)
    if place["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (place["largest_file"], place["largest_file"]))
    if sys.stdout is not None:  # made anew, as the interpreter makes them of what they are now
        sys.stdout = os.fdopen(1, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding=sys.stderr.encoding, errors=sys.stderr.errors, closefd=False)
    sys.argv = ["hedgehog", *command]
    os._exit(_ended(work))


def _ended(work: Any) -> int:
    """Return how the interpreter would end what was raised, without taking all apart that was imported."""
    code: Any = 0
    try:
        work()
    except SystemExit as ending:
        code = ending.code
    except BaseException:
        traceback.print_exc()
        code = 1
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError as error:  # at its end Python tells of it, too, and so nobody else may leave it to that
        os.write(2, f"Exception ignored: {error}".encode())
        code = 120
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[2]).read_text())
    main(int(sys.argv[1]), asked["place"], asked["commands"])
