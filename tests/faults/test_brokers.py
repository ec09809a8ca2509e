"""Three brokers under load: each killed in turn, a rolling restart, a lost disk, two killed at once. Nothing is lost or
done twice.

The referee is the audit, as in `test_restarts.py`; beside it, every trade that a broker has acknowledged has to be in
the topic, and Postgres has to have what the topics have.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config, load_config
from schemas import topics
from schemas.broker import configure_topics, create_topics, delete_topics
from schemas.copies import differences, found_copies
from schemas.records import Trade
from schemas.topics import TOPICS
from streams.audit.audit import audit
from streams.demo.checks import postgres_has_the_topics
from streams.demo.topic import records
from tests.faults.cluster import Cluster, first_answer
from tests.faults.fleet import Fleet, wait_for
from tests.faults.judged import assert_nothing_differs
from tests.faults.load import SYMBOLS, Load
from tests.stack import ROOT, claimed_offset, running_stack

pytestmark = pytest.mark.long
BROKERS = (1, 2, 3)
RATE = 500
"""Trades a second: three brokers, two workers and the load share the machine."""
STALLED_S = 12.0
LINES_MAX = 3_000
"""A worker's log of some two minutes without a broker or two; the Kafka client alone says a hundred lines a second."""


@pytest.fixture(scope="module")
def three() -> Iterator[Config]:
    """A stack with three brokers, sinks and all."""
    if load_config().infra == "external":
        pytest.skip("NOT CHECKED: the brokers are no processes of this machine")
    variables = {"HEDGEHOG_INFRA": "native", "HEDGEHOG_BROKERS": "3", "HEDGEHOG_PARTITIONS": "6"}
    with claimed_offset() as offset, running_stack(offset, ROOT / f"{offset}-brokers", **variables) as config:
        yield config


def hedgehog(*words: str) -> tuple[int, Any]:
    """Run a command with `--json`; its exit code and what it printed."""
    argv = [sys.executable, "-m", "streams.cli.main", *words, "--json"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, json.loads(done.stdout)


def doctor() -> dict[str, dict[str, Any]]:
    return {row["check"]: row for row in hedgehog("doctor")[1]}


@pytest.mark.timeout(1200)
def test_any_broker_may_go_and_come_under_load(three: Config, tmp_path: Path) -> None:
    cluster = Cluster(three)
    assert cluster.wrong() == []
    with Fleet(three, tmp_path) as fleet:
        fleet.start("one")
        fleet.start("two")
        with Load(three, seed=1, rate=RATE) as load:
            cluster.go_on(2_000)
            for number in BROKERS:
                cluster.end(number, signal.SIGKILL)
                cluster.go_on(2_000)
                _assert_one_is_missed()
                cluster.bring_back()
                fleet.assert_alive()
            for number in BROKERS:
                cluster.end(number, signal.SIGTERM)
                cluster.go_on(1_000)
                cluster.bring_back()
                fleet.assert_alive()
            cluster.end(3, signal.SIGKILL)
            cluster.lose_disk(3)
            cluster.bring_back()
            _without_two(cluster, load)
            cluster.go_on(2_000)
            fleet.assert_alive()
        wait_for("all is worked off", cluster.caught_up, timeout_s=240)
        fleet.assert_alive()
        lines = {name: len(fleet.log(name).splitlines()) for name in ("one", "two")}
    _assert_nothing_is_lost(three, load)
    assert max(lines.values()) < LINES_MAX, "of what the client repeats while brokers are away little is told"
    assert doctor()["copies"]["state"] == "ok"


def _assert_one_is_missed() -> None:
    found = doctor()
    assert found["broker"]["state"] == "ok"
    assert found["copies"]["state"] == "problem"
    assert "2 of 3 brokers answer" in found["copies"]["finding"]
    code, page = hedgehog("status")
    assert code == 1
    assert (page["copies"]["brokers"], page["copies"]["brokers_asked"]) == (2, 3)
    assert page["copies"]["partitions_behind"] > 0


def _without_two(cluster: Cluster, load: Load) -> None:
    """With one of three nothing is acknowledged, and so nothing can be lost."""
    cluster.end(1, signal.SIGKILL)
    cluster.end(2, signal.SIGKILL)
    time.sleep(STALLED_S / 2)
    acknowledged, published = len(load.acknowledged), load.published
    time.sleep(STALLED_S / 2)
    assert len(load.acknowledged) == acknowledged, "nothing is acknowledged without a second copy"
    assert load.published > published, "the load goes on"
    cluster.bring_back()
    first_answer(cluster.committed)


def _assert_nothing_is_lost(config: Config, load: Load) -> None:
    ids = [trade.trade_id for trade in records(config, topics.TRADES, Trade)]
    assert set(ids) == load.acknowledged == set(range(load.published))
    result = audit(config)
    # the client may send a trade again whose acknowledgement went with a broker: it moves nothing
    print(f"{load.published} trades, {len(ids) - load.published} of them twice, {result.orders} orders")
    assert (result.instruments, result.trades) == (len(SYMBOLS), len(ids))
    assert_nothing_differs(config, result)
    wait_for("Postgres has what the topics have", lambda: postgres_has_the_topics(config).passed, timeout_s=240)


def test_topics_and_what_kafka_keeps_have_three_copies(three: Config) -> None:
    found = found_copies(three)
    assert found.brokers == 3
    assert {(topic.copies, topic.min_insync) for topic in found.topics} == {(3, 2)}
    assert {"connect-configs", "connect-offsets", "connect-status", "__consumer_offsets"} <= {
        topic.topic for topic in found.topics
    }


def test_topics_of_before_keep_their_copies_and_take_records(three: Config) -> None:
    narrow = three.model_copy(update={"topic_prefix": "narrow-", "replication": 1})
    create_topics(narrow)
    asked = three.model_copy(update={"topic_prefix": "narrow-"})
    assert configure_topics(asked) == [], "two copies in sync of one would take no record"
    found = found_copies(asked)
    assert {(each.copies, each.min_insync) for each in found.topics if each.topic.startswith("narrow-")} == {(1, 1)}
    assert differences(asked, found) == [
        f"narrow-trades, narrow-orders, narrow-fills and {len(TOPICS) - 3} more: 1 copies, and 3 are asked for"
    ]
    assert differences(narrow, found) == []
    delete_topics(narrow)


def test_how_many_copies_have_to_have_a_record_may_change(three: Config) -> None:
    world = three.model_copy(update={"topic_prefix": "changed-"})
    create_topics(world)
    one = world.model_copy(update={"min_insync_replicas": 1})
    assert [line.partition(": ")[2] for line in differences(one, found_copies(one))] == [
        "min.insync.replicas=2, and 1 is asked for"
    ]
    assert len(configure_topics(one)) == len(TOPICS)
    wait_for("every broker says so", lambda: differences(one, found_copies(one)) == [])
    delete_topics(world)


def test_topics_are_made_anew_right_after_they_were_deleted(three: Config) -> None:
    """Whichever broker is asked knows of both."""
    world = three.model_copy(update={"topic_prefix": "anew-"})
    for _ in range(3):
        assert len(create_topics(world)) == len(TOPICS)
        assert delete_topics(world)
