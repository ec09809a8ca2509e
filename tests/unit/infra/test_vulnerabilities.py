"""What is said of dependencies that are known to be vulnerable, and of an index that tells nothing."""

import json
import os
import shlex
from pathlib import Path

import pytest

from infra.vulnerabilities import main

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "2.0", "vulns": [{"id": "GHSA-1", "fix_versions": ["2.1"], "aliases": []}]}
HOPELESS = {"name": "old", "version": "3", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]}
SKIPPED = {"name": "far", "skip_reason": "Dependency not found on PyPI"}


def program(folder: Path, prints: str, complains: str = "") -> str:
    """A pip-audit that answers so, as it ends with 1 for what it finds and for what it cannot do alike."""
    made = folder / "pip-audit"
    lines = f"printf %s {shlex.quote(prints)}\nprintf %s {shlex.quote(complains)} >&2"
    made.write_text(f'#!/bin/sh\n[ "$*" != "${{*#*--require-hashes*-r some.lock}}" ] || exit 9\n{lines}\nexit 1\n')
    os.chmod(made, 0o755)
    return str(made)


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([SOUND, SKIPPED], 0, "no vulnerability is known of 1 of 2 dependencies"),
        ([SOUND, BAD], 1, "bad 2.0: GHSA-1, mended by 2.1"),
        ([HOPELESS], 1, "old 3: PYSEC-2, mended by no version yet"),
        ([SKIPPED, SKIPPED], 0, "NOT audited: no index tells of any of 2 dependencies"),
    ],
)
def test_what_is_known_fails_and_what_nobody_tells_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], packages: list[object], status: int, said: str
) -> None:
    assert main(program(tmp_path, json.dumps({"dependencies": packages, "fixes": []})), "some.lock") == status
    printed = capsys.readouterr()
    assert (printed.out + printed.err).splitlines() == [f"hedgehog: {said}"]


def test_an_index_that_cannot_be_reached_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(program(tmp_path, "", "Traceback\nConnectionError: refused"), "some.lock") == 0
    assert capsys.readouterr().err == "hedgehog: NOT audited: ConnectionError: refused\n"
