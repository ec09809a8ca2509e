"""Shows the log files of the servers."""

import time
from collections.abc import Mapping
from pathlib import Path

from infra.errors import TAIL_LINES, StackError, tail

POLL_S = 0.3


def show_logs(files: Mapping[str, Path], follow: bool) -> None:
    """Print the last lines of each file, prefixed with its name when there are several; `follow` until interrupted."""
    if not any(path.exists() for path in files.values()):
        raise StackError("no logs yet: " + ", ".join(str(path) for path in files.values()))
    places = {name: path.stat().st_size if path.exists() else 0 for name, path in files.items()}
    for name, path in files.items():
        _print(name, tail(path, TAIL_LINES), len(files) > 1)
    while follow:
        time.sleep(POLL_S)
        for name, path in files.items():
            places[name] = _print_new(name, path, places[name], len(files) > 1)


def _print_new(name: str, path: Path, place: int, prefix: bool) -> int:
    """Print the whole lines after byte `place`; returns where the next ones begin."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        if path.stat().st_size < place:  # put aside and begun anew
            place = 0
        file.seek(place)
        whole, newline, _ = file.read().rpartition(b"\n")
    if newline:
        _print(name, whole.decode(errors="replace").splitlines(), prefix)
    return place + len(whole) + len(newline)


def _print(name: str, lines: list[str], prefix: bool) -> None:
    for line in lines:
        print(f"{name:9}| {line}" if prefix else line, flush=True)
