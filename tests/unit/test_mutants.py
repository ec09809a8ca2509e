"""The runner of the mutants, on a project of two files."""

from pathlib import Path

import pytest

from tests.mutants.runner import Mutant, copied, outcome_of, prepared
from tests.mutants.table import MUTANTS

ROOT = Path(__file__).parents[2]
SOURCE = "def double(number):\n    return number * 2\n"
TEST = "from part.source import double\n\n\ndef test_double():\n    assert double(2) == 4\n"


@pytest.mark.parametrize(
    ("old", "new", "killed_by", "problem"),
    [
        ("number * 2", "number * 3", "part/test_source.py::test_double", None),
        ("number * 2", "number + 2", None, "its tests pass: part/test_source.py"),
        ("number * 2", "number *", "part/test_source.py", None),
        ("triple", "double", None, "part/source.py has its old text 0 times, not once"),
        ("number", "n", None, "part/source.py has its old text 2 times, not once"),
    ],
)
def test_what_becomes_of_a_mutant(
    old: str, new: str, killed_by: str | None, problem: str | None, tmp_path: Path
) -> None:
    root, copy = tmp_path / "project", tmp_path / "copy"
    (root / "part").mkdir(parents=True)
    copy.mkdir()
    (root / "part/__init__.py").write_text("")
    (root / "part/source.py").write_text(SOURCE)
    (root / "part/test_source.py").write_text(TEST)
    copied(root, copy, ["part"])
    outcome = outcome_of(root, copy, Mutant("a mutant", "part/source.py", old, new, ("part/test_source.py",)))
    assert (outcome.killed_by, outcome.problem) == (killed_by, problem)
    assert (root / "part/source.py").read_text() == (copy / "part/source.py").read_text() == SOURCE


@pytest.mark.parametrize(
    ("first", "killed_by"),
    [
        ("part/test_source.py::test_double", "part/test_source.py::test_double"),
        ("part/test_source.py::test_other", "part/test_source.py::test_double"),
        ("part/test_source.py::test_gone", "part/test_source.py::test_double"),
    ],
)
def test_the_test_that_killed_it_before_is_tried_first(first: str, killed_by: str, tmp_path: Path) -> None:
    root, copy = tmp_path / "project", tmp_path / "copy"
    (root / "part").mkdir(parents=True)
    copy.mkdir()
    (root / "part/__init__.py").write_text("")
    (root / "part/source.py").write_text(SOURCE)
    (root / "part/test_source.py").write_text(TEST + "\n\ndef test_other():\n    assert double(0) == 0\n")
    copied(root, copy, ["part"])
    prepared(copy, ["part"], ["part"])
    mutant = Mutant("a mutant", "part/source.py", "number * 2", "number * 3", ("part/test_source.py",))
    assert outcome_of(root, copy, mutant, first).killed_by == killed_by


def test_every_mutant_of_the_table_is_where_it_says() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names))
    for mutant in MUTANTS:
        assert (mutant.name, (ROOT / mutant.file).read_text().count(mutant.old)) == (mutant.name, 1)
        assert mutant.old != mutant.new
        assert [test for test in mutant.tests if not (ROOT / test.split("::")[0]).exists()] == []
