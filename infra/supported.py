"""Which Pythons and machines the locked wheels are there for. `make setup` runs this file with any Python."""

from __future__ import annotations  # an old Python is to read this file to its end

import platform
import sys

OLDEST, NEWEST = (3, 11), (3, 14)
MACHINES = {"Linux": ("x86_64", "aarch64"), "Darwin": ("arm64",)}


def unsupported() -> str | None:
    """Return in words why hedgehog cannot be installed here, `None` if it can."""
    version, system, machine = sys.version_info[:2], platform.system(), platform.machine()
    if not OLDEST <= version <= NEWEST:
        return f"this is Python {version[0]}.{version[1]}; 3.11 to 3.14 are supported: make setup PYTHON=python3.13"
    if machine not in MACHINES.get(system, ()):
        return f"this is {system} on {machine}; Linux on x86_64 or aarch64 and macOS on Apple silicon are supported"
    if system == "Linux" and platform.libc_ver()[0] != "glibc":
        return "this Linux has no glibc, for which alone the servers' programs are built (Alpine has musl)"
    return None


if __name__ == "__main__":
    REASON = unsupported()
    sys.exit(f"hedgehog: {REASON}" if REASON else 0)
