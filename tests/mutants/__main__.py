"""`python -m tests.mutants [NAME…]`: every mutant of the table, or those named, and what killed it.

Exit status: 0 none is alive, 1 one is, or its text is not where the table says.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.runner import Mutant, Outcome, copied, outcome_of
from tests.mutants.table import MUTANTS

ROOT = Path(__file__).parents[2]
PARTS = ("streams", "producers", "schemas", "connectors", "infra", "tests", "pyproject.toml")
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
        print(f"{outcome.mutant.name:60} {outcome.killed_by or 'ALIVE: ' + str(outcome.problem)}", flush=True)
    alive = sum(outcome.killed_by is None for outcome in outcomes)
    print(f"mutants: {len(outcomes) - alive} of {len(outcomes)} killed, {alive} alive")
    return 1 if alive else 0


def _tried(wanted: Sequence[Mutant]) -> Iterator[Outcome]:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(AT_ONCE):
            copy = Path(folder) / str(number)
            copy.mkdir()
            copied(ROOT, copy, PARTS)
            copies.put(copy)

        def tried(mutant: Mutant) -> Outcome:
            copy = copies.get()
            try:
                return outcome_of(ROOT, copy, mutant)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(tried, wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
