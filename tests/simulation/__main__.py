"""`python -m tests.simulation`: many seeds, several processes; each failure with the smallest plan that it needs."""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.run import Rules, told

SEEDS_A_TASK = 20
FAILURES_MAX = 10
SHOWN_EVERY = 2_000
"""So many seeds are done before a line says so."""


def failures(rules: Rules, seeds: range) -> list[str]:
    """What went wrong with some seeds, one text each."""
    return [text for seed in seeds if (text := told(seed, rules)) is not None]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them; with --seeds 1 only this one")
    parser.add_argument("--zombies", action="store_true", help="freeze workers for longer than a session")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    rules = Rules(zombies=asked.zombies)
    end = asked.first + asked.seeds
    parts = [range(at, min(at + SEEDS_A_TASK, end)) for at in range(asked.first, end, SEEDS_A_TASK)]
    began, failed = time.monotonic(), 0
    with ProcessPoolExecutor(asked.processes) as pool:
        for part, texts in zip(parts, pool.map(partial(failures, rules), parts), strict=True):
            for text in texts[: max(FAILURES_MAX - failed, 0)]:
                print(text, flush=True)
            failed += len(texts)
            if (done := part.stop - asked.first) % SHOWN_EVERY == 0:
                print(f"{done} of {asked.seeds} seeds, {failed} failed", file=sys.stderr, flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{asked.seeds} seeds, {failed} failed, {asked.seeds / minutes:,.0f} a minute")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
