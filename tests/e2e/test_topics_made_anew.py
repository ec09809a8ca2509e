"""A topic that is deleted while a worker runs, and made anew: nothing of the new one is skipped, and nothing is silent.

Kafka keeps what groups have committed by the topic's name.
"""

import subprocess
import sys
from collections.abc import Iterator

import msgspec
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from infra.config import Config
from schemas.broker import admin, create_topics, topic_ids
from schemas.groups import worker_group
from schemas.offsets import Committed, committed, go_on_from
from schemas.records import Order
from schemas.spans import partition_of
from schemas.topics import ORDERS, TRADES
from streams.agents import AGENTS
from streams.audit.audit import audit
from tests.e2e.workers import Pipeline, running_pipeline
from tests.faults.fleet import wait_for
from tests.samples import setup

pytestmark = pytest.mark.long

TIMEOUT_S = 15.0
INSTRUMENT = "test:ANEWUSDT"
PARTITIONS = Config().partitions
NAMES = (f"test:S{number}USDT" for number in range(1_000))
SILENT = next(name for name in NAMES if partition_of(name, PARTITIONS) == partition_of(INSTRUMENT, PARTITIONS))
"""Another one in the same partition, of which the new topics have nothing."""


@pytest.fixture(scope="module")
def pipeline(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(stack, tmp_path_factory.mktemp("anew"), "anew") as pipeline:
        yield pipeline


def trades_topic(pipeline: Pipeline) -> str:
    return TRADES.full_name(pipeline.config)


def delete_trades(pipeline: Pipeline) -> None:
    name, client = trades_topic(pipeline), admin(pipeline.config)
    client.delete_topics([name], operation_timeout=TIMEOUT_S)[name].result(TIMEOUT_S)
    wait_for("the topic is gone", lambda: not topic_ids(pipeline.config, [name]))


def positions(pipeline: Pipeline) -> Committed:
    """What the workers have committed of the trades."""
    group, name = worker_group(pipeline.config), trades_topic(pipeline)
    found = committed(pipeline.config, [group])[group]
    return {place: offset for place, offset in found.items() if place[0] == name}


def test_a_worker_whose_topic_is_deleted_ends_with_one_line(pipeline: Pipeline) -> None:
    pipeline.set_all(*setup(INSTRUMENT), *setup(SILENT))
    pipeline.until("the leaders are on", lambda: pipeline.knows(INSTRUMENT) and pipeline.knows(SILENT))
    pipeline.trade(SILENT, "7")
    pipeline.trade(INSTRUMENT, *["100"] * 49)
    pipeline.until_statuses(INSTRUMENT, b1="NEW")
    wait_for("all is committed", lambda: sum(positions(pipeline).values()) == 50)
    delete_trades(pipeline)
    assert pipeline.fleet.ended("worker") == 1
    said = [line for line in pipeline.fleet.log("worker").splitlines() if "cannot go on" in line]
    assert len(said) == 1
    assert f"topics were changed while it ran; deleted: {trades_topic(pipeline)}" in said[0]
    assert "raise TopicError" not in pipeline.fleet.log("worker")


def test_what_was_committed_goes_with_the_topic(pipeline: Pipeline) -> None:
    assert positions(pipeline) == {}


def test_a_new_topic_is_read_from_its_beginning_whatever_was_applied_of_the_old_one(pipeline: Pipeline) -> None:
    create_topics(pipeline.config)
    pipeline.trade(INSTRUMENT, "98")
    pipeline.start_worker()
    pipeline.until_statuses(INSTRUMENT, b1="FILLED", s1="NEW")
    readers = [agent for agent in AGENTS if TRADES in agent.inputs]
    assert pipeline.fleet.log("worker").count("topics made anew since states were stored, begun anew: trades") == len(
        readers
    )


def test_positions_in_an_old_topic_that_were_committed_for_the_new_one_do_not_count(pipeline: Pipeline) -> None:
    """As those of a worker that commits at the very moment."""
    old = topic_ids(pipeline.config, [trades_topic(pipeline)])
    wait_for("all is committed", lambda: sum(positions(pipeline).values()) == 1)
    place = next(place for place, offset in positions(pipeline).items() if offset == 1)
    delete_trades(pipeline)
    assert pipeline.fleet.ended("worker") == 1
    create_topics(pipeline.config)
    wait_for("the group is empty", lambda: emptied(pipeline))
    go_on_from(admin(pipeline.config), worker_group(pipeline.config), {place: 40}, old)
    pipeline.trade(INSTRUMENT, *["100"] * 50, "101")
    pipeline.start_worker()
    pipeline.until_statuses(INSTRUMENT, b1="FILLED", s1="FILLED")
    wait_for("all is committed", lambda: positions(pipeline)[place] == 51)
    noted = ConsumerGroupTopicPartitions(worker_group(pipeline.config), [TopicPartition(*place)])
    client = admin(pipeline.config)
    (answer,) = client.list_consumer_group_offsets([noted]).values()
    found = answer.result(TIMEOUT_S).topic_partitions
    of_today = topic_ids(pipeline.config, [trades_topic(pipeline)]).values()
    assert all(each.metadata.startswith(*of_today) for each in found)  # this client reads it past its end


def emptied(pipeline: Pipeline) -> bool:
    group, client = worker_group(pipeline.config), admin(pipeline.config)
    return not client.describe_consumer_groups([group])[group].result(TIMEOUT_S).members


def orders(pipeline: Pipeline) -> list[Order]:
    """All snapshots of the instrument's orders, in their order."""
    found = [pipeline.codecs[Order].decode(message.value()) for message in pipeline.messages["orders"]]
    return [order for order in found if order.instrument == INSTRUMENT]


def test_the_audit_begins_where_the_topic_was_made_anew(pipeline: Pipeline) -> None:
    """Also of an instrument of which the new topic has nothing."""
    result = audit(pipeline.config)
    assert (result.differences, result.unproven) == ([], [])
    assert result.made_anew == {INSTRUMENT: "trades", SILENT: "trades"}
    assert (result.instruments, result.trades) == (2, 51)
    assert (result.snapshots, result.reports) == (1, 1), "the SELL that the new trades filled"
    said = pipeline.hedgehog("audit")
    assert (said["differences"], said["made_anew"]) == ([], result.made_anew)


def test_an_order_of_after_is_explained_and_one_of_before_is_named(pipeline: Pipeline) -> None:
    newest, first = orders(pipeline)[-1], orders(pipeline)[0]
    assert pipeline.hedgehog("explain", newest.client_order_id)["differences"] == []
    command = [sys.executable, "-m", "streams.cli.main", "explain", first.client_order_id]
    environment = pipeline.fleet.environment("cli")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "its topic trades was deleted and made anew" in done.stderr


def test_what_is_wrong_after_it_is_found(pipeline: Pipeline) -> None:
    newest = orders(pipeline)[-1]
    forged = msgspec.structs.replace(newest, price=newest.price + 1)
    partition = partition_of(INSTRUMENT, pipeline.config.partitions)
    pipeline.write_raw(ORDERS, INSTRUMENT, pipeline.codecs[Order].encode(forged), partition)
    found = audit(pipeline.config).differences
    assert [(each.instrument, each.version) for each in found] == [(INSTRUMENT, newest.version)]
