"""Whether a file can be written, found out before the work whose result it is to hold."""

from pathlib import Path

from streams.cli.errors import BadValue


def check_writable(*named: tuple[str, Path | None]) -> None:
    """Raise `BadValue`, which names option, file and reason, for the first of these files that cannot be written.

    What is in a file stays in it; one that was not there is not there afterwards.
    """
    for option, path in named:
        if path is None:
            continue
        try:
            was_there = path.exists()
            with path.open("ab"):
                pass
            if not was_there:
                path.unlink()
        except OSError as error:
            raise BadValue(f"{option}: {path}: {error.strerror}") from None
