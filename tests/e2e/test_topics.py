"""Reading topics of a real broker: by offsets, by times, to the end; and how far a group is behind."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from infra.config import Config
from schemas.broker import TopicError, TopicsMissing, admin, configure_topics, create_topics, delete_topics
from schemas.coordinators import members
from schemas.groups import sink_group, worker_group
from schemas.reader import Partition, Reader
from schemas.records import Trade
from schemas.registry import make_codec, register_all
from schemas.spans import partition_of, partitions, records, spans
from schemas.topics import BOOKS, DEAD_LETTERS, FILLS, LEADERS, ORDERS, TRADES, sink_dead_letters
from streams.cli.pipeline.running import standing_still
from streams.topics.consume import OFFSET, trade_columns
from streams.topics.lag import behind, lags, worker_groups
from streams.topics.read import count, existing, messages, one, spans_between
from tests.samples import INSTRUMENT, trade

WRITTEN_MS = 1_700_000_000_000
"""When the first record of each partition was written; one more every second."""
EACH = 20
WITHIN_S = 30.0


@pytest.fixture(scope="module")
def world(stack: Config) -> Iterator[Config]:
    """Two partitions; in each of those of orders `EACH` numbered records."""
    config = stack.model_copy(update={"topic_prefix": f"topics-{time.time_ns()}-", "partitions": 2})
    create_topics(config)
    register_all(config)
    for number in range(2):
        write(config, (ORDERS.full_name(config), number), range(EACH))
    yield config
    delete_topics(config)


def write(config: Config, partition: Partition, values: range) -> None:
    producer = Producer({"bootstrap.servers": config.bootstrap})
    name, number = partition
    for value in values:
        producer.produce(name, str(value), partition=number, timestamp=WRITTEN_MS + 1_000 * value)
    assert producer.flush(WITHIN_S) == 0


def orders(config: Config, number: int = 0) -> Partition:
    return ORDERS.full_name(config), number


def values(found: Iterator[Message], number: int = 0) -> list[int]:
    return [int(message.value() or b"") for message in found if message.partition() == number]


def test_the_records_of_some_offsets_of_each_partition(world: Config) -> None:
    wanted = {orders(world, 0): (3, 7), orders(world, 1): (10, EACH), (FILLS.full_name(world), 0): (0, 0)}
    found = list(records(world, wanted))
    assert values(iter(found), 0) == [3, 4, 5, 6]
    assert values(iter(found), 1) == list(range(10, EACH))


def test_all_there_is_and_the_last_ones(world: Config) -> None:
    assert count(world, [ORDERS, FILLS]) == 2 * EACH
    assert values(messages(world, [ORDERS]), 1) == list(range(EACH))
    assert values(messages(world, [ORDERS], last=3), 0) == [17, 18, 19]
    assert values(messages(world, [ORDERS], last=1_000), 0) == list(range(EACH))
    assert list(messages(world, [FILLS])) == []


def test_what_is_written_after_the_offsets_were_taken_is_not_read(world: Config) -> None:
    partition = (DEAD_LETTERS.full_name(world), 0)
    write(world, partition, range(3))
    taken = spans(admin(world), [partition])
    write(world, partition, range(3, 2_500))
    assert values(records(world, taken)) == [0, 1, 2]


def test_an_end_that_is_of_no_record_is_reached(world: Config) -> None:
    """A transaction ends with a marker: it has an offset and is no record."""
    partition = (FILLS.full_name(world), 1)
    producer = Producer({"bootstrap.servers": world.bootstrap, "transactional.id": world.topic_prefix})
    producer.init_transactions(WITHIN_S)
    producer.begin_transaction()
    producer.produce(partition[0], "0", partition=1)
    producer.commit_transaction(WITHIN_S)
    until = time.monotonic() + WITHIN_S
    while spans(admin(world), [partition]) != {partition: (0, 2)}:  # the marker is written after the commit is answered
        assert time.monotonic() < until
    assert values(records(world, {partition: (0, 2)}), 1) == [0]
    assert one(world, partition, 1) is None


@pytest.mark.parametrize(
    ("since", "until", "span"),
    [
        (None, None, (0, EACH)),
        (0, None, (0, EACH)),
        (5_000_000, None, (5, EACH)),
        (5_000_001, 8_000_000, (6, 8)),
        (None, 8_000_001, (0, 9)),
        (1_000_000_000, None, (EACH, EACH)),
        (None, 1_000_000_000, (0, EACH)),
    ],
)
def test_the_offsets_of_a_time(world: Config, since: int | None, until: int | None, span: tuple[int, int]) -> None:
    """Microseconds after the first record; the broker knows milliseconds."""
    began = WRITTEN_MS * 1_000
    between = (None if since is None else began + since, None if until is None else began + until)
    empty = (FILLS.full_name(world), 0)
    found = spans_between(world, [orders(world, 0), orders(world, 1), empty], between)
    assert found == {orders(world, 0): span, orders(world, 1): span, empty: (0, 0)}


@pytest.mark.parametrize(("offset", "value"), [(0, 0), (17, 17), (EACH - 1, EACH - 1), (EACH, None), (-1, None)])
def test_one_record(world: Config, offset: int, value: int | None) -> None:
    found = one(world, orders(world), offset)
    assert (None if found is None else int(found.value() or b"")) == value


def test_records_that_are_gone_are_not_skipped(world: Config) -> None:
    partition = (DEAD_LETTERS.full_name(world), 1)
    write(world, partition, range(10))
    client = admin(world)  # which has to live until the answer is there
    client.delete_records([TopicPartition(*partition, 4)])[TopicPartition(*partition, 4)].result(WITHIN_S)
    assert spans(client, [partition]) == {partition: (4, 10)}
    assert values(records(world, {partition: (4, 10)}), 1) == list(range(4, 10))
    with pytest.raises(KafkaException, match="out of range"):
        list(records(world, {partition: (0, 10)}))


def test_topics_that_are_missing(world: Config) -> None:
    nowhere = world.model_copy(update={"topic_prefix": "nowhere-"})
    assert partitions(admin(world), ["nowhere-orders", *(name for name, _ in [orders(world)])]) == [
        orders(world, 0),
        orders(world, 1),
    ]
    assert list(messages(nowhere, [ORDERS])) == []
    assert one(nowhere, ("nowhere-orders", 0), 0) is None
    with pytest.raises(TopicsMissing, match=r"topics missing on .*: nowhere-orders") as raised:
        existing(nowhere, ORDERS)
    assert raised.value.names == ["nowhere-orders"]


def test_a_reader_goes_on_after_the_end(world: Config) -> None:
    partition = (TRADES.full_name(world), 1 - partition_of(INSTRUMENT, 2))
    with Reader(world, {partition: 0}) as reader:
        until = time.monotonic() + WITHIN_S
        while partition not in reader.at_end:
            assert reader.next(0.2) == []
            assert time.monotonic() < until
        write(world, partition, range(2))
        found: list[Message] = []
        while len(found) < 2:
            found += reader.next(0.2)
            assert time.monotonic() < until
    assert values(iter(found), partition[1]) == [0, 1]


def test_trades_in_columns_with_their_offsets(world: Config) -> None:
    name, number = TRADES.full_name(world), partition_of(INSTRUMENT, 2)
    codec = make_codec(world, Trade)
    producer = Producer({"bootstrap.servers": world.bootstrap})
    for value in (codec.encode(trade("1", 1)), b"no trade", codec.encode(trade("2", 2)), codec.encode(trade("3", 3))):
        producer.produce(name, value, INSTRUMENT, number)
    assert producer.flush(WITHIN_S) == 0
    told: list[tuple[int, int | None]] = []
    wanted = {(name, number): (0, 3)}
    found = trade_columns(
        world, wanted, [INSTRUMENT, "binance:OTHER"], (OFFSET, "trade_id"), lambda *done: told.append(done)
    )
    columns = {key: column.tolist() for key, column in found[INSTRUMENT].columns().items()}
    assert (columns, found[INSTRUMENT].unreadable) == ({OFFSET: [0, 2], "trade_id": [1, 2]}, 1)
    assert found["binance:OTHER"].columns()[OFFSET].tolist() == []
    assert told[-1] == (3, 3)


def test_how_far_a_group_is_behind(world: Config) -> None:
    group, client = worker_group(world, "trading"), admin(world)
    assert behind(world, client, {group: (ORDERS,)}) == {group: 2 * EACH}
    assert (worker_groups(client, world).get(group, False), members(world, [group])) == (False, 0)
    consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": group, "enable.auto.commit": False})
    try:
        consumer.subscribe([ORDERS.full_name(world)])
        until = time.monotonic() + WITHIN_S
        while not consumer.assignment():
            consumer.poll(0.2)
            assert time.monotonic() < until
        assert (worker_groups(client, world), members(world, [group])) == ({group: True}, 1)
        consumer.commit(offsets=[TopicPartition(*orders(world, 0), 15)], asynchronous=False)
        # the partition without a committed offset has all its records to come
        assert behind(world, client, {group: (ORDERS,)}) == {group: 5 + EACH}
        assert behind(world, client, {group: (ORDERS, TRADES)})[group] >= 5 + EACH
        (lag,) = [lag for lag in lags(world) if lag.group == group]
        assert (lag.state, lag.topic, lag.records) == ("stable", ORDERS.full_name(world), 5 + EACH)
    finally:
        consumer.close()
    assert members(world, [group]) == 0


def test_topics_of_other_settings_get_those_of_today(world: Config) -> None:
    config = world.model_copy(update={"topic_prefix": f"configured-{time.time_ns()}-"})
    before = replace(LEADERS, config={**LEADERS.config, "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "60000"})
    assert create_topics(config, [before, BOOKS]) == [before.full_name(config), BOOKS.full_name(config)]
    wanted = [LEADERS, BOOKS]
    assert configure_topics(config, wanted) == [LEADERS.full_name(config)]
    assert configure_topics(config, wanted) == []
    with pytest.raises(TopicError, match=r"topic .*leaders.*: "):
        configure_topics(config, [replace(LEADERS, config={"min.compaction.lag.ms": "never"})])
    delete_topics(config)


def test_a_sink_that_has_buried_all_that_is_left_does_not_stand_still(world: Config) -> None:
    group, (name, number) = sink_group(world, ORDERS), orders(world)
    consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": group, "enable.auto.commit": False})
    end = consumer.get_watermark_offsets(TopicPartition(name, number), WITHIN_S)[1]
    others = [TopicPartition(name, other, 1 << 40) for other in range(world.partitions) if other != number]
    producer = Producer({"bootstrap.servers": world.bootstrap})

    def bury(offset: int) -> None:
        place = {"topic": name, "partition": str(number), "offset": str(offset), "exception.message": "poison"}
        headers = [(f"__connect.errors.{field}", value.encode()) for field, value in place.items()]
        producer.produce(sink_dead_letters(ORDERS).full_name(world), b"poison", headers=headers)
        assert producer.flush(WITHIN_S) == 0

    try:
        consumer.commit(offsets=[TopicPartition(name, number, end - 2), *others], asynchronous=False)
        bury(end - 1)
        bury(end - 1)
        (said,) = standing_still(world, 1.0)
        assert said.startswith(f"{group} stands still: 2 records behind")
        bury(end - 2)
        assert standing_still(world, 1.0) == []
    finally:
        consumer.close()


def test_who_reads_on_does_not_stand_still_though_as_much_is_to_come(world: Config) -> None:
    group = worker_group(world)
    consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": group, "enable.auto.commit": False})
    name, number = orders(world)
    done = threading.Event()

    def read_as_fast_as_it_grows() -> None:
        at = 5
        while not done.wait(0.2):
            at += 1
            write(world, (name, number), range(1))
            consumer.commit(offsets=[TopicPartition(name, number, at)], asynchronous=False)

    try:
        consumer.commit(offsets=[TopicPartition(name, number, 5)], asynchronous=False)
        (said,) = standing_still(world, 2.0)
        assert said.startswith(f"{group} stands still: ")
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read_as_fast_as_it_grows)
            assert standing_still(world, 4.0) == []
            done.set()
            reading.result(WITHIN_S)
    finally:
        done.set()
        consumer.close()
