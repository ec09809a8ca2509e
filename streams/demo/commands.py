"""Runs the commands that a user would type, and shows them."""

import shlex
import subprocess
import sys
from collections.abc import Callable

TIMEOUT_S = 60.0


class DemoFailed(Exception):
    """The demo cannot go on; the message says what failed and where to look."""


def hedgehog(say: Callable[[str], None], *arguments: str) -> None:
    """Run `hedgehog` with these arguments; `DemoFailed` with what it said when it fails."""
    shown = f"hedgehog {shlex.join(arguments)}"
    say(f"$ {shown}")
    command = [sys.executable, "-m", "streams.cli.main", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise DemoFailed(f"{shown}: not done after {TIMEOUT_S:g} s") from None
    if done.returncode:
        raise DemoFailed(f"{shown}: exit code {done.returncode}\n{done.stderr or done.stdout}")
