"""Recorded files as the archive takes them: compared with their checksums, in rows."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from producers.recorded.blocks import blocks_of, trades_only
from producers.recorded.errors import FileError, named
from producers.recorded.finding import is_of_others
from producers.recorded.naming import text_of
from producers.recorded.unpacked import parts_of
from streams.archive.store import Block

CHECKSUM = ".CHECKSUM"
_DIGEST = re.compile(r"([0-9a-fA-F]{64})(?:\s+\*?(\S+))?\s*")

Checked = Callable[[Path, bool], None]


def check_sum(path: Path) -> bool:
    """Compare a file with the `.CHECKSUM` beside it, return whether there is one; raise `FileError` if it differs."""
    beside = path.with_name(path.name + CHECKSUM)
    if not beside.is_file():
        return False
    with named(beside, OSError):
        text = beside.read_text(encoding="utf-8-sig", errors="replace")
    match = _DIGEST.fullmatch(text)
    if match is None:
        raise FileError(f"{beside}: {text[:100]!r} is not a SHA-256 and a file name")
    if match[2] not in (None, path.name):
        raise FileError(f"{beside}: is the checksum of {match[2]}, not of {path.name}")
    with named(path, OSError), path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != match[1].lower():
        raise FileError(f"{path}: its SHA-256 is {found}, and {beside.name} says {match[1].lower()}")
    return True


def file_blocks(paths: Sequence[Path], instruments: Collection[str], checked: Checked) -> Iterator[Iterator[Block]]:
    """Yield the rows of each file, or those of some instruments.

    `checked(path, whether there was a checksum)` is called before a file is read. Reading raises `FileError`, which
    names file, line, field and value.
    """
    for path in paths:
        yield _blocks(path, instruments, checked)


def _blocks(path: Path, instruments: Collection[str], checked: Checked) -> Iterator[Block]:
    own_trades = False
    try:
        checked(path, check_sum(path))
        for part in parts_of(path):
            for block in trades_only(blocks_of(part, instruments)):
                for instrument, own in block.by_instrument():
                    if not instruments or instrument in instruments:
                        own_trades = True
                        yield Block(instrument, own.rows(), text_of(path.name))
    except FileError:
        if own_trades or not is_of_others(path, instruments):
            raise
