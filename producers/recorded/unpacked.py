"""The bytes of recorded files, whatever they are packed in, cut into whole lines. No more than a few blocks in memory.

A byte order mark at the start is left out. Lines end with LF or CRLF; with CR where the first block has no LF.
"""

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, pairwise
from pathlib import Path
from typing import IO, NamedTuple, cast

from producers.recorded.errors import FileError, named
from producers.recorded.naming import CSV, GZIP, ZIP

BLOCK_BYTES = 4 << 20
BEGIN_BYTES = 1 << 17
"""Of the first block: more than a line."""
LINE_BYTES = 1 << 16
"""No line of trades is longer."""
SHOWN_BYTES = 200
"""So much is kept of a longer one."""
MARK = b"\xef\xbb\xbf"
_UNREADABLE = (OSError, EOFError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""What the file or its packer raises for a file that cannot be read."""
_NO_LINES = {
    b"\xff\xfe\0\0": "UTF-32, not UTF-8",
    b"\0\0\xfe\xff": "UTF-32, not UTF-8",
    b"\xff\xfe": "UTF-16, not UTF-8",
    b"\xfe\xff": "UTF-16, not UTF-8",
    b"PK\x03\x04": "no text, but the bytes of a .zip",
    b"\x1f\x8b": "no text, but the bytes of a .gz",
    b"PAR1": "no text, but the bytes of a .parquet",
}
"""What begins so is no text that can be read as lines."""


class Part(NamedTuple):
    """A file of lines, by itself or within a `.zip`."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """What it is called where a line of it is named."""
        return self.path.name if self.member is None else f"{self.path.name}/{self.member}"


class Endless(NamedTuple):
    """A line that is longer than any line may be: how it begins."""

    begins: bytes


def parts_of(path: Path) -> list[Part]:
    """Return the files of lines that a file is or holds, at least one, by name. Raises `FileError`."""
    if path.suffix.lower() != ZIP:
        return [Part(path)]
    with named(path, *_UNREADABLE), zipfile.ZipFile(path) as archive:
        held = sorted(name for name in archive.namelist() if not name.endswith("/") and not _hidden(name))
        of_lines = [name for name in held if name.lower().endswith(CSV)]
        if len(held) == 1:
            return [Part(path)]
        for name, following in pairwise(held):
            if name == following:  # only one of them can be had by its name
                raise FileError(f"{path}: holds {name} more than once")
        if not of_lines:
            raise FileError(f"{path}: holds {len(held)} files, and none is {CSV}")
        return [Part(path, name) for name in of_lines]


@contextmanager
def opened(part: Part) -> Iterator[IO[bytes]]:
    """The bytes of a file or of what is packed in it. Raises `FileError`, also while they are read."""
    suffix = part.path.suffix.lower()
    with named(part.path, *_UNREADABLE):
        if suffix == ZIP:
            with zipfile.ZipFile(part.path) as archive:
                name = part.member
                if name is None:
                    name = next(n for n in archive.namelist() if not n.endswith("/") and not _hidden(n))
                with archive.open(name) as member:
                    yield member
        elif suffix == GZIP:
            with gzip.open(part.path) as packed:
                yield cast(IO[bytes], packed)
        else:
            with part.path.open("rb") as file:
                yield file


def lines_of(data: IO[bytes], name: str) -> Generator[bytes | Endless, None, None]:
    """Yield whole lines, many at once; a newline ends each, the last one of the file too. Raises `FileError`."""
    rest, skips = b"", False
    for block in _with_newlines(data, name):
        part = block
        if skips:
            _, found, part = block.partition(b"\n")
            skips = not found
            if skips:
                continue
        cut = part.rfind(b"\n") + 1
        if cut:
            yield b"".join((rest, memoryview(part)[:cut]))
            rest = part[cut:]
        else:
            rest += part
        if len(rest) > LINE_BYTES:
            yield Endless(rest[:SHOWN_BYTES])
            rest, skips = b"", True
    if rest:
        yield rest + b"\n"


def _with_newlines(data: IO[bytes], name: str) -> Iterator[bytes]:
    """Yield the blocks of a file without its byte order mark, and with LF for CR if it has no LF."""
    blocks = _ahead(data)
    begin = next(blocks, b"")
    for first, kind in _NO_LINES.items():
        if begin.startswith(first):
            raise FileError(f"{name}: is {kind}")
    begin = begin.removeprefix(MARK)
    returns = b"\n" not in begin and b"\r" in begin
    for block in chain([begin], blocks):
        yield block.replace(b"\r", b"\n") if returns else block


def _ahead(data: IO[bytes]) -> Iterator[bytes]:
    """Yield the blocks of a file, the next one being unpacked meanwhile.

    The first one is small, and nothing is read ahead of it: of many a file no more is wanted.
    """
    begin = data.read(min(BEGIN_BYTES, BLOCK_BYTES))
    if not begin:
        return
    yield begin
    with ThreadPoolExecutor(1, "unpacking") as pool:
        coming = pool.submit(data.read, BLOCK_BYTES)
        while block := coming.result():
            coming = pool.submit(data.read, BLOCK_BYTES)
            yield block


def _hidden(name: str) -> bool:
    """Return whether a member is what a Mac or a checksum adds to the files that somebody packed."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".") or name.endswith(".CHECKSUM")
