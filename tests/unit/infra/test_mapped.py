"""Columns in files: what was written, and of that no more in memory than is looked at."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from infra.mapped import entries, folder, let_go, mapped, parts, temporary_file

LONG = """
import resource
import sys

import numpy as np
from infra.mapped import entries, mapped, parts, temporary_file

file = temporary_file()
for first in range(0, 32):
    file.write(np.arange(first << 20, first + 1 << 20).data)
column = mapped(file, np.int64)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(int(part.sum()) for (part,) in parts(column)), entries(column, range(0, 32 << 20, 1_000)).sum())
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / (1 if sys.platform == "darwin" else 1 / 1024))
"""


def test_what_is_passed_over_does_not_stay_in_memory() -> None:
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, check=True)
    sums, added = done.stdout.splitlines()
    size = 32 << 20
    assert sums == f"{size * (size - 1) // 2} {sum(range(0, size, 1_000))}"
    assert float(added) < 64 << 20  # of 256 MB


def test_a_column_is_what_was_written() -> None:
    file = temporary_file()
    assert mapped(file, np.int64).tolist() == []
    file.write(np.arange(10).data)
    column = mapped(file, np.int64)
    let_go(column)
    let_go(column[3:][::2])
    assert column.tolist() == list(range(10))
    assert entries(column, [7, 0, 7]).tolist() == [7, 0, 7]
    assert [part.tolist() for (part,) in parts(column, size=4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    pairs = parts(column[:-1], np.arange(9), size=6)
    assert [(one.tolist(), other.tolist()) for one, other in pairs] == [
        ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]),
        ([6, 7, 8], [6, 7, 8]),
    ]
    for nothing in (None, np.arange(3)):
        let_go(nothing)


def test_the_folder_is_what_tmpdir_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert folder() == tmp_path
