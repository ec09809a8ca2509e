"""The files of the passwords: made once, for their owner alone."""

import os
from pathlib import Path

import pytest

from infra.errors import StackError
from infra.passwords import FILE, OWNER, SUPERUSER, make_passwords, password_folder, password_of, typed_secret


def test_each_role_has_its_own_for_good(tmp_path: Path) -> None:
    assert (password_of(tmp_path, OWNER), password_of(tmp_path, SUPERUSER)) == (None, None)
    make_passwords(tmp_path)
    made = [password_of(tmp_path, role) for role in (OWNER, SUPERUSER)]
    make_passwords(tmp_path)
    assert made == [password_of(tmp_path, role) for role in (OWNER, SUPERUSER)]
    assert len(set(made)) == 2
    assert all(len(password or "") >= 32 for password in made)


def test_what_an_interrupted_start_left_is_no_password(tmp_path: Path) -> None:
    make_passwords(tmp_path)
    folder = password_folder(tmp_path, OWNER)
    (folder / FILE).rename(folder / f"{FILE}.new")
    assert password_of(tmp_path, OWNER) is None
    make_passwords(tmp_path)
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_nobody_else_may_read_them_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_passwords(tmp_path / "deep" / "below")
    finally:
        os.umask(before)
    secrets = tmp_path / "deep" / "below" / "secrets"
    modes = {path.relative_to(secrets).as_posix(): path.stat().st_mode & 0o777 for path in secrets.rglob("*")}
    assert modes == {
        OWNER: 0o700,
        f"{OWNER}/{FILE}": 0o600,
        SUPERUSER: 0o700,
        f"{SUPERUSER}/{FILE}": 0o600,
    }
    assert secrets.stat().st_mode & 0o777 == 0o700


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (password_folder(tmp_path, OWNER) / FILE).mkdir(parents=True)
    with pytest.raises(StackError, match=rf"^{password_folder(tmp_path, OWNER)}/{FILE}: Is a directory; "):
        password_of(tmp_path, OWNER)


@pytest.mark.parametrize("name", ["a,b", "a:b", "a}b"])
def test_a_folder_that_kafka_connect_could_not_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StackError, match=rf"^HEDGEHOG_DATA_DIR={tmp_path}/{name}: "):
        make_passwords(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("written", ["123:abc", "123:abc\n", "\ufeff123:abc\r\n", "  123:abc\n\n"])
def test_a_secret_that_somebody_typed_is_without_what_an_editor_adds(tmp_path: Path, written: str) -> None:
    (tmp_path / "token").write_bytes(written.encode())
    assert typed_secret(str(tmp_path / "token")) == "123:abc"
