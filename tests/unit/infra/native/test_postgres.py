"""Where a cluster lies, whatever became of its data folder, and whose lock a lock is."""

import os
import shutil
from pathlib import Path

import psutil
import pytest

from infra.config import Config
from infra.errors import StackError
from infra.native import postgres
from infra.native.process import Account

NOBODY = Account("nobody", 65_534, 65_534)


@pytest.fixture(autouse=True)
def _var_lib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "ROOT_HOME", tmp_path / "var")


def config(folder: Path) -> Config:
    return Config(data_dir=folder / ".hedgehog", _env_file=None)  # type: ignore[call-arg]


def closed(tmp_path: Path, name: str) -> Path:
    """A checkout that others cannot enter, with a cluster below /var/lib."""
    folder = tmp_path / name
    (folder / ".hedgehog").mkdir(parents=True)
    folder.chmod(0o700)
    cluster = postgres.data_home(config(folder), NOBODY)
    cluster.mkdir(parents=True)
    (folder / ".hedgehog" / postgres.LOCATION).write_text(str(cluster))
    postgres.owner_note(cluster).write_text(str((folder / ".hedgehog").resolve()))
    return folder


@pytest.mark.skipif(os.geteuid() == NOBODY.uid, reason="nobody owns the folder")
class TestBelowVarLib:
    def test_a_renamed_checkout_keeps_its_cluster(self, tmp_path: Path) -> None:
        one = closed(tmp_path, "one")
        cluster = postgres.data_home(config(one), NOBODY)
        assert tmp_path / "var" in cluster.parents
        two = one.rename(tmp_path / "two")
        assert postgres.data_home(config(two), NOBODY) == cluster

    def test_one_that_was_opened_too(self, tmp_path: Path) -> None:
        one = closed(tmp_path, "one")
        cluster = postgres.data_home(config(one), NOBODY)
        one.chmod(0o755)
        assert postgres.data_home(config(one), NOBODY) == cluster

    def test_a_copy_does_not_take_the_cluster_of_the_original(self, tmp_path: Path) -> None:
        one = closed(tmp_path, "one")
        cluster = postgres.data_home(config(one), NOBODY)
        two = Path(shutil.copytree(one, tmp_path / "two"))
        assert postgres.data_home(config(two), NOBODY) != cluster
        with pytest.raises(StackError, match=r"two/\.hedgehog is a copy of [^\n]*one/\.hedgehog, whose database lies"):
            postgres.postgres_part(config(two)).command()
        assert postgres.data_home(config(one), NOBODY) == cluster

    def test_a_cluster_that_is_gone_is_made_anew(self, tmp_path: Path) -> None:
        one = closed(tmp_path, "one")
        cluster = postgres.data_home(config(one), NOBODY)
        cluster.rmdir()
        two = one.rename(tmp_path / "two")
        assert postgres.data_home(config(two), NOBODY) != cluster


class Holder:
    """A process as psutil tells of it."""

    def __init__(self, name: str, folder: Path | None) -> None:
        self._name, self._folder = name, folder

    def name(self) -> str:
        return self._name

    def cwd(self) -> str:
        if self._folder is None:
            raise psutil.AccessDenied
        return str(self._folder)


@pytest.mark.parametrize(
    ("name", "folder", "kept"),
    [
        ("postgres", "mine", True),
        ("postgres", "theirs", False),
        ("sleep", "mine", False),
        ("postgres", None, True),
        (None, None, False),
    ],
)
def test_a_lock_counts_while_its_process_is_of_this_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None, folder: str | None, kept: bool
) -> None:
    def process(pid: int) -> Holder:
        assert pid == 4711
        if name is None:
            raise psutil.NoSuchProcess(pid)
        return Holder(name, tmp_path / folder if folder else None)

    monkeypatch.setattr(psutil, "Process", process)
    (tmp_path / "mine").mkdir()
    lock = tmp_path / "mine" / "postmaster.pid"
    lock.write_text("4711\nmore\n")
    postgres._drop_stale_lock(tmp_path / "mine")
    assert lock.exists() == kept


@pytest.mark.parametrize("text", ["", "pid", "\n"])
def test_a_torn_lock_does_not(tmp_path: Path, text: str) -> None:
    (tmp_path / "postmaster.pid").write_text(text)
    postgres._drop_stale_lock(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()
