"""Fetches the locked jars into the cache, checks them, and lays out what each server needs.

A file enters the cache only by an atomic move after its sha256 has been verified, so whatever the cache holds is whole.
"""

import contextlib
import hashlib
import os
import shutil
import tarfile
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.errors import StackError
from infra.native.lock import Jar

THREADS = 8
UNPACKABLE = (tarfile.TarError, EOFError, zlib.error)
"""What unpacking raises for an archive that is none, or is cut or changed."""
UNREADABLE = (OSError, *UNPACKABLE)
TRIES = 3
HTTP_TIMEOUT_S = 60
PROGRESS_EVERY_S = 2.0
MEGA = 1_000_000
CLASSPATH_SECTION = "kafka"
LIST_SEPARATORS = ",:"
"""They end an entry of a plugin path, and of a class path."""
LAYOUT_VERSION = "1"
"""Part of the name of every unpacked folder: raise it when `JarStore` lays them out differently."""
CONVERTER_CLASS = "io.apicurio.registry.utils.converter.AvroConverter"

Say = Callable[[str], None]
Counted = Callable[[int], None]
Fetch = Callable[[Jar, Path, Counted], Path]


class Damaged(StackError):
    """A file in the cache is not what was fetched; the message names it."""


@dataclass(frozen=True)
class Layout:
    """Where the parts of the stack find their programs."""

    kafka_classpath: tuple[Path, ...]
    registry_home: Path
    plugins: tuple[Path, ...]


def fetch_with_jgo(jar: Jar, into: Path, counted: Counted) -> Path:
    """Fetch exactly this coordinate, nothing it depends on, into folder `into`; `counted` gets bytes as they come."""
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - 0.5 s that a warm start need not pay

    @contextmanager
    def progress(_name: str, _total: int) -> Iterator[Counted]:
        yield counted

    resolver = PythonResolver(progress_callback=progress)
    maven = MavenContext(resolver=resolver, repo_cache=into, timeout=HTTP_TIMEOUT_S)
    component = maven.project(jar.group, jar.artifact).at_version(jar.version)
    return Path(component.artifact(classifier=jar.classifier, packaging=jar.packaging).resolve())


def sha256_of(path: Path) -> str:
    """The hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class JarStore:
    """The jars of one cache folder."""

    def __init__(self, cache_dir: Path, fetch: Fetch = fetch_with_jgo):
        self.root = cache_dir
        self._fetch = fetch

    def path(self, jar: Jar) -> Path:
        """Where `jar` lies once fetched."""
        return self.root / "maven" / jar.relative

    def missing(self, jars: list[Jar]) -> list[Jar]:
        """Those not in the cache; a file of the wrong size counts as missing."""
        return [jar for jar in jars if not self._present(jar)]

    def _present(self, jar: Jar) -> bool:
        path = self.path(jar)
        return path.is_file() and path.stat().st_size == jar.size

    def ensure(self, jars: list[Jar], say: Say) -> int:
        """Fetch what is missing; returns how many files came. Raises `StackError` naming those that failed."""
        wanted = self.missing(jars)
        if not wanted:
            return 0
        self.root.mkdir(parents=True, exist_ok=True)
        total = sum(jar.size for jar in wanted)
        _check_space(self.root, 3 * total)
        say(f"fetching {len(wanted)} files, {total / MEGA:.0f} MB, into {self.root} (once)")
        progress = _Progress(len(wanted), total, say)
        with tempfile.TemporaryDirectory(dir=self.root, prefix="staging-") as staging:
            failed = self._fetch_all(wanted, Path(staging), progress)
        if failed:
            names = "\n".join(f"  {line}" for line in failed[:5])
            raise StackError(f"{len(failed)} of {len(wanted)} files could not be fetched:\n{names}")
        return len(wanted)

    def _fetch_all(self, wanted: list[Jar], staging: Path, progress: "_Progress") -> list[str]:
        failed = []
        with ThreadPoolExecutor(THREADS) as pool:
            # the large ones first, or the last thread works alone at the end
            ordered = sorted(wanted, key=lambda jar: -jar.size)
            jobs = {pool.submit(self._fetch_one, jar, staging, progress): jar for jar in ordered}
            try:
                for job in as_completed(jobs):
                    if error := job.exception():
                        failed.append(f"{jobs[job].coordinate}: {error}")
                    else:
                        progress.file_done()
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return failed

    def _fetch_one(self, jar: Jar, staging: Path, progress: "_Progress") -> None:
        for attempt in range(1, TRIES + 1):
            folder = Path(tempfile.mkdtemp(dir=staging))
            try:
                self._admit(jar, self._fetch(jar, folder, progress.bytes_done))
                return
            except StackError:
                raise
            except Exception as error:
                if attempt == TRIES:
                    raise StackError(f"{type(error).__name__}: {error} (tried {TRIES} times)") from error
                time.sleep(attempt)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _admit(self, jar: Jar, fetched: Path) -> None:
        actual = sha256_of(fetched)
        if actual != jar.sha256:
            raise StackError(
                f"checksum mismatch: the lock says sha256 {jar.sha256}, the file has {actual}; it was not kept"
            )
        target = self.path(jar)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(fetched, target)

    def damaged(self, jars: list[Jar]) -> list[Path]:
        """Return the files and unpacked folders that are not what the lock says. Reads all of them: seconds."""
        files = [self.path(jar) for jar in jars if self._present(jar) and sha256_of(self.path(jar)) != jar.sha256]
        sections = sorted({jar.section for jar in jars} - {CLASSPATH_SECTION})
        folders = {self.folder(name, jars): [jar for jar in jars if jar.section == name] for name in sections}
        return files + [
            folder
            for folder, content in folders.items()
            if folder.is_dir() and not all(self._is_laid(jar, folder) for jar in content)
        ]

    def discard(self, damaged: list[Path]) -> None:
        """Remove what `damaged` has found."""
        for path in damaged:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _is_laid(self, jar: Jar, folder: Path) -> bool:
        """Whether a folder has what belongs into it of a jar or an archive, as far as that is whole itself."""
        if jar.packaging != "tar.gz":
            copy = folder / "lib" / jar.filename
            return copy.is_file() and sha256_of(copy) == jar.sha256
        try:
            with tarfile.open(self.path(jar)) as archive:
                return all(_is_unpacked(archive, member, folder) for member in archive if member.isfile())
        except UNREADABLE:
            return False  # it is fetched again, and so it is unpacked again

    def layout(self, jars: list[Jar]) -> Layout:
        """Unpack archives and lay out plugin folders (only what is not there yet) and say where all of it is.

        Raises `StackError` for a cache folder that Java and Kafka Connect would take for a list of folders.
        """
        if set(LIST_SEPARATORS) & set(str(self.root)):
            raise StackError(f"HEDGEHOG_CACHE_DIR={self.root}: a folder of programs may have no {LIST_SEPARATORS}")
        self.unpack(jars)
        classpath = tuple(self.path(jar) for jar in jars if jar.section == CLASSPATH_SECTION)
        plugins = (self.folder("sink", jars), self.folder("converter", jars))
        return Layout(classpath, self.folder("registry", jars), plugins)

    def folder(self, section: str, jars: list[Jar]) -> Path:
        """The folder of a section's unpacked archives and copied jars, named by what is in it; whole once there."""
        content = LAYOUT_VERSION + "".join(jar.sha256 for jar in jars if jar.section == section)
        return self.root / "unpacked" / f"{section}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def unpack(self, jars: list[Jar]) -> None:
        """Make the folders of all sections but the class path's, those that are not there yet."""
        for section in sorted({jar.section for jar in jars} - {CLASSPATH_SECTION}):
            folder = self.folder(section, jars)
            if not folder.is_dir():
                self._unpack(section, [jar for jar in jars if jar.section == section], folder)

    def _unpack(self, section: str, jars: list[Jar], folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{section}-") as staging:
            fresh = Path(staging) / section
            fresh.mkdir()
            for jar in jars:
                self._lay(jar, fresh)
            if section == "converter":
                _write_manifest(fresh / "lib" / "manifest.jar")
            with contextlib.suppress(OSError):  # another start was quicker; its folder is as good
                fresh.rename(folder)

    def _lay(self, jar: Jar, folder: Path) -> None:
        if jar.packaging == "tar.gz":
            try:
                with tarfile.open(self.path(jar)) as archive:
                    archive.extractall(folder, filter="data")
            except UNPACKABLE as error:
                raise Damaged(f"{self.path(jar)} is damaged ({error}); delete it, and it is fetched again") from None
        else:
            # a folder below the plugin path is one plugin; a jar right in it would be a plugin of its own
            (folder / "lib").mkdir(exist_ok=True)
            shutil.copy(self.path(jar), folder / "lib" / jar.filename)


def _is_unpacked(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> bool:
    path = folder / member.name
    packed = archive.extractfile(member)
    return packed is not None and path.is_file() and path.read_bytes() == packed.read()


def _write_manifest(path: Path) -> None:
    """The service file that the converter lacks; with it Connect need not scan every class of every plugin (15 s)."""
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("META-INF/services/org.apache.kafka.connect.storage.Converter", CONVERTER_CLASS + "\n")


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StackError(
            f"{folder}: {free / MEGA:.0f} MB free, {needed / MEGA:.0f} MB needed for the servers' programs"
        )


class _Progress:
    """Counts files and bytes of all threads and says so now and then."""

    def __init__(self, files: int, total: int, say: Say):
        self._files, self._total, self._say = files, total, say
        self._done_files = self._done_bytes = 0
        self._said = time.monotonic()
        self._lock = threading.Lock()

    def bytes_done(self, count: int) -> None:
        with self._lock:
            self._done_bytes += count
            self._tell(False)

    def file_done(self) -> None:
        with self._lock:
            self._done_files += 1
            self._tell(self._done_files == self._files)

    def _tell(self, now: bool) -> None:
        if now or time.monotonic() - self._said >= PROGRESS_EVERY_S:
            self._said = time.monotonic()
            self._say(
                f"  {self._done_files}/{self._files} files, {self._done_bytes / MEGA:.0f}/{self._total / MEGA:.0f} MB"
            )
