"""One instrument has one partition, in every topic and whoever wrote the record, or its state would be split."""

from collections.abc import Iterator

import pytest
from aiokafka.partitioner import murmur2

from infra.config import Config
from schemas import topics
from tests.e2e.workers import Pipeline, partition_of, running_pipeline
from tests.samples import settings

INSTRUMENTS = [f"test:PART{number:02}USDT" for number in range(36)]

KEYED = (
    *(topics.SETTINGS, topics.TRADES),  # written by librdkafka
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


def test_the_same_key_has_the_same_partition_in_every_topic(pipeline: Pipeline) -> None:
    pipeline.set_all(*(settings(instrument) for instrument in INSTRUMENTS))
    pipeline.until("all leaders are on", lambda: all(pipeline.leader(instrument) for instrument in INSTRUMENTS))
    for instrument in INSTRUMENTS:
        pipeline.trade(instrument, "100")
    pipeline.until(
        "all orders rest", lambda: all(pipeline.resting(instrument) == {"1:B"} for instrument in INSTRUMENTS)
    )
    for instrument in INSTRUMENTS:
        pipeline.trade(instrument, "98")
    pipeline.until(
        "all orders are filled",
        lambda: all(pipeline.statuses(instrument).get("1:B") == "FILLED" for instrument in INSTRUMENTS),
    )
    for topic in KEYED:
        places = {((message.key() or b"").decode(), message.partition()) for message in pipeline.messages[topic.name]}
        expected = {(instrument, partition_of(instrument, pipeline.config.partitions)) for instrument in INSTRUMENTS}
        assert places == expected, topic.name
    assert len({partition for _, partition in expected}) > pipeline.config.partitions // 2
