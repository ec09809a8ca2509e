"""The publisher without a broker: what is not acknowledged is an error, and a full queue waits."""

import socket
import time

import pytest

from infra.config import Config
from producers.publisher import DeliveryError, Publisher
from schemas.topics import TRADES


@pytest.fixture
def no_broker() -> Config:
    """A configuration that points at a port on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return Config(kafka_bootstrap=f"127.0.0.1:{taken.getsockname()[1]}")


def test_unacknowledged_records_are_an_error_of_flush(no_broker: Config) -> None:
    publisher = Publisher(no_broker)
    publisher.publish(TRADES, "binance:XRPUSDT", b"1")
    with pytest.raises(DeliveryError, match=r"1 of 1 records not acknowledged by the broker at 127\.0\.0\.1"):
        publisher.flush(0.2)


def test_a_lost_record_is_raised_by_every_later_call(no_broker: Config) -> None:
    publisher = Publisher(no_broker, delivery_timeout_s=0.3)
    publisher.publish(TRADES, "binance:XRPUSDT", b"1")
    with pytest.raises(DeliveryError, match=r"topic trades, key binance:XRPUSDT: .*timed out"):
        publisher.flush(10)
    with pytest.raises(DeliveryError, match="1 of 1 records lost"):
        publisher.publish(TRADES, "binance:XRPUSDT", b"2")
    assert (publisher.published, publisher.delivered, publisher.failed) == (1, 0, 1)


def test_a_full_queue_waits_and_then_names_what_was_lost(no_broker: Config) -> None:
    publisher = Publisher(no_broker, max_queued=2, delivery_timeout_s=0.5)
    publisher.publish(TRADES, "binance:XRPUSDT", b"1")
    publisher.publish(TRADES, "binance:XRPUSDT", b"2")
    with pytest.raises(DeliveryError, match="timed out"):
        publisher.publish(TRADES, "binance:XRPUSDT", b"3")
    assert publisher.published == publisher.failed == 2


def test_the_error_inside_the_block_is_kept_and_told_what_it_cost(no_broker: Config) -> None:
    def failing_block() -> None:
        with Publisher(no_broker, delivery_timeout_s=0.2) as publisher:
            publisher.publish(TRADES, "binance:XRPUSDT", b"1")
            raise KeyError("broken")

    with pytest.raises(KeyError, match="broken") as caught:
        failing_block()
    assert "binance:XRPUSDT" in caught.value.__notes__[0]


def test_what_is_waited_for_without_end_is_counted_at_the_end(
    no_broker: Config, caplog: pytest.LogCaptureFixture
) -> None:
    def publish_three() -> None:
        with Publisher(no_broker, delivery_timeout_s=None, end_within_s=2.5) as publisher:
            for value in (b"1", b"2", b"3"):
                publisher.publish(TRADES, "binance:XRPUSDT", value)

    with pytest.raises(DeliveryError, match=r"3 of 3 records not acknowledged .* within 2\.5 s"):
        publish_three()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, told
    assert "does not answer" in told[0]
    assert "3 records wait for it" in told[0]


def test_the_last_words_have_the_true_count(no_broker: Config) -> None:
    def lose() -> None:
        with Publisher(no_broker, delivery_timeout_s=0.3, end_within_s=1) as publisher:
            for value in (b"1", b"2", b"3"):
                publisher.publish(TRADES, "binance:XRPUSDT", value)
            while True:
                time.sleep(0.05)
                publisher.poll()

    with pytest.raises(DeliveryError) as lost:
        lose()
    assert lost.value.__notes__[-1] == "in all 3 of 3 records are not acknowledged"


def test_several_brokers_that_are_all_away_are_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as one, socket.socket() as other:
        for taken in (one, other):
            taken.bind(("127.0.0.1", 0))
        places = [f"127.0.0.1:{taken.getsockname()[1]}" for taken in (one, other)]
        publisher = Publisher(Config(kafka_bootstrap=",".join(places)))
        publisher.publish(TRADES, "binance:XRPUSDT", b"1")
        deadline = time.monotonic() + 20
        while "does not answer" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
            publisher.poll()
    told = [record for record in caplog.records if "does not answer" in record.getMessage()]
    assert [record.levelname for record in told] == ["ERROR"]
    assert places[1] in told[0].getMessage()
