"""Recorded files opened, whatever they are packed in: their bytes, their lines counted, and what is none of them."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from producers.recorded.files import CHUNK_BYTES, FileError, count_lines, is_archive, open_unpacked

LINES = b"a line of a file\n" * (2 * CHUNK_BYTES // 17)
"""More than is read at a time."""


def packed(path: Path, *members: bytes) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for number, member in enumerate(members):
                archive.writestr(f"{number}.csv", member)
    else:
        path.write_bytes(gzip.compress(members[0]) if path.suffix == ".gz" else members[0])
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.zip"])
def test_the_same_bytes_and_lines_however_they_are_packed(name: str, tmp_path: Path) -> None:
    path = packed(tmp_path / name, LINES)
    with open_unpacked(path) as data:
        assert data.read() == LINES
    assert count_lines([path]) == LINES.count(b"\n")
    assert count_lines([path, packed(tmp_path / f"other-{name}", b"one\ntwo\nhalf")]) == LINES.count(b"\n") + 2
    assert not is_archive(path)


def damaged(path: Path) -> Path:
    whole = packed(path, LINES).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("nowhere.csv", lambda path: path, "No such file"),
        ("half.csv.gz", damaged, "ended before the end-of-stream marker"),
        ("half.zip", damaged, "not a zip file"),
        ("two.zip", lambda path: packed(path, b"one\n", b"two\n"), "holds 2 files instead of one"),
    ],
)
def test_what_cannot_be_opened_is_named_and_has_no_number_of_lines(
    name: str, make: Callable[[Path], Path], message: str, tmp_path: Path
) -> None:
    path = make(tmp_path / name)
    with pytest.raises(FileError, match=f"{name}.*{message}"), open_unpacked(path) as data:
        data.read()
    assert count_lines([packed(tmp_path / "sound.csv", LINES), path]) is None


def test_an_archive_is_a_folder_or_a_parquet_file(tmp_path: Path) -> None:
    assert is_archive(tmp_path)
    assert is_archive(tmp_path / "2019-06-02.parquet")
    assert not is_archive(tmp_path / "nowhere")
