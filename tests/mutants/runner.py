"""Breaks the sources on purpose, one small breakage at a time, and sees that a test fails."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TIME_S = 600
CRASHED = 3
"""The exit code of a pytest that cannot go on."""
MEMORY_BYTES = 4 << 30
"""Of addresses: what a test of a mutant may take. One without end would take all that the machine has."""
PYTEST = ("-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0")


@dataclass(frozen=True)
class Mutant:
    """One breakage: `old`, which stands once in `file`, becomes `new`; one of the `tests` has to fail.

    Paths are from the root of the project. Tests are files, or nodes as pytest names them.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def mutants_of(file: str, tests: tuple[str, ...], *breakages: tuple[str, str, str]) -> tuple[Mutant, ...]:
    """Return the mutants of one file: the name of each, its old text and its new one."""
    return tuple(Mutant(name, file, old, new, tests) for name, old, new in breakages)


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the test that killed it, or why it is not dead."""

    mutant: Mutant
    killed_by: str | None
    problem: str | None = None


def outcome_of(root: Path, copy: Path, mutant: Mutant, first: str | None = None) -> Outcome:
    """Try a mutant of the project at `root` in `copy`, an exact copy that is put right again afterwards.

    Of its tests the one named `first` is run before the others, which need not be run if it fails.
    """
    source = (root / mutant.file).read_text()
    if source.count(mutant.old) != 1:
        return Outcome(mutant, None, f"{mutant.file} has its old text {source.count(mutant.old)} times, not once")
    broken = copy / mutant.file
    broken.write_text(source.replace(mutant.old, mutant.new))
    try:
        early = Outcome(mutant, None) if first is None else _tested(copy, mutant, (first,))
        return early if early.killed_by else _tested(copy, mutant, mutant.tests)
    finally:
        broken.write_text(source)


def copied(root: Path, copy: Path, parts: Sequence[str]) -> None:
    """Copy these folders and files of the project."""
    for part in parts:
        if (root / part).is_dir():
            shutil.copytree(root / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(root / part, copy / part)


def prepared(copy: Path, sources: Sequence[str], tests: Sequence[str]) -> None:
    """Compile a copy, for else each run of its tests would.

    A source is changed within a second and to the same size, perhaps, so what was compiled is known by its content.
    """
    compiled = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", *sources]
    for command in (compiled, [*PYTEST, "--collect-only", *tests]):
        _run(copy, [*command], {})


def _run(copy: Path, command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), **environment},
        capture_output=True,
        text=True,
        timeout=TIME_S,
        check=False,
        preexec_fn=_bounded,
    )


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _tested(copy: Path, mutant: Mutant, tests: Sequence[str]) -> Outcome:
    try:
        done = _run(copy, [*PYTEST, *tests], {"PYTHONDONTWRITEBYTECODE": "1"})
    except subprocess.TimeoutExpired:
        return Outcome(mutant, f"a test that does not end within {TIME_S} s")
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    if failed:
        return Outcome(mutant, failed[0].split(" - ")[0].split(" ", 1)[1])
    if done.returncode < 0 or done.returncode == CRASHED:
        return Outcome(mutant, f"a test that ends pytest with {done.returncode}")
    passed = f"its tests pass: {' '.join(mutant.tests)}"
    return Outcome(mutant, None, passed if done.returncode == 0 else f"pytest ended with {done.returncode}")
