"""Where hedgehog can be installed."""

import platform
import sys

import pytest

from infra.supported import unsupported


@pytest.mark.parametrize(
    ("version", "system", "machine", "libc", "said"),
    [
        ((3, 11), "Linux", "x86_64", "glibc", None),
        ((3, 14), "Linux", "aarch64", "glibc", None),
        ((3, 13), "Darwin", "arm64", "", None),
        ((3, 10), "Linux", "x86_64", "glibc", "this is Python 3.10"),
        ((3, 15), "Linux", "x86_64", "glibc", "this is Python 3.15"),
        ((3, 13), "Darwin", "x86_64", "", "Darwin on x86_64"),
        ((3, 13), "Windows", "AMD64", "", "Windows on AMD64"),
        ((3, 12), "Linux", "x86_64", "", "no glibc"),
    ],
)
def test_it_says_where_it_cannot(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], system: str, machine: str, libc: str, said: str | None
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, ""))
    reason = unsupported()
    assert reason is None if said is None else said in str(reason)
