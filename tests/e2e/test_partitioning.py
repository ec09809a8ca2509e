"""One instrument has one partition, in every topic and whoever wrote the record, or its state would be split."""

import signal
from collections.abc import Iterator

import pytest
from aiokafka.partitioner import murmur2

from infra.config import Config
from schemas import topics
from streams.audit.audit import audit
from tests.e2e.workers import Pipeline, partition_of, running_pipeline
from tests.samples import setup

INSTRUMENTS = [f"test:PART{number:02}USDT" for number in range(36)]

KEYED = (
    *(topics.INSTRUMENTS, topics.SETTINGS, topics.TRADES),  # written by librdkafka
    *(topics.ORDERS, topics.FILLS, topics.APPLIED, topics.LEADERS, topics.BOOKS),  # written by the worker
)


@pytest.fixture(scope="module")
def pipeline(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(stack, tmp_path_factory.mktemp("partitions"), "partitions") as running:
        yield running


@pytest.mark.parametrize(
    ("key", "hashed"),
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536), ("abc", 479470107)],
)
def test_the_hash_is_that_of_the_java_client(key: str, hashed: int) -> None:
    """The numbers are those of Kafka's own tests, `UtilsTest.testMurmur2`."""
    assert murmur2(key.encode()) % 2**32 == hashed % 2**32


def until_all(pipeline: Pipeline, order: str, status: str) -> None:
    """Wait until this order of every instrument has this status, and rests in the book if it is new."""

    def reached() -> bool:
        return all(pipeline.statuses(instrument).get(order) == status for instrument in INSTRUMENTS) and (
            status != "NEW" or all(order in pipeline.resting(instrument) for instrument in INSTRUMENTS)
        )

    pipeline.until(f"order {order} of every instrument is {status}", reached)


@pytest.fixture(scope="module")
def bought(pipeline: Pipeline) -> Pipeline:
    """The first BUY of every instrument is filled, and its SELL is on its way."""
    pipeline.set_all(*(record for instrument in INSTRUMENTS for record in setup(instrument)))
    pipeline.until("all leaders are on", lambda: all(pipeline.knows(instrument) for instrument in INSTRUMENTS))
    for instrument in INSTRUMENTS:
        pipeline.trade(instrument, "100")
    until_all(pipeline, "1:B", "NEW")
    for instrument in INSTRUMENTS:
        pipeline.trade(instrument, "98")
    until_all(pipeline, "1:B", "FILLED")
    return pipeline


def test_the_same_key_has_the_same_partition_in_every_topic(bought: Pipeline) -> None:
    partitions = bought.config.partitions
    expected = {(instrument, partition_of(instrument, partitions)) for instrument in INSTRUMENTS}
    for topic in KEYED:
        places = {((message.key() or b"").decode(), message.partition()) for message in bought.messages[topic.name]}
        assert places == expected, topic.name
    assert len({partition for _, partition in expected}) > partitions // 2


@pytest.mark.long
def test_a_second_worker_takes_its_share_and_then_everything(bought: Pipeline) -> None:
    """The state of every instrument goes with its partition, to the worker that joins and to the one that is left."""
    pipeline = bought
    until_all(pipeline, "1:S", "NEW")
    pipeline.start_worker("second")
    pipeline.wait_until_ready(workers=2)
    for instrument in INSTRUMENTS:
        pipeline.trade(instrument, "102")
    until_all(pipeline, "1:S", "FILLED")

    pipeline.stop_worker(signal.SIGKILL)
    for instrument in INSTRUMENTS:
        pipeline.trade(instrument, "100")
    pipeline.wait_until_ready(workers=1)
    until_all(pipeline, "2:B", "NEW")
    result = audit(pipeline.config)
    assert (result.instruments, result.differences) == (len(INSTRUMENTS), [])
