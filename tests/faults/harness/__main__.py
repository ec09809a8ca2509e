"""`python -m tests.faults.harness`: break it, heal it, and see that everything holds.

Every case in turn, or those named; `--soak N` draws so many that are over soon, within `--minutes`. Exit status: 0 all
holds, 1 not; then the folder with all logs and data stays, and the seed says how to see it again.
"""

import argparse
import contextlib
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from confluent_kafka import KafkaException

from infra.errors import StackError
from tests.faults.harness.cases import CASES, Case, stop_trading
from tests.faults.harness.house import House, NotTried, Unsettled, house
from tests.faults.harness.verify import not_in_the_topic, verified

FOLDER = Path("build/faults")
TOGETHER = 50
"""In a soak, so many faults happen before all is looked at; one of them is a rare one."""


def main() -> int:
    """Run what is asked for; the exit status."""
    asked = _arguments()
    by_name = {case.name: case for case in CASES}
    unknown = set(asked.cases) - by_name.keys()
    if unknown:
        print(f"faults: no case is named {sorted(unknown)[0]!r}; there are {', '.join(by_name)}", file=sys.stderr)
        return 1
    folder = FOLDER.resolve() / str(asked.seed)
    shutil.rmtree(folder, ignore_errors=True)
    say(f"seed {asked.seed}, logs and data in {folder}")
    chance = random.Random(asked.seed)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops it stops all of it
    try:
        cases = [by_name[name] for name in asked.cases] or list(CASES)
        with house(folder, asked.seed, say, full_disks=not asked.soak and any(case.fills for case in cases)) as whole:
            run = Run(whole, chance)
            if asked.soak:
                run.soak(asked.soak, asked.minutes)
            else:
                run.cases(cases)
    except (StackError, Unsettled) as error:
        say(f"FAILED with seed {asked.seed}: {error}")
        return 1
    for line in run.table():
        print(line)
    if run.broken:
        say(f"FAILED with seed {asked.seed}: {len(run.broken)} things do not hold; logs and data are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


class Run:
    """Cases in turn over one house, and what came of them."""

    def __init__(self, whole: House, chance: random.Random) -> None:
        self._house, self._chance = whole, chance
        self._rows: list[tuple[str, ...]] = []
        self._stopped: set[str] = set()
        self.broken: list[str] = []

    def cases(self, wanted: list[Case]) -> None:
        """Do each, and look at everything after each; then stop an instrument, which has to hold."""
        self._look("nothing", "as it began")
        for case in wanted:
            if self.broken:
                return
            say(f"{case.name}: {case.says}")
            self._house.markets.resume()
            try:
                case.does(self._house, self._chance)
            except NotTried as reason:
                say(f"{case.name}: NOT TRIED: {reason}")
                self._rows.append((case.name, case.says, "", "", "", f"not tried: {reason}"))
                continue
            self._house.heal()
            self._look(case.name, case.says)
        self._stop_one()

    def _stop_one(self) -> None:
        """Stop an instrument just after a worker was killed: it has to hold."""
        self._house.markets.resume()
        kill, *_ = CASES
        kill.does(self._house, self._chance)
        self._stopped.add(stop_trading(self._house, self._chance))
        kill.does(self._house, self._chance)
        self._look("stop", f"trading of one instrument is stopped between two of: {kill.says}")

    def soak(self, faults: int, minutes: float) -> None:
        """Draw so many, and look at everything now and then."""
        quick, rare = [case for case in CASES if case.quick], [case for case in CASES if case.rare]
        until = time.monotonic() + minutes * 60
        done: Counter[str] = Counter()
        self._look("nothing", "as it began")
        while done.total() < faults and time.monotonic() < until and not self.broken:
            self._house.markets.resume()
            rare_at = self._chance.randrange(TOGETHER)
            for number in range(min(TOGETHER, faults - done.total())):
                case = self._chance.choice(rare if number == rare_at else quick)
                say(f"{done.total() + 1}: {case.name}")
                case.does(self._house, self._chance)
                done[case.name] += 1
            self._house.heal()
            drawn = ", ".join(f"{count} {name}" for name, count in sorted(done.items()))
            self._look(f"{done.total()} faults", drawn)

    def _look(self, name: str, says: str) -> None:
        restarts = self._house.starts()
        try:
            took_s = self._house.settle()
        except Unsettled:
            with contextlib.suppress(StackError, KafkaException):  # it may be the broker that does not answer
                for what in not_in_the_topic(self._house):
                    say(f"after {name}: {what}")
            raise
        found = list(verified(self._house, self._stopped))
        made = sum(self._house.markets.made().values())
        self._rows.append((name, says, f"{took_s:.1f}", f"{made:,}", str(restarts), "no" if found else "yes"))
        for each in found:
            say(f"BROKEN after {name}: {each.invariant}: {each.what}")
        self.broken += [each.what for each in found]
        say(f"{name}: {'all holds' if not found else 'broken'}")

    def table(self) -> list[str]:
        """Return what was found, as a table in Markdown."""
        head = ("fault", "what happens", "worked off after s", "trades so far", "restarts so far", "all holds")
        return [f"| {' | '.join(row)} |" for row in (head, tuple("---" for _ in head), *self._rows)]


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.harness", description=__doc__)
    parser.add_argument("cases", nargs="*", help="default: all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--soak", type=int, default=0, metavar="N", help="draw so many cases")
    parser.add_argument("--minutes", type=float, default=90, help="a soak ends after these")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
