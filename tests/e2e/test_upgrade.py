"""A data directory of commit 7ab30b9, in which settings held the instrument, is upgraded and traded on with."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.cimpl import NewTopic
from sqlalchemy import Connection, Engine, create_engine, text

from connectors.apply import remove_all
from connectors.provision import provision
from infra.config import Config
from producers.settings_topic import read_setups
from producers.settings_topic import write as write_setups
from schemas import topics, upgrade
from schemas.broker import TopicsMissing, admin, check_topics, create_topics, delete_topics
from schemas.order_ids import client_order_id
from schemas.records import Settings, Setup
from schemas.registry import client as registry_client
from schemas.registry import register_all
from schemas.sql.migrate import alembic_config
from schemas.topics import (
    BOOKS,
    FILLS,
    INSTRUMENTS,
    LEADERS,
    ORDERS,
    SETTINGS,
    TOPICS,
    TRADES,
    Topic,
    sink_dead_letters,
)
from schemas.writer import ToWrite
from streams.audit.audit import audit
from streams.audit.explain import explain
from streams.audit.near import recorded_of_trader
from streams.warehouse.agreement import compare_with_topics
from tests import samples
from tests.e2e.sinks import database, until
from tests.e2e.workers import Pipeline
from tests.faults.fleet import Fleet
from tests.first_layout import IDLE, OLD_SCHEMAS, TRADED, records, states

pytestmark = pytest.mark.long

OLD_SINKS = (TRADES, ORDERS, FILLS, SETTINGS)
OLD_TOPICS = {*OLD_SCHEMAS, LEADERS.name, BOOKS.name, *(sink_dead_letters(topic).name for topic in OLD_SINKS)}
TIMEOUT_S = 30.0
OLD_UPDATE = 1_700_000_000_000_001
OLD_TRADES = 10
"""No trade of the earlier program has an id above it."""
SEEDED = samples.instrument(IDLE, tick_size="0.5", updated_time=OLD_UPDATE + 10)
"""Somebody seeds while the upgrade is broken off."""


@pytest.fixture(scope="module")
def old(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """What was left by a worker and sinks of that commit: topics, schemas, tables, committed positions."""
    name = f"old_{time.time_ns()}"
    with database(stack, name) as url, pytest.MonkeyPatch.context() as patch:
        config = Config(**{**stack.model_dump(), "topic_prefix": f"{name}-", "partitions": 1, "database_url": url})
        for field in ("topic_prefix", "partitions", "database_url"):
            patch.setenv(f"HEDGEHOG_{field.upper()}", str(getattr(config, field)))
        create_old_topics(config)
        write_old_records(config, register_old_schemas(config))
        create_old_tables(url)
        commit_positions(config)
        yield config
        remove_all(config)
        delete_topics(config)


def create_old_topics(config: Config) -> None:
    made = [
        NewTopic(topic.full_name(config), num_partitions=1, replication_factor=1, config=topic.config)
        for topic in TOPICS.values()
        if topic.name in OLD_TOPICS
    ]
    client = admin(config)  # it has to live until the answers are there
    for future in client.create_topics(made).values():
        future.result(TIMEOUT_S)


def register_old_schemas(config: Config) -> dict[str, int]:
    """The ids of the schemas by the topic's name."""
    registry = registry_client(config)
    ids = {}
    for topic in TOPICS.values():
        if topic.record is not None and topic.name in OLD_TOPICS:
            ids[topic.name] = registry.register(f"{topic.full_name(config)}-value", OLD_SCHEMAS[topic.name])
    return ids


def write_old_records(config: Config, ids: dict[str, int]) -> None:
    producer = Producer({"bootstrap.servers": config.bootstrap})
    for topic in (topics.SETTINGS, topics.TRADES, topics.ORDERS, topics.FILLS, topics.APPLIED):
        for key, value in records(topic.name, ids[topic.name]):
            producer.produce(topic.full_name(config), value, key, partition=0)
    for table, changelog in (("leaders", topics.LEADERS), ("books", topics.BOOKS)):
        for key, value in states(table):
            producer.produce(changelog.full_name(config), value, key, partition=0)
    assert producer.flush(TIMEOUT_S) == 0


def create_old_tables(url: str) -> None:
    """The tables of revision 0002, and the settings in them as their sink wrote them."""
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0002")
        put_settings(connection, "OLDUSDT", base="OLD", status="TRADING", tick="0.01", streaming=True, trading="on")
        put_settings(connection, "IDLEUSDT", base="IDLE", status="HALT", tick="0.00001", streaming=False, trading="off")
    engine.dispose()


def put_settings(connection: Connection, symbol: str, **values: Any) -> None:
    connection.execute(
        text(
            """INSERT INTO settings VALUES ('test', :symbol, :base, 'USDT', :status, :tick, 0, 0, 0.1, 0, 1, 5,
            :streaming, :trading, 3, 300, 0.01, 0.02, 0.05, 0, TIMESTAMPTZ '2023-11-14 22:13:20Z')"""
        ),
        {"symbol": symbol, **values},
    )


def commit_positions(config: Config) -> None:
    """The worker had handled all that is there; the sinks are as far behind as they can be."""
    handled = Consumer({"bootstrap.servers": config.bootstrap, "group.id": f"{config.topic_prefix}hedgehog"})
    sources = (topics.TRADES, topics.FILLS, topics.ORDERS, topics.SETTINGS)
    places = [TopicPartition(topic.full_name(config), 0) for topic in sources]
    for place in places:
        place.offset = handled.get_watermark_offsets(place, TIMEOUT_S)[1]
    handled.commit(offsets=places, asynchronous=False)
    handled.close()


def count(config: Config, topic: Topic) -> int:
    consumer = Consumer({"bootstrap.servers": config.bootstrap, "group.id": "count"})
    low, high = consumer.get_watermark_offsets(TopicPartition(topic.full_name(config), 0), TIMEOUT_S)
    consumer.close()
    return int(high - low)


@pytest.fixture(scope="module")
def engine(old: Config) -> Iterator[Engine]:
    engine = create_engine(old.database)
    yield engine
    engine.dispose()


def test_nothing_starts_before_the_upgrade(old: Config) -> None:
    """What a worker, a producer and the commands ask first."""
    with pytest.raises(TopicsMissing, match=r"topics missing on .*instruments"):
        check_topics(old)


def test_an_upgrade_that_is_broken_off_is_taken_up_again(old: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    create_topics(old)
    register_all(old)
    whole = upgrade.write

    def broken(config: Config, name: str, records: list[ToWrite]) -> None:
        whole(config, name, [record for record in records if record.key == TRADED])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(upgrade, "write", broken)
        with pytest.raises(KeyboardInterrupt):
            upgrade.upgrade_topics(old)
    write_setups(old, [SEEDED])
    said: list[str] = []
    provision(old, said.append)
    assert "records   ready" in said
    provision(old, said.append)
    assert count(old, INSTRUMENTS) == 2, "each once: what is there already may be newer"


def test_what_was_one_record_is_two(old: Config) -> None:
    traded = samples.instrument(TRADED, base_asset="OLD", min_notional="5", updated_time=OLD_UPDATE)
    assert read_setups(old) == {
        TRADED: Setup(traded, samples.settings(TRADED, streaming=True, updated_time=OLD_UPDATE)),
        IDLE: Setup(SEEDED, Settings(exchange="test", symbol="IDLEUSDT", updated_time=OLD_UPDATE + 1)),
    }


def test_the_tables_hold_the_same(old: Config, engine: Engine) -> None:
    def compared() -> bool:
        found = compare_with_topics(old)
        return all(each.equal for each in found) and {each.table for each in found} >= {"instruments", "settings"}

    until("the tables agree", compared)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT symbol, tick_size::text FROM instruments ORDER BY symbol")).all()
        assert list(rows) == [("IDLEUSDT", "0.50000000"), ("OLDUSDT", "0.01000000")]
        assert connection.execute(text("SELECT DISTINCT instruments_offset FROM orders")).scalar_one() == -1


def test_the_leaders_go_on_where_they_were(old: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Fleet(old, tmp_path_factory.mktemp("upgraded")) as fleet:
        pipeline = Pipeline(old, fleet, trade_ids=OLD_TRADES)
        (idle, traded) = sorted(pipeline.hedgehog("trading", "status", "--all"), key=lambda row: row["instrument"])
        assert (idle["leader"], idle["traders"]) == ("off", 0)
        assert (traded["leader"], traded["traders"], traded["open_orders"]) == ("on", 2, 2)
        pipeline.start_worker()
        pipeline.wait_until_ready()
        # The SELL of the first trader is filled; the one that takes its place buys; the BUY of the second is filled.
        pipeline.trade(TRADED, "101")
        pipeline.until_statuses(TRADED, b1="FILLED", s1="FILLED", b2="NEW")
        pipeline.trade(TRADED, "101")
        pipeline.until_statuses(TRADED, b1="FILLED", s1="FILLED", b2="NEW", b3="NEW")
        pipeline.trade(TRADED, "92")
        pipeline.until("the second has bought", lambda: pipeline.statuses(TRADED).get("2:S") == "NEW")
        (row,) = pipeline.hedgehog("trading", "status", TRADED)
        assert row["leader"] == "on"
        ids = {short: order.client_order_id for short, order in pipeline.orders(TRADED).items()}
        old = {f"{number}:{side}" for number, side in ((1, "B"), (1, "S"), (2, "B"))}
        assert {short for short, name in ids.items() if name == f"{TRADED}:{short}"} == old, "completed as they began"
        incarnation = pipeline.leader(TRADED)["incarnation"]
        assert ids["3:B"] == client_order_id(incarnation, TRADED, 3, "B")
        assert ids["2:S"] == client_order_id(incarnation, TRADED, 2, "S")
        pipeline.close()


def test_the_audit_covers_what_was_before_and_after(old: Config) -> None:
    result = audit(old)
    assert result.differences == []
    assert (result.instruments, result.settings, result.seeds) == (2, 3, 2)
    # What the book had taken before it kept a journal nobody knows; what it has reported since is proven.
    (unproven,) = result.unproven
    assert (unproven.instrument, unproven.before, unproven.fills) == (TRADED, 5, 1)
    assert result.reports > 1
    first = explain(recorded_of_trader(old, TRADED, 0, 1), f"{TRADED}:1:B")
    price, quantity, _ = first.snapshots[0].step.arithmetic
    assert (price.formula, quantity.result) == ("floor(100 × (1 − 0.01), tick 0.01)", "1")
