"""Two producers of one exchange on the real broker: status and the second one say so, and one that was killed goes."""

import logging
import time
from collections.abc import Iterator

import pytest

from infra.config import Config
from producers.presence import Presence, producers
from producers.service import _tell_of_others
from producers.settings_topic import write
from schemas.broker import create_topics, delete_topics
from schemas.registry import register_all
from streams.cli.pipeline.running import missing, running, standing_still
from tests.e2e.sinks import until
from tests.samples import instrument, settings


@pytest.fixture(scope="module")
def config(stack: Config) -> Iterator[Config]:
    config = stack.model_copy(update={"topic_prefix": f"two-{time.time_ns()}-", "partitions": 2})
    create_topics(config)
    register_all(config)
    write(config, [instrument()])
    write(config, [settings(streaming=True)])
    yield config
    delete_topics(config)


def test_nobody_one_and_two(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    worker, producer = missing(running(config))
    assert worker.startswith("no worker: 1 instruments")
    assert producer.startswith("no producer: 1 instruments of binance")
    with Presence(config, ["binance"]):
        until("the first is seen", lambda: len(producers(config, ["binance"])["binance"]) == 1)
        assert len(missing(running(config))) == 1
        with caplog.at_level(logging.WARNING):
            _tell_of_others(config, ["binance", "coinbase"])
        assert [record.message.startswith("another producer (pid ") for record in caplog.records] == [True]
        with Presence(config, ["binance"]):
            until("the second is seen", lambda: len(producers(config, ["binance"])["binance"]) == 2)
            assert missing(running(config))[-1].startswith("2 producers stream from binance")
        until("the second has gone", lambda: len(producers(config, ["binance"])["binance"]) == 1)
    until("the first has gone", lambda: producers(config, ["binance"])["binance"] == [])


def test_a_group_that_reads_nothing_is_named(config: Config) -> None:
    from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415 -- here only

    from schemas.groups import worker_group  # noqa: PLC0415 -- as above
    from schemas.topics import SETTINGS  # noqa: PLC0415 -- as above

    assert standing_still(config, 1.0) == []
    consumer = Consumer({"bootstrap.servers": config.bootstrap, "group.id": worker_group(config)})
    places = [TopicPartition(SETTINGS.full_name(config), number, 0) for number in range(2)]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()
    (said,) = standing_still(config, 1.0)
    assert said.startswith(f"{worker_group(config)} stands still: ")
