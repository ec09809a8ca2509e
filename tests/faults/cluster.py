"""The brokers of a stack that has several: ended and brought back one by one, and what is asked of them meanwhile."""

import os
import shutil
import signal
import time
from collections.abc import Callable

import psutil
from confluent_kafka import KafkaException

from infra.brokers import FOLDER
from infra.config import Config
from infra.errors import StackError, Unreachable
from infra.native.backend import NativeBackend
from infra.stack import Stack
from schemas.copies import differences, found_copies
from tests.faults.fleet import Progress, wait_for

IN_SYNC_WITHIN_S = 120.0
GO_ON_WITHIN_S = 90.0
ENDS_WITHIN_S = 60.0


class Cluster:
    """The brokers of a running stack, and the workers beside. What happens is printed with the time it took."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def end(self, number: int, how: signal.Signals) -> None:
        """End a broker this way, and see that it is gone."""
        pid = NativeBackend(self.config).daemon(f"broker-{number}").pid()
        assert pid is not None, f"broker-{number} does not run"
        began, process = time.monotonic(), psutil.Process(pid)
        os.kill(pid, how)
        process.wait(ENDS_WITHIN_S)
        _say(f"broker-{number} ended by {how.name}", began)

    def bring_back(self) -> None:
        """Start what is away, and wait until every copy is in sync again."""
        began = time.monotonic()
        Stack(self.config).up(lambda _: None)
        _say("brought back", began)
        wait_for("every copy is in sync", lambda: self.wrong() == [], IN_SYNC_WITHIN_S)
        _say("in sync", began)

    def lose_disk(self, number: int) -> None:
        """Remove all data of a broker that does not run."""
        assert NativeBackend(self.config).daemon(f"broker-{number}").pid() is None
        shutil.rmtree(self.config.data_dir / FOLDER / str(number))

    def wrong(self) -> list[str]:
        """Where brokers and copies are not what was asked for."""
        try:
            return differences(self.config, found_copies(self.config))
        except StackError as error:
            return [str(error)]

    def committed(self) -> int | None:
        """Records of all sources that the workers have committed, `None` while no broker says."""
        try:
            return Progress(self.config).committed()
        except Unreachable:
            return None

    def caught_up(self) -> bool:
        """Whether the workers are known to have handled everything."""
        try:
            return Progress(self.config).lag() == 0
        except (Unreachable, KafkaException, TimeoutError):
            return False

    def go_on(self, records: int) -> None:
        """Wait until so many more records are committed."""
        began, reached = time.monotonic(), None

        def further() -> bool:
            nonlocal reached
            now = self.committed()
            if reached is None and now is not None:
                reached = now + records
            return now is not None and reached is not None and now >= reached

        wait_for("the workers go on", further, GO_ON_WITHIN_S)
        _say(f"{records} records further", began)


def first_answer(ask: Callable[[], int | None]) -> int:
    """Ask until there is an answer; return it."""
    found: list[int] = []

    def asked() -> bool:
        answer = ask()
        found.extend([] if answer is None else [answer])
        return answer is not None

    wait_for("a broker answers", asked, GO_ON_WITHIN_S)
    return found[-1]


def _say(what: str, began: float) -> None:
    print(f"{what} after {time.monotonic() - began:.1f} s", flush=True)
