"""What only Linux has: how many processors there are is told without it, and nothing else of the kind is called."""

import ast
import os
from pathlib import Path

import pytest

from infra.cores import cores

ROOT = Path(__file__).parents[3]
LINUX_ONLY = {
    *("sched_getaffinity", "sched_setaffinity", "sched_setscheduler", "pidfd_open", "memfd_create", "eventfd"),
    *("posix_fadvise", "posix_fallocate", "fdatasync", "copy_file_range", "splice", "getrandom", "pipe2"),
    *("getxattr", "setxattr", "listxattr", "unshare", "setns", "epoll", "prctl", "inotify_init", "O_TMPFILE"),
    *("O_DIRECT", "SIGRTMIN", "sigtimedwait", "sigwaitinfo", "prlimit", "setresuid", "setresgid", "getresuid"),
    *("SO_BINDTODEVICE", "TCP_USER_TIMEOUT", "TCP_QUICKACK", "SOCK_CLOEXEC", "SOCK_NONBLOCK", "AF_NETLINK"),
}
"""Names of `os`, `select`, `signal`, `socket` and `resource` that macOS does not have."""


def test_the_processors_that_the_system_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert cores() == 3


@pytest.mark.parametrize(("there_are", "used"), [(8, 8), (None, 1)])
def test_as_on_macos(there_are: int | None, used: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: there_are)
    assert cores() == used


@pytest.mark.parametrize("package", ["streams", "producers", "schemas", "connectors"])
def test_no_name_that_only_linux_has(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.attr}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in LINUX_ONLY
    ]
    assert not found
