"""Columns of trades that grow: the last of them in memory, those before in temporary files."""

from collections.abc import Sequence
from typing import IO

import numpy as np
import numpy.typing as npt

from infra.mapped import Column, folder, mapped, temporary_file

HELD = 1 << 27
"""So many bytes are in memory: recordings of four million trades need no file."""


class Spooled:
    """Some columns of equal length and of one kind, int64 unless said."""

    def __init__(self, count: int, kind: npt.DTypeLike = np.int64) -> None:
        self._kind = np.dtype(kind)
        self._held = [bytearray() for _ in range(count)]
        """Grown in place, as far as the system can, so that no column is ever in memory twice."""
        self._files: list[IO[bytes]] = []
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def extend(self, columns: Sequence[Column]) -> None:
        """Add rows. Raises `OSError` that names the folder of temporary files, where there is no room."""
        for held, column in zip(self._held, columns, strict=True):
            held.extend(np.ascontiguousarray(column).view(np.uint8).data)
        self._rows += len(columns[0])
        if sum(map(len, self._held)) > HELD:
            self._write()

    def columns(self) -> list[Column]:
        """Return the columns; nothing may be added any more. Raises `OSError` as `extend` does."""
        if not self._files:
            return [np.frombuffer(held, self._kind) for held in self._held]
        self._write()
        return [mapped(file, self._kind) for file in self._files]

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
