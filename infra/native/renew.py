"""Renews the lock of the jars: Maven resolves the trees of the roots below, this writes down what it found.

The result is one exact set of files, each fetched alone afterwards, so nobody but the one who renews needs Maven.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from infra.errors import StackError
from infra.native.jars import sha256_of
from infra.native.lock import LOCK_FILE, Jar, write_lock

KAFKA, LOG4J, CONVERTER = "4.3.1", "2.25.2", "2.6.13.Final"
ROOTS = {
    "kafka": [
        f"org.apache.kafka:kafka_2.13:{KAFKA}",
        f"org.apache.kafka:connect-runtime:{KAFKA}",
        f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J}",
        f"org.apache.logging.log4j:log4j-core:{LOG4J}",
        f"org.apache.logging.log4j:log4j-1.2-api:{LOG4J}",
    ],
    "converter": [f"io.apicurio:apicurio-registry-utils-converter:{CONVERTER}"],
}
ARCHIVES = {
    "sink": "io.debezium:debezium-connector-jdbc:3.6.0.Final:tar.gz:plugin",
    "registry": "io.apicurio:apicurio-registry-app:3.3.3:tar.gz:all",
}
CONNECTS_OWN = ("connect-", "kafka-clients", "slf4j", "lz4", "snappy", "zstd")
"""Left out of the converter's folder: a plugin's copies would stand beside the worker's."""
MAVEN_WITHIN_S = 900
HEAD = """\
# The programs of the native stack, resolved by Maven; `make jars-lock` renews this file.
# kafka: broker and Connect, one class path. converter, sink: plugins of Connect. registry: an archive.
"""


def renew_lock(path: Path = LOCK_FILE) -> None:
    """Resolve the roots anew and write the lock. Raises `StackError` when Maven is missing or fails."""
    if shutil.which("mvn") is None:
        raise StackError("renewing infra/jars.lock needs Maven: there is no `mvn` on the PATH (nothing else needs it)")
    with tempfile.TemporaryDirectory() as folder:
        jars = [jar for section in ROOTS for jar in _resolve(section, Path(folder))]
        jars += [_archive(section, coordinate, Path(folder)) for section, coordinate in ARCHIVES.items()]
    write_lock(jars, HEAD, path)
    print(f"{path}: {len(jars)} files")


def _resolve(section: str, folder: Path) -> list[Jar]:
    """Every jar of the section's class path, as Maven mediates its versions."""
    home = folder / section
    home.mkdir()
    (home / "pom.xml").write_text(_pom(ROOTS[section]))
    listing = home / "found.txt"
    goal = ["dependency:list", "-DincludeScope=runtime", "-DoutputAbsoluteArtifactFilename=true"]
    _maven([*goal, f"-DoutputFile={listing}"], home)
    found = [_listed(section, line) for line in listing.read_text().splitlines() if line.count(":") >= 5]
    return [jar for jar in found if section == "kafka" or not jar.artifact.startswith(CONNECTS_OWN)]


def _pom(roots: list[str]) -> str:
    dependencies = ""
    for root in roots:
        group, artifact, version = root.split(":")
        fields = f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        dependencies += f"<dependency>{fields}</dependency>"
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>hedgehog</groupId><artifactId>jars</artifactId>"
        f"<version>1</version><dependencies>{dependencies}</dependencies></project>"
    )


def _listed(section: str, line: str) -> Jar:
    """A line of `dependency:list`: group:artifact:packaging[:classifier]:version:scope:file, and perhaps a module."""
    group, artifact, packaging, *middle, _scope, file = line.split(" -- ", maxsplit=1)[0].strip().split(":")
    version = middle[-1]
    classifier = middle[0] if len(middle) > 1 else ""
    return _jar(section, (group, artifact, version, packaging, classifier), Path(file.strip()))


def _archive(section: str, coordinate: str, folder: Path) -> Jar:
    into = folder / "archives"
    goal = ["dependency:copy", f"-Dartifact={coordinate}", f"-DoutputDirectory={into}"]
    _maven(goal, folder)
    group, artifact, version, packaging, classifier = coordinate.split(":")
    return _jar(section, (group, artifact, version, packaging, classifier), next(into.glob(f"{artifact}-{version}-*")))


def _jar(section: str, fields: tuple[str, str, str, str, str], file: Path) -> Jar:
    return Jar(section, *fields, sha256=sha256_of(file), size=file.stat().st_size)


def _maven(goal: list[str], folder: Path) -> None:
    argv = ["mvn", "--batch-mode", "--quiet", *goal]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=MAVEN_WITHIN_S, check=False)
    if done.returncode:
        raise StackError(f"{' '.join(argv[:4])} failed:\n{(done.stdout + done.stderr)[-2000:]}")
