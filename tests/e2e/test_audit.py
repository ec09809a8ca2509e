"""`audit` and `explain` over topics of a real broker, which hold what real agents recorded in a simulated run."""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from faust.types import TP
from msgspec.structs import replace

from infra.config import Config
from schemas.broker import create_topics, delete_topics
from schemas.journal_records import BOOK
from schemas.records import Fill, Order
from schemas.registry import make_codec, register_all
from schemas.topics import FILLS, TOPICS
from streams.audit.audit import Asked, audit
from streams.audit.decisions import Known
from streams.audit.explain import explain
from streams.audit.near import recorded_of_trader
from streams.audit.proven import load, save
from tests.simulation.invariants import KINDS
from tests.simulation.world import CODECS, INSTRUMENTS, PARTITIONS, World
from tests.unit.streams.audit.recordings import world_of

SEED = 2


@pytest.fixture(scope="module")
def world() -> World:
    return world_of(SEED)


@pytest.fixture
def recorded(stack: Config, world: World) -> Iterator[Config]:
    """A world of its own, each record at the offset that it had."""
    config = stack.model_copy(update={"topic_prefix": f"audit-{time.time_ns()}-", "partitions": PARTITIONS})
    create_topics(config)
    register_all(config)
    producer = Producer({"bootstrap.servers": config.bootstrap, "acks": "all"})
    for topic, kind in KINDS.items():
        codec = make_codec(config, kind)
        for number in range(PARTITIONS):
            for record in world.broker.logs[TP(topic, number)].history:
                value = codec.encode(CODECS[kind].decode(record.value))
                producer.produce(TOPICS[topic].full_name(config), value, record.key, number)
    assert producer.flush(30) == 0
    yield config
    delete_topics(config)


def write(config: Config, fill: Fill, partition: int) -> None:
    producer = Producer({"bootstrap.servers": config.bootstrap, "acks": "all"})
    value = make_codec(config, Fill).encode(fill)
    producer.produce(FILLS.full_name(config), value, fill.instrument.encode(), partition)
    assert producer.flush(30) == 0


def records(world: World, topic: str) -> int:
    return len(world.broker.history(topic))


def fills(world: World) -> list[Fill]:
    return [CODECS[Fill].decode(record.value) for record in world.broker.history("fills")]


def test_all_is_proven_and_then_only_what_came_since(recorded: Config, world: World) -> None:
    proven: dict[int, Known] = {}
    whole = audit(recorded, proven=proven)
    assert (whole.differences, whole.unproven) == ([], [])
    assert (whole.instruments, whole.trades) == (len(INSTRUMENTS), records(world, "trades"))
    assert whole.reports == len({fill.fill_id for fill in fills(world)})
    assert set(proven) == set(range(PARTITIONS))

    save(recorded, proven)
    again = audit(recorded, Asked(known=load(recorded)))
    assert (again.differences, again.unproven, again.instruments) == ([], [], len(INSTRUMENTS))
    assert 0 < again.trades < whole.trades // 2
    assert again.orders < whole.orders


def test_a_false_fill_is_found_by_either(recorded: Config, world: World) -> None:
    proven: dict[int, Known] = {}
    assert audit(recorded, proven=proven).passed
    early = fills(world)[0]
    partition = World.partition_of(early.instrument.encode())
    write(recorded, replace(early, commission=early.commission + 1, epoch=99), partition)
    for asked in (Asked(), Asked(known=proven)):
        (difference,) = audit(recorded, asked).differences
        assert (difference.agent, difference.version) == (BOOK, early.version)
        assert isinstance(difference.recorded, Fill)
        assert difference.recorded.commission == early.commission + 1
    kept: dict[int, Known] = {}
    audit(recorded, proven=kept)
    assert set(kept) == set(range(PARTITIONS)) - {partition}


def test_since_a_time_means_from_the_checkpoints_before_it(recorded: Config) -> None:
    later = audit(recorded, Asked(since=(time.time_ns() // 1_000) + 60_000_000))
    assert later.differences == []
    whole = audit(recorded, Asked(since=1_000_000))
    assert later.trades < whole.trades
    assert later.orders < whole.orders


def test_an_order_is_explained_from_the_checkpoints_before_it(recorded: Config, world: World) -> None:
    instrument = INSTRUMENTS[0]
    partition = World.partition_of(instrument.encode())
    history = [CODECS[Order].decode(record.value) for record in world.broker.history("orders")]
    orders = {order.client_order_id: order for order in history if order.instrument == instrument}
    for client_order_id in (*list(orders)[:2], *list(orders)[-2:]):
        stretches = recorded_of_trader(recorded, instrument, partition, orders[client_order_id].trader)
        found = explain(stretches, client_order_id)
        assert found.differences == ()
        assert [snapshot.order.version for snapshot in found.snapshots] == sorted(
            {order.version for order in history if order.client_order_id == client_order_id}
        )
        assert found.start is not None
