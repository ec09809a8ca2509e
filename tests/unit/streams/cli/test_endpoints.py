"""Is somebody there, and is the password there that they want?"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.config import LOOPBACK, Config
from infra.errors import Unreachable
from infra.passwords import make_passwords
from streams.cli.endpoints import need_database


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    for name in [name for name in os.environ if name.startswith("HEDGEHOG_")]:
        monkeypatch.delenv(name)
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_the_stacks_own_database_wants_the_password_of_the_data_folder(port: int, tmp_path: Path) -> None:
    config = Config(postgres_port=port, data_dir=tmp_path)
    with pytest.raises(Unreachable, match=rf"{LOOPBACK}:{port} wants a password, and there is none in {tmp_path}: "):
        need_database(config)
    make_passwords(tmp_path)
    need_database(config)


def test_another_database_may_do_without(port: int, tmp_path: Path) -> None:
    need_database(Config(data_dir=tmp_path, database_url=f"postgresql://somebody@{LOOPBACK}:{port}/d"))


def test_nobody_there_is_what_is_said_first(port: int, tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        free = server.getsockname()[1]
    with pytest.raises(Unreachable, match=f"no PostgreSQL listens at {LOOPBACK}:{free}"):
        need_database(Config(postgres_port=free, data_dir=tmp_path))
