"""A worker that is told to stop, or has to, ends in time whatever the broker does."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.config import Config
from producers.publisher import Publisher
from schemas import topics
from schemas.broker import create_topics, delete_topics
from schemas.records import Trade
from schemas.registry import make_codec, register_all
from streams.delivery.application import SESSION_S, STOPPED_WITHIN_S
from tests import samples
from tests.faults.broker import frozen_broker
from tests.faults.counting import COUNTING
from tests.faults.crashing import FATAL
from tests.faults.fleet import Fleet, Progress, wait_for

TABLES = [*topics.TOPICS.values(), COUNTING.changelog]
LINE = f"the worker did not stop within {STOPPED_WITHIN_S:g} s"
LONGEST_S = STOPPED_WITHIN_S + 5


@pytest.fixture
def config(stack: Config) -> Iterator[Config]:
    config = stack.model_copy(update={"topic_prefix": f"stops-{time.time_ns()}-"})
    create_topics(config, TABLES)
    register_all(config)
    yield config
    delete_topics(config)


def publish(config: Config, *ids: int) -> None:
    with Publisher(config) as publisher:
        for number in ids:
            trade = samples.trade("1", number)
            publisher.publish(topics.TRADES, trade.instrument, make_codec(config, Trade).encode(trade))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_worker_without_a_broker_ends_in_time(config: Config, tmp_path: Path) -> None:
    progress = Progress(config, "crashing", [topics.TRADES])
    with Fleet(config, tmp_path, "tests.faults.crashing") as fleet:
        fleet.start("worker")
        publish(config, 1, 2)
        wait_for("the worker has counted", lambda: progress.committed() == 2)
        with frozen_broker(config):
            began = time.monotonic()
            fleet.signal("worker", signal.SIGTERM)
            code = fleet.ended("worker")
            assert time.monotonic() - began < LONGEST_S
        assert (code, LINE in fleet.log("worker")) in ((0, False), (1, True))


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("stall", ["worker", "broker"])
def test_a_crash_after_a_stall_ends_in_time(config: Config, tmp_path: Path, stall: str) -> None:
    """Its session is over by then, and aiokafka would try to commit for ever."""
    progress = Progress(config, "crashing", [topics.TRADES])
    with Fleet(config, tmp_path, "tests.faults.crashing") as fleet:
        fleet.start("worker")
        publish(config, 1, 2)
        wait_for("the worker has counted", lambda: progress.committed() == 2)
        if stall == "worker":
            fleet.signal("worker", signal.SIGSTOP)
            publish(config, FATAL)
            time.sleep(SESSION_S + 5)
            fleet.signal("worker", signal.SIGCONT)
        else:
            with frozen_broker(config):
                time.sleep(SESSION_S + 5)
            publish(config, FATAL)
        began = time.monotonic()
        assert fleet.ended("worker") == 1
        assert time.monotonic() - began < LONGEST_S
        assert "a fault of ours" in fleet.log("worker")
