"""`python -m tests.mutants [NAME…]`: every mutant of the table, or those named, and what killed it.

The test that killed one the last time, as `killers.json` says, is tried first, so that most take a few seconds; what
killed it this time is written there. Exit status: 0 none is alive, 1 one is, or its text is not where the table says.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.runner import Mutant, Outcome, copied, outcome_of, prepared
from tests.mutants.table import MUTANTS

ROOT = Path(__file__).parents[2]
PARTS = ("streams", "producers", "schemas", "connectors", "infra", "tests", "pyproject.toml")
SOURCES = ("streams", "producers", "schemas", "connectors", "infra")
TESTS = ("tests/unit", "tests/property")
KILLERS = Path(__file__).with_name("killers.json")
"""The test that killed each mutant, by its name."""
AT_ONCE = 2


def main(names: Sequence[str]) -> int:
    """Try the mutants and print a line for each; the exit status."""
    wanted = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    unknown = set(names) - {mutant.name for mutant in wanted}
    if unknown:
        print(f"mutants: no mutant is named {sorted(unknown)[0]!r}", file=sys.stderr)
        return 1
    outcomes = []
    for outcome in _tried(wanted):
        outcomes.append(outcome)
        _note(outcome)
        print(f"{outcome.mutant.name:60} {outcome.killed_by or 'ALIVE: ' + str(outcome.problem)}", flush=True)
    alive = sum(outcome.killed_by is None for outcome in outcomes)
    print(f"mutants: {len(outcomes) - alive} of {len(outcomes)} killed, {alive} alive")
    return 1 if alive else 0


def _note(outcome: Outcome) -> None:
    """Write down which test has killed a mutant; none where none ended."""
    killers = json.loads(KILLERS.read_text()) if KILLERS.exists() else {}
    killers.pop(outcome.mutant.name, None)
    if outcome.killed_by is not None and "::" in outcome.killed_by:
        killers[outcome.mutant.name] = outcome.killed_by
    names = [mutant.name for mutant in MUTANTS]
    kept = {name: killers[name] for name in names if name in killers}
    KILLERS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")


def _tried(wanted: Sequence[Mutant]) -> Iterator[Outcome]:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(AT_ONCE):
            copy = Path(folder) / str(number)
            copy.mkdir()
            copied(ROOT, copy, PARTS)
            prepared(copy, SOURCES, TESTS)
            copies.put(copy)
        killers = json.loads(KILLERS.read_text()) if KILLERS.exists() else {}

        def tried(mutant: Mutant) -> Outcome:
            copy = copies.get()
            try:
                return outcome_of(ROOT, copy, mutant, killers.get(mutant.name))
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(tried, wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
