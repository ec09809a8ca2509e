"""Columns of trades that grow: the last of them in memory, those before in temporary files."""

from collections.abc import Sequence
from typing import IO

import numpy as np

from infra.mapped import folder, mapped, temporary_file
from schemas.columns import Int64s

HELD = 1 << 22
"""So many rows are in memory: recordings that have no more need no file."""


class Spooled:
    """Some columns of int64 of equal length."""

    def __init__(self, count: int) -> None:
        self._held = [bytearray() for _ in range(count)]
        """Grown in place, as far as the system can, so that no column is ever in memory twice."""
        self._files: list[IO[bytes]] = []

    def extend(self, columns: Sequence[Int64s]) -> None:
        """Add rows. Raises `OSError` that names the folder of temporary files, where there is no room."""
        for held, column in zip(self._held, columns, strict=True):
            held.extend(np.ascontiguousarray(column).data)
        if len(self._held[0]) > HELD * column.itemsize:
            self._write()

    def columns(self) -> list[Int64s]:
        """Return the columns; nothing may be added any more. Raises `OSError` as `extend` does."""
        if not self._files:
            return [np.frombuffer(held, np.int64) for held in self._held]
        self._write()
        return [mapped(file, np.int64) for file in self._files]

    def _write(self) -> None:
        place = folder()
        try:
            self._files = self._files or [temporary_file() for _ in self._held]
            for file, held in zip(self._files, self._held, strict=True):
                file.write(held)
                file.flush()
                held.clear()
        except OSError as error:
            why = f"{error.strerror}; trades are put there while they are read; TMPDIR names another folder"
            raise OSError(error.errno, why, str(place)) from None
