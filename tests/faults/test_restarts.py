"""Workers that are stopped and killed under load lose nothing and do nothing twice.

The referee is the audit: it replays the recorded trades, fills and settings in their recorded interleaving and
wants exactly the recorded orders. What the leaders hold open must also rest in the exchange's book.
"""

import random
import signal
import time
from pathlib import Path

import pytest

from infra.config import Config
from schemas.broker import create_topics, delete_topics
from schemas.registry import register_all
from streams.audit.audit import audit
from tests.faults.fleet import Fleet, Progress, wait_for
from tests.faults.judged import assert_nothing_differs
from tests.faults.load import SYMBOLS, Load

RESTARTS = 10


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1])
def test_ten_restarts_and_two_workers_under_load(stack: Config, tmp_path: Path, seed: int) -> None:
    config = stack.model_copy(update={"topic_prefix": f"restarts-{seed}-{time.time_ns()}-"})
    create_topics(config)
    register_all(config)
    chance = random.Random(seed)
    progress = Progress(config)
    with Fleet(config, tmp_path) as fleet:
        fleet.start("steady")
        with Load(config, seed) as load:
            for restart in range(RESTARTS):
                name = "second" if restart % 3 == 2 else "steady"
                if name == "second":
                    fleet.start("second")
                # Once right after the first commit of a generation, once in the middle of one: both are edges.
                reached = progress.committed() + chance.choice([1, 2_000])
                wait_for("the workers go on", lambda reached=reached: progress.committed() >= reached)
                fleet.assert_alive()
                fleet.stop(name, signal.SIGKILL if restart % 2 else signal.SIGTERM)
                if name == "steady":
                    fleet.start("steady")
        wait_for("all is worked off", lambda: progress.lag() == 0, timeout_s=240)
        fleet.assert_alive()

    result = audit(config)
    assert result.instruments == len(SYMBOLS)
    assert result.trades == load.published
    assert_nothing_differs(config, result)
    delete_topics(config)
