"""How a program ends that cannot go on for a reason that its user can mend: in a line, not in a traceback."""

import sys

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
