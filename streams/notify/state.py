"""What the notifier keeps over a restart, in a file of its own.

A file, and not a compacted topic: ids of chats are nobody else's business, it is written once a message, together with
what was told, before the offsets are committed, and its lock keeps a second notifier out. Whoever loses the file loses
snoozes and counts; which alerts were handled is in the committed offsets, too.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

import msgspec

from infra.config import Config
from infra.errors import StackError
from streams.notify.hub import State


class StateFile:
    """The file, locked as long as this process holds it open. Use it in a `with` block.

    Raises `StackError` where another notifier holds it, or it cannot be read as what it was written as.
    """

    def __init__(self, config: Config) -> None:
        folder = config.data_dir / f"{config.topic_prefix}notify"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / "state.json"
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise StackError(f"another notifier runs with {self.path}") from None
        self._written = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    def load(self) -> State:
        """Return what was saved last; an empty state where nothing was."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return State()
        try:
            return msgspec.json.decode(data, type=State)
        except msgspec.DecodeError as error:
            raise StackError(f"{self.path}: not the state of a notifier: {error}; move it away to begin anew") from None

    def save(self, state: State) -> None:
        """Write the state: whenever the process is killed, the file has all of the old or all of the new."""
        data = msgspec.json.encode(state)
        if data == self._written:
            return
        fresh = self.path.with_suffix(".new")
        _write(fresh, data)
        fresh.replace(self.path)
        self._written = data


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)
