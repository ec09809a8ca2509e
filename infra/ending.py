"""How a program ends: in a line, not in a traceback, where its user can mend the reason; at once, where all is done."""

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

from pydantic import ValidationError

from infra.config import problems
from infra.errors import StackError, said

FAILED, USAGE = 1, 2
OF_THE_USER = (StackError, OSError, ValidationError)
"""What is no bug: a stack that cannot, a folder of another user, a full disk, a bad variable."""


def ended(error: Exception) -> int:
    """Say on stderr what is wrong, a line for each variable, and return the exit code; `error` is one of these."""
    if isinstance(error, ValidationError):
        for problem in problems(error):
            print(f"hedgehog: {problem}", file=sys.stderr)
        return USAGE
    print(f"hedgehog: {said(error) if isinstance(error, OSError) else error}", file=sys.stderr)
    return FAILED


def leave(code: int) -> NoReturn:
    """End this process, which has done all it had to, with an exit code.

    Threads that wait for the answer of a server are not waited for: Python would, and a stop took up to 15 s so.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
