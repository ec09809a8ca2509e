"""What the JVM servers are given."""

from pathlib import Path

import pytest

from infra.native.java import JAVA_ENVIRONMENT, write_properties


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("/home/jane", "/home/jane"),
        ("/home/jürgen/dätä", r"/home/j\u00fcrgen/d\u00e4t\u00e4"),
        ("/home/币", r"/home/\u5e01"),
        (r"/home/a\b", r"/home/a\\b"),
        ("/home/🦔", r"/home/\ud83e\udd94"),
        (3, "3"),
    ],
)
def test_properties_are_ascii(tmp_path: Path, value: object, written: str) -> None:
    path = write_properties(tmp_path / "folder" / "server.properties", {"log.dirs": value})
    assert path.read_bytes() == f"log.dirs={written}\n".encode("ascii")


def test_java_gets_a_locale_of_utf_8() -> None:
    assert JAVA_ENVIRONMENT["LC_ALL"].endswith(".UTF-8")
