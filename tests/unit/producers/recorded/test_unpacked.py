"""Recorded files opened, whatever they are packed in: the same whole lines, and what is none of them by its name."""

import gzip
import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from producers.recorded import unpacked
from producers.recorded.errors import FileError
from producers.recorded.unpacked import BEGIN_BYTES, BLOCK_BYTES, LINE_BYTES, Endless, Part, lines_of, opened, parts_of

LINES = b"a line of a file\n" * (2 * BLOCK_BYTES // 17)
"""More than is read at a time."""


def packed(path: Path, *members: bytes) -> Path:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for number, member in enumerate(members):
                archive.writestr(f"{number}.csv", member)
    else:
        path.write_bytes(gzip.compress(members[0]) if path.suffix.lower() == ".gz" else members[0])
    return path


def read(path: Path) -> bytes:
    found = b""
    for part in parts_of(path):
        with opened(part) as data:
            found += b"".join(line for line in lines_of(data, path.name) if isinstance(line, bytes))
    return found


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.zip", "A.ZIP", "A.CSV.GZ"])
def test_the_same_lines_however_they_are_packed(name: str, tmp_path: Path) -> None:
    assert read(packed(tmp_path / name, LINES)) == LINES


def test_a_zip_of_several_files_and_what_a_mac_adds(tmp_path: Path) -> None:
    path = tmp_path / "days.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("b.csv", "__MACOSX/._b.csv", "in/a.csv", ".DS_Store", "a.csv.CHECKSUM", "read me.txt"):
            archive.writestr(name, f"{name}\n")
    assert [part.name for part in parts_of(path)] == ["days.zip/b.csv", "days.zip/in/a.csv"]
    assert read(path) == b"b.csv\nin/a.csv\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"one", [b"one\n"]),
        (b"\xef\xbb\xbfone\ntwo", [b"one\n", b"two\n"]),
        (b"one\r\ntwo\r\n", [b"one\r\ntwo\r\n"]),
        (b"one\rtwo\r", [b"one\ntwo\n"]),
        (b"one\n\n\ntwo\n", [b"one\n\n\ntwo\n"]),
    ],
)
def test_marks_and_ends_of_lines(text: bytes, lines: list[bytes]) -> None:
    assert list(lines_of(io.BytesIO(text), "a.csv")) == lines


def test_who_wants_no_more_than_the_begin_has_not_waited_for_more() -> None:
    data = io.BytesIO(LINES)
    lines = lines_of(data, "a.csv")
    assert isinstance(next(lines), bytes)
    lines.close()
    assert data.tell() == BEGIN_BYTES


@pytest.mark.parametrize("size", [2 * LINE_BYTES, 3 * LINE_BYTES])
def test_a_line_without_an_end_is_cut_and_the_next_one_read(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "BLOCK_BYTES", LINE_BYTES // 2)
    text = b"first\n" + b"x" * size + b"\nlast\n"
    first, endless, last = lines_of(io.BytesIO(text), "a.csv")
    assert (first, last) == (b"first\n", b"last\n")
    assert endless == Endless(b"x" * 200)
    assert list(lines_of(io.BytesIO(b"\0" * size), "a.csv")) == [Endless(b"\0" * 200)]


@pytest.mark.parametrize("block", range(1, 12))
def test_lines_are_whole_wherever_blocks_end(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "BLOCK_BYTES", block)
    found = [line for line in lines_of(io.BytesIO(b"one\ntwo\n\nthree\nfour"), "a.csv") if isinstance(line, bytes)]
    assert all(line.endswith(b"\n") for line in found)
    assert b"".join(found) == b"one\ntwo\n\nthree\nfour\n"


def damaged(path: Path) -> Path:
    whole = packed(path, LINES).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def flipped(path: Path) -> Path:
    whole = bytearray(packed(path, LINES).read_bytes())
    whole[len(whole) // 2] ^= 255
    path.write_bytes(whole)
    return path


def without_lines(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "")
        archive.writestr("b.pdf", "")
    return path


def with_one_twice(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings(action="ignore"):
        for text in ("1", "2"):
            archive.writestr("a.csv", text)
    return path


def holding(path: Path, suffix: str) -> Path:
    """A file with the bytes of one of another kind."""
    inner = packed(path.with_name(f"inner{suffix}"), LINES).read_bytes()
    return packed(path, inner)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("nowhere.csv", lambda path: path, "No such file"),
        ("half.csv.gz", damaged, "ended before the end-of-stream marker"),
        ("half.zip", damaged, "not a zip file"),
        ("flipped.zip", flipped, "Bad CRC-32"),
        ("none.zip", without_lines, "holds 2 files, and none is .csv"),
        ("wide.csv", lambda path: packed(path, "price".encode("utf-16")), "is UTF-16, not UTF-8"),
        ("wider.csv", lambda path: packed(path, "price".encode("utf-32")), "is UTF-32, not UTF-8"),
        ("zip.csv", lambda path: holding(path, ".zip"), "is no text, but the bytes of a .zip"),
        ("nested.zip", lambda path: holding(path, ".zip"), "is no text, but the bytes of a .zip"),
        ("gz.zip", lambda path: holding(path, ".csv.gz"), "is no text, but the bytes of a .gz"),
        ("parquet.csv", lambda path: packed(path, b"PAR1"), "is no text, but the bytes of a .parquet"),
        ("twice.zip", with_one_twice, "holds a.csv more than once"),
        ("empty.zip", packed, "holds 0 files, and none is .csv"),
    ],
)
def test_what_cannot_be_opened_is_named(name: str, make: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=f"{name}.*{message}"):
        read(make(tmp_path / name))


def test_a_file_within_a_zip_has_both_names() -> None:
    assert (Part(Path("in/a.zip"), "b.csv").name, Part(Path("in/a.zip")).name) == ("a.zip/b.csv", "a.zip")
