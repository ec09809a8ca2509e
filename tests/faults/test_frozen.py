"""Workers that are frozen for longer than their session, and go on, change nothing that their successors have decided.

The referee is the audit, as in `test_restarts.py`; in the end a worker that was never frozen goes on from what is
stored, so that a late state in a changelog would show.
"""

import signal
import time
from pathlib import Path

import pytest

from infra.config import Config
from schemas.broker import create_topics, delete_topics
from schemas.registry import register_all
from streams.audit.audit import audit
from streams.delivery.application import SESSION_S
from tests.faults.fleet import Fleet, Progress, wait_for
from tests.faults.judged import assert_nothing_differs
from tests.faults.load import SYMBOLS, Load

FREEZES = 5
FROZEN_S = 11.0


@pytest.mark.long
@pytest.mark.timeout(600)
def test_five_freezes_of_one_of_two_workers_under_load_and_a_reload(stack: Config, tmp_path: Path) -> None:
    assert FROZEN_S > SESSION_S
    config = stack.model_copy(update={"topic_prefix": f"frozen-{time.time_ns()}-"})
    create_topics(config)
    register_all(config)
    progress = Progress(config)
    with Fleet(config, tmp_path) as fleet:
        fleet.start("one")
        fleet.start("two")
        with Load(config, seed=1) as load:
            go_on(progress, 4_000)
            for freeze in range(FREEZES):
                fleet.freeze("two" if freeze % 2 else "one", FROZEN_S)
                go_on(progress, 4_000)
                fleet.assert_alive()
            fleet.stop("one", signal.SIGKILL)
            fleet.stop("two", signal.SIGTERM)
            fleet.start("reloaded")
            go_on(progress, 4_000)
        wait_for("all is worked off", lambda: progress.lag() == 0, timeout_s=240)
        fleet.assert_alive()

    result = audit(config)
    print(f"{result.superseded} superseded, {result.repeats} repeats, {result.orders} orders")
    assert (result.instruments, result.trades) == (len(SYMBOLS), load.published)
    assert_nothing_differs(config, result)
    delete_topics(config)


def go_on(progress: Progress, records: int) -> None:
    """Wait until so many more records are committed."""
    reached = progress.committed() + records
    wait_for("the workers go on", lambda: progress.committed() >= reached)
