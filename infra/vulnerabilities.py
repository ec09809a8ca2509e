"""`python -m infra.vulnerabilities PIP_AUDIT LOCK`: known vulnerabilities of locked dependencies, as an index tells.

Many machines have only a mirror of the packages, which does not tell of vulnerabilities. That is said, and is no
failure. Exit status: 0 none is known, or nobody can be asked; 1 some are known, each with the versions that mend it.
"""

import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

WITHIN_S = 120
ASKED = ("--require-hashes", "--disable-pip", "--no-deps", "--progress-spinner=off", "--format=json")


class Vulnerability(msgspec.Struct):
    """One that is known, by its id, and the versions that do not have it."""

    id: str
    fix_versions: list[str] = []


class Dependency(msgspec.Struct):
    """What is told of one package; `skip_reason` why nothing is."""

    name: str
    version: str = ""
    vulns: list[Vulnerability] = []
    skip_reason: str = ""


class Answer(msgspec.Struct):
    """What pip-audit prints."""

    dependencies: list[Dependency]


class Audited(NamedTuple):
    """How many packages somebody told of, of how many; a line for each vulnerability."""

    told: int
    asked: int
    known: list[str]


def audited(printed: bytes) -> Audited:
    """Return what pip-audit has found. Raises `msgspec.DecodeError` for what is none of its answers."""
    packages = msgspec.json.decode(printed, type=Answer).dependencies
    told = [package for package in packages if not package.skip_reason]
    return Audited(len(told), len(packages), [line for package in told for line in _known(package)])


def _known(package: Dependency) -> Iterator[str]:
    for found in package.vulns:
        mended = ", ".join(found.fix_versions) or "no version yet"
        yield f"{package.name} {package.version}: {found.id}, mended by {mended}"


def main(pip_audit: str, lock: str) -> int:
    """Ask, and print what is known; the exit status."""
    try:
        done = subprocess.run([pip_audit, *ASKED, "-r", lock], capture_output=True, timeout=WITHIN_S, check=False)
        found = audited(done.stdout)
    except subprocess.TimeoutExpired:
        print(f"hedgehog: NOT audited: no index has answered within {WITHIN_S} s", file=sys.stderr)
        return 0
    except msgspec.DecodeError:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no answer"])[-1]
        print(f"hedgehog: NOT audited: {reason:.300}", file=sys.stderr)
        return 0
    for line in found.known:
        print(f"hedgehog: {line}", file=sys.stderr)
    if not found.told:
        print(f"hedgehog: NOT audited: no index tells of any of {found.asked} dependencies", file=sys.stderr)
    elif not found.known:
        print(f"hedgehog: no vulnerability is known of {found.told} of {found.asked} dependencies")
    return 1 if found.known else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
