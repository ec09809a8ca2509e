"""A worker that stands still in its first generation, before anything of a topic was ever committed, reads it again."""

import random
import signal
import time
from pathlib import Path

import pytest

from infra.config import Config
from producers import settings_topic
from schemas.broker import create_topics, delete_topics
from schemas.registry import register_all
from tests import samples
from tests.faults.fleet import Fleet, Progress, wait_for

FREEZES = 6
FROZEN_S = 9.0
"""Longer than the group's session: it loses its partitions."""
INSTRUMENTS = [f"test:FIRST{number}USDT" for number in range(30)]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_what_was_never_committed_is_read_again(stack: Config, tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(FREEZES):
        config = stack.model_copy(update={"topic_prefix": f"first-{time.time_ns()}-"})
        folder = tmp_path / str(number)
        folder.mkdir()
        create_topics(config)
        register_all(config)
        facts = [record for name in INSTRUMENTS for record in (samples.instrument(name), samples.settings(name))]
        settings_topic.write(config, facts)
        progress, pause = Progress(config), chance.random()
        with Fleet(config, folder) as fleet:
            fleet.start("worker")
            wait_for("the worker begins", lambda fleet=fleet: "Worker ready" in fleet.log("worker"))  # type: ignore[misc]
            time.sleep(pause)
            fleet.freeze("worker", FROZEN_S)
            wait_for(f"frozen after {pause:.2f} s it reads everything", lambda progress=progress: progress.lag() == 0)  # type: ignore[misc]
            fleet.stop("worker", signal.SIGTERM)
        delete_topics(config)
