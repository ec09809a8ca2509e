"""A port and a folder for a process of which several may run: the first that no other one has."""

import fcntl
import socket
from pathlib import Path
from typing import IO, NamedTuple

from infra.errors import StackError

SLOTS = 64


class Slot(NamedTuple):
    """A place that is taken for as long as its lock is open."""

    port: int
    folder: Path
    lock: IO[str]


def take_slot(folder: Path, host: str, port: int) -> Slot:
    """Take the first place from `port` on: `folder`, or `folder-PORT` for another port than the first.

    Raises `StackError` where none is free, and `OSError` where the folder cannot be made.
    """
    for number in range(port, min(port + SLOTS, 65_536)):
        place = folder if number == port else folder.with_name(f"{folder.name}-{number}")
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / "lock").open("a")
        if _taken(lock) or not _is_free(host, number):
            lock.close()
        else:
            return Slot(number, place, lock)
    raise StackError(f"{host}: no port from {port} to {number} is free")


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
