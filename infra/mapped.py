"""Long columns: in temporary files of which only what is looked at is in memory, and in parts.

A mapped file counts as memory of the process until the system needs that memory for something else. Who passes over a
column once lets go of it as it goes, so that what a command takes shows what it needs.
"""

import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

PART = 1 << 20
"""So many entries are looked at at a time."""
_AT_A_TIME = 500
_LARGE = "/var/tmp"  # noqa: S108 -- files there have no name
"""Where systems want large temporary files, as `/tmp` is often in memory."""

Column = npt.NDArray[Any]


def temporary_file() -> IO[bytes]:
    """Return a file without a name, which ends with the process, in the folder that TMPDIR names, else on a disk."""
    return tempfile.TemporaryFile(dir=folder())


def folder() -> Path:
    """Return where `temporary_file` makes its files. Raises `OSError` where there is no place for any."""
    on_disk = "TMPDIR" not in os.environ and os.access(_LARGE, os.W_OK)
    return Path(_LARGE if on_disk else tempfile.gettempdir())


def mapped(file: IO[bytes], kind: npt.DTypeLike) -> Column:
    """Return what is in a file as a column of `kind`, not read before it is looked at."""
    file.flush()
    size = os.fstat(file.fileno()).st_size
    dtype = np.dtype(kind)
    return np.ndarray(size // dtype.itemsize, dtype, mmap.mmap(file.fileno(), size)) if size else np.empty(0, dtype)


def let_go(column: Column | None) -> None:
    """Have nothing of a mapped column in memory until it is looked at again; any other stays as it is."""
    base: Any = column
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)


def parts(*columns: Column, size: int | None = None) -> Iterator[tuple[Column, ...]]:
    """Yield columns of equal length in parts, side by side; what was yielded before is let go."""
    size = size or PART
    for first in range(0, len(columns[0]), size):
        yield tuple(column[first : first + size] for column in columns)
        for column in columns:
            let_go(column)


def entries(column: Column, at: Sequence[int]) -> Column:
    """Return the entries at some positions; around each the system maps more, so few are looked at at a time."""
    found = np.empty(len(at), column.dtype)
    for first in range(0, len(at), _AT_A_TIME):
        some = slice(first, first + _AT_A_TIME)
        found[some] = column[np.array(at[some], np.int64)]
        let_go(column)
    return found
