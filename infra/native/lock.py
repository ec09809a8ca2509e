"""The lock of the jars: exact coordinates, sha256 and size, in sections that say where each file belongs.

A line is `group:artifact:version:packaging[:classifier]  sha256:HEX  BYTES`; `[section]` starts a section.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from infra.errors import StackError

LOCK_FILE = Path(__file__).parent.parent / "jars.lock"
SECTIONS = ("kafka", "converter", "sink", "registry")
HEX_DIGITS = 64


@dataclass(frozen=True)
class Jar:
    """One file of the lock."""

    section: str
    group: str
    artifact: str
    version: str
    packaging: str
    classifier: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{suffix}.{self.packaging}"

    @property
    def relative(self) -> PurePosixPath:
        """Its place in a folder of the Maven layout."""
        return PurePosixPath(*self.group.split("."), self.artifact, self.version, self.filename)

    @property
    def coordinate(self) -> str:
        parts = [self.group, self.artifact, self.version, self.packaging, self.classifier]
        return ":".join(part for part in parts if part)

    @property
    def line(self) -> str:
        return f"{self.coordinate}  sha256:{self.sha256}  {self.size}"


def parse(text: str, name: str = "jars.lock") -> list[Jar]:
    """The jars of a lock file's text. Raises `StackError` that names the line for anything it cannot read."""
    section, jars = "", []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        if line.startswith("["):
            section = line.strip("[]")
            if section not in SECTIONS:
                raise StackError(f"{name}:{number}: section {section!r} is none of {', '.join(SECTIONS)}")
            continue
        jars.append(_parse_jar(section, line, f"{name}:{number}"))
    if not jars:
        raise StackError(f"{name}: no jar in it")
    return jars


def _parse_jar(section: str, line: str, where: str) -> Jar:
    match line.split():
        case [coordinate, checksum, size] if size.isdigit() and section:
            fields = coordinate.split(":")
            digest = checksum.removeprefix("sha256:")
            if not 4 <= len(fields) <= 5 or not all(fields):
                raise StackError(
                    f"{where}: coordinate {coordinate!r} is not group:artifact:version:packaging[:classifier]"
                )
            if checksum == digest or len(digest) != HEX_DIGITS or not set(digest) <= set("0123456789abcdef"):
                raise StackError(f"{where}: checksum {checksum!r} is not sha256: and {HEX_DIGITS} hex digits")
            group, artifact, version, packaging, *classifier = fields
            return Jar(section, group, artifact, version, packaging, "".join(classifier), digest, int(size))
        case _ if not section:
            raise StackError(f"{where}: {line!r} stands before the first [section]")
        case _:
            raise StackError(f"{where}: {line!r} is not 'coordinate  sha256:HEX  BYTES'")


def read_lock(path: Path = LOCK_FILE) -> list[Jar]:
    """The jars of the project's lock."""
    return parse(path.read_text(), path.name)


def write_lock(jars: list[Jar], head: str, path: Path = LOCK_FILE) -> None:
    """Write the lock, sections in their order, each sorted by coordinate."""
    blocks = []
    for section in SECTIONS:
        lines = sorted(jar.line for jar in jars if jar.section == section)
        blocks.append("\n".join([f"[{section}]", *lines]))
    path.write_text(head.rstrip() + "\n\n" + "\n\n".join(blocks) + "\n")
