"""What can go wrong with the stack, in words for the person who typed the command."""

import re
from collections.abc import Sequence
from pathlib import Path

TAIL_LINES = 20
SEARCHED_LINES = 200
ERRORS_SHOWN = 3
ERRORS = re.compile(r"\b(ERROR|FATAL|PANIC)\b|^Exception in thread|^Caused by")


class StackError(Exception):
    """The stack cannot do what was asked; the message says why and what to do."""


class BadConfiguration(StackError):
    """What was configured cannot be read; the message names the file."""


class ServiceError(StackError):
    """A service answers with an error; the message says which and where."""


class Unreachable(ServiceError):
    """A service does not answer, or stopped answering."""


def said(error: OSError) -> str:
    """Return in one line what the system says, and of which file."""
    names = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    reason = error.strerror or str(error) or type(error).__name__
    return f"{names}: {reason}" if names else reason


class PartFailed(StackError):
    """A part did not come up. The message names the part, its log, its last lines and errors shortly before."""

    def __init__(self, part: str, reason: str, log: Path | None = None, lines: Sequence[str] | None = None):
        self.part = part
        text = f"{part}: {reason}"
        if log is not None:
            shown = tail(log, TAIL_LINES) if lines is None else list(lines)
            # a server that ends says a lot of goodbyes after the reason
            earlier = [line for line in tail(log, SEARCHED_LINES)[:-TAIL_LINES] if ERRORS.search(line)]
            text += "".join(f"\n  ! {line}" for line in earlier[-ERRORS_SHOWN:])
            text += f"\n  its log: {log}; the last {len(shown)} lines:\n" + "\n".join(f"  | {line}" for line in shown)
        super().__init__(text)


def tail(path: Path, lines: int) -> list[str]:
    """Return the last `lines` lines of a text file; none when it does not exist."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 400 * lines - 4096))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except (FileNotFoundError, IsADirectoryError):
        return []
