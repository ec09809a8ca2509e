"""The lock of the jars and the store that holds them."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from infra.errors import StackError
from infra.native.jars import Counted, Damaged, JarStore
from infra.native.lock import SECTIONS, Jar, parse, read_lock, write_lock

HEX = "ab" * 32
LINE = f"org.example:thing:1.2:jar  sha256:{HEX}  17"


def jar_of(content: bytes, **changes: object) -> Jar:
    fields: dict[str, object] = {
        "section": "kafka",
        "group": "org.example",
        "artifact": "thing",
        "version": "1.2",
        "packaging": "jar",
        "classifier": "",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
    return Jar(**{**fields, **changes})  # type: ignore[arg-type]


def giver(content: bytes, calls: list[Jar] | None = None):
    def fetch(jar: Jar, into: Path, counted: Counted) -> Path:
        if calls is not None:
            calls.append(jar)
        path = into / jar.filename
        path.write_bytes(content)
        counted(len(content))
        return path

    return fetch


def test_the_projects_lock_has_every_section_and_no_file_twice() -> None:
    jars = read_lock()
    assert {jar.section for jar in jars} == set(SECTIONS)
    assert len({(jar.section, jar.relative) for jar in jars}) == len(jars)


def test_a_line_names_file_and_place() -> None:
    [jar] = parse(f"# comment\n[registry]\norg.example:thing:1.2:tar.gz:all  sha256:{HEX}  17  # why\n")
    assert jar.filename == "thing-1.2-all.tar.gz"
    assert str(jar.relative) == "org/example/thing/1.2/thing-1.2-all.tar.gz"
    assert (jar.section, jar.sha256, jar.size) == ("registry", HEX, 17)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no jar"),
        (LINE, "lock:1: .*before the first"),
        (f"[nowhere]\n{LINE}", "lock:1: section 'nowhere'"),
        (f"[kafka]\norg.example:thing:1.2  sha256:{HEX}  17", "lock:2: coordinate 'org.example:thing:1.2'"),
        ("[kafka]\norg.example:thing:1.2:jar  sha256:abc  17", "lock:2: checksum 'sha256:abc'"),
        (f"[kafka]\norg.example:thing:1.2:jar  {HEX}  17", "lock:2: checksum"),
        (f"[kafka]\norg.example:thing:1.2:jar  sha256:{HEX}", "lock:2: .*is not"),
        (f"[kafka]\norg.example:thing:1.2:jar  sha256:{HEX}  many", "lock:2: .*is not"),
    ],
)
def test_a_bad_line_is_named(text: str, said: str) -> None:
    with pytest.raises(StackError, match=said):
        parse(text, "lock")


def test_what_is_written_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "jars.lock"
    write_lock(read_lock(), "# head", path)
    assert set(read_lock(path)) == set(read_lock())


def test_a_file_with_another_checksum_is_refused_and_not_kept(tmp_path: Path) -> None:
    jar = jar_of(b"as locked", size=len(b"different"))
    calls: list[Jar] = []
    store = JarStore(tmp_path, giver(b"different", calls))
    with pytest.raises(StackError, match=r"checksum mismatch.*not kept"):
        store.ensure([jar], lambda _: None)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(calls) == 1, "the same file again would be as wrong"


def test_a_good_file_is_fetched_once(tmp_path: Path) -> None:
    jar = jar_of(b"as locked")
    calls: list[Jar] = []
    store = JarStore(tmp_path, giver(b"as locked", calls))
    said: list[str] = []
    assert store.ensure([jar], said.append) == 1
    assert store.path(jar).read_bytes() == b"as locked"
    assert store.ensure([jar], said.append) == 0
    assert len(calls) == 1
    assert "1/1 files" in said[-1]


def test_a_truncated_file_is_fetched_again(tmp_path: Path) -> None:
    jar = jar_of(b"as locked")
    store = JarStore(tmp_path, giver(b"as locked"))
    store.ensure([jar], lambda _: None)
    store.path(jar).write_bytes(b"as l")
    assert store.missing([jar]) == [jar]
    store.ensure([jar], lambda _: None)
    assert store.path(jar).read_bytes() == b"as locked"


def test_a_broken_download_is_tried_again_and_then_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.native.jars.time.sleep", lambda _: None)
    tries: list[int] = []

    def break_off(jar: Jar, into: Path, _counted: Counted) -> Path:
        tries.append(1)
        (into / jar.filename).write_bytes(b"as")
        raise ConnectionError("cut")

    with pytest.raises(StackError, match=r"org.example:thing:1.2:jar: ConnectionError: cut \(tried 3 times\)"):
        JarStore(tmp_path, break_off).ensure([jar_of(b"as locked")], lambda _: None)
    assert len(tries) == 3
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def archive_of(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def filled_store(root: Path) -> tuple[JarStore, list[Jar]]:
    """A cache with a jar, a plugin of one jar, and an unpacked archive."""
    contents = {"broker": b"broker", "sink": b"sink", "registry": archive_of(app=b"program", readme=b"text")}
    jars = [
        jar_of(contents["broker"], artifact="broker"),
        jar_of(contents["sink"], section="sink", artifact="sink"),
        jar_of(contents["registry"], section="registry", artifact="registry", packaging="tar.gz"),
        jar_of(contents["sink"], section="converter", artifact="sink"),
    ]

    def fetch(jar: Jar, into: Path, counted: Counted) -> Path:
        (into / jar.filename).write_bytes(contents[jar.artifact])
        return into / jar.filename

    store = JarStore(root, fetch)
    store.ensure(jars, lambda _: None)
    store.unpack(jars)
    return store, jars


@pytest.mark.parametrize("damaged", ["none", "jar", "unpacked", "emptied", "copy", "archive"])
def test_what_is_damaged_is_found_and_made_again(tmp_path: Path, damaged: str) -> None:
    store, jars = filled_store(tmp_path)
    broker, sink, registry, _ = jars
    unpacked, plugin = store.folder("registry", jars), store.folder("sink", jars)
    found = {
        "none": [],
        "jar": [store.path(broker)],
        "unpacked": [unpacked],
        "emptied": [unpacked],
        "copy": [plugin],
        "archive": [store.path(registry), unpacked],
    }[damaged]
    if damaged == "jar":
        store.path(broker).write_bytes(bytes(len(b"broker")))
    elif damaged == "unpacked":
        (unpacked / "app").write_bytes(bytes(len(b"program")))
    elif damaged == "emptied":
        (unpacked / "readme").unlink()
    elif damaged == "copy":
        (plugin / "lib" / sink.filename).write_bytes(b"")
    elif damaged == "archive":
        store.path(registry).write_bytes(bytes(registry.size))
    assert store.damaged(jars) == found
    store.discard(found)
    store.ensure(jars, lambda _: None)
    store.unpack(jars)
    assert store.damaged(jars) == []
    assert (unpacked / "app").read_bytes() == b"program"


@pytest.mark.parametrize("content", ["zeros", "cut", "changed"])
def test_a_damaged_archive_that_was_not_unpacked_yet_is_named(tmp_path: Path, content: str) -> None:
    store, jars = filled_store(tmp_path)
    registry = jars[2]
    path, whole = store.path(registry), store.path(registry).read_bytes()
    middle = len(whole) // 2
    changed = {
        "zeros": bytes(len(whole)),
        "cut": whole[:middle] + bytes(len(whole) - middle),
        "changed": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
    }
    store.discard([store.folder("registry", jars)])
    path.write_bytes(changed[content])
    assert store.missing(jars) == []
    with pytest.raises(Damaged, match=f"{path} is damaged"):
        store.unpack(jars)
    assert store.damaged(jars) == [path]


@pytest.mark.parametrize("name", ["a,b", "a:b"])
def test_a_cache_that_java_would_take_for_a_list_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StackError, match=rf"HEDGEHOG_CACHE_DIR=[^\n]*{name}: [^\n]* no ,:$"):
        JarStore(tmp_path / name).layout([])
