"""What is wrong with recorded files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NAMED = 20
"""So many bad files are named, and the number of the others."""


class FileError(ValueError):
    """A file that is no recording of trades; the message names the file and what is wrong."""


def joined(errors: Sequence[FileError]) -> FileError:
    """Return one error that names all: a line each."""
    lines = [str(error) for error in errors[:NAMED]]
    if len(errors) > NAMED:
        lines.append(f"and {len(errors) - NAMED} more files")
    return errors[0] if len(errors) == 1 else FileError("\n".join(lines))


@contextmanager
def named(path: Path, *kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds into a `FileError` that names the file; one that is a `FileError` already stays."""
    try:
        yield
    except FileError:
        raise
    except kinds as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        in_one_line = " ".join(str(reason).split())
        raise FileError(f"{path}: {in_one_line}") from error


@contextmanager
def noted(bad: list[FileError]) -> Iterator[None]:
    """Add a `FileError` to `bad`, and go on after this block."""
    try:
        yield
    except FileError as error:
        bad.append(error)
