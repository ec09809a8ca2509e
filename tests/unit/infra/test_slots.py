"""Places for processes of which several may run."""

import socket
from pathlib import Path

import pytest

from infra.errors import StackError
from infra.slots import SLOTS, take_slot

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def test_each_gets_a_port_and_a_folder_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    first, second = (take_slot(tmp_path / "worker", HOST, port) for _ in range(2))
    assert (first.port, first.folder) == (port, tmp_path / "worker")
    assert second.port > port
    assert second.folder == tmp_path / f"worker-{second.port}"
    first.lock.close()
    assert take_slot(tmp_path / "worker", HOST, port)[:2] == first[:2]


def test_a_port_that_somebody_else_has_is_passed_over(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = int(other.getsockname()[1])
        assert take_slot(tmp_path / "worker", HOST, port).port > port


def test_with_no_port_left_the_error_names_them(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=rf"203\.0\.113\.1: no port from 30000 to {30_000 + SLOTS - 1} is free"):
        take_slot(tmp_path / "worker", "203.0.113.1", 30_000)  # an address of documentation: no machine has it
