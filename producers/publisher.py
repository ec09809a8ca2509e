"""The one way into Kafka: an idempotent producer that drops nothing silently."""

import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra import clients
from infra.config import Config
from producers.outage import Outage
from schemas.topics import Topic

log = logging.getLogger(__name__)

RECORD_BYTES_MAX = 4 << 20
"""As the topic of dead letters takes it; librdkafka's own limit is a million bytes."""
POLL_EVERY = 256
"""Delivery reports are fetched once per so many records."""
FLUSH_AFTER_ERROR_S = 10.0
"""What is still queued when something has failed already gets so long."""

Delivered = Callable[[Message], None]


class DeliveryError(RuntimeError):
    """Says which records the broker did not acknowledge, how many and why."""


class Publisher:
    """Publishes records with `acks=all`, idempotently and in order per key.

    The queue is bounded by `max_queued` records: when it is full, `publish` waits for the broker. A record
    that is not acknowledged within `delivery_timeout_s` is lost (`None`: it is waited for without end); the next
    `publish`, `poll` or `flush` raises `DeliveryError` for it, and so does every later one. At the end of its block
    what is queued has as long, or `end_within_s`.
    """

    def __init__(
        self,
        config: Config,
        *,
        max_queued: int = 400_000,
        delivery_timeout_s: float | None = 120,
        linger_ms: float = 5,
        end_within_s: float | None = None,
    ) -> None:
        self._config = config
        self._names: dict[str, str] = {}
        self._failure: str | None = None
        # Later than the delivery reports of the last record, so that these name it.
        self._end_within_s = end_within_s or (delivery_timeout_s or 0) + 5
        self._outage = Outage()
        self._several = "," in config.bootstrap
        self._missing = Outage()
        self.published = 0
        self.delivered = 0
        self.failed = 0
        self._producer = Producer(
            {
                **clients.librdkafka(config),
                "client.id": "hedgehog-publisher",
                "enable.idempotence": True,
                "acks": "all",
                # librdkafka's default partitioner puts a key elsewhere than Java's and aiokafka's.
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": linger_ms,
                "message.max.bytes": RECORD_BYTES_MAX,
                "message.timeout.ms": int((delivery_timeout_s or 0) * 1000),
                "queue.buffering.max.messages": max_queued,
                "queue.buffering.max.kbytes": 1 << 20,
                "error_cb": self._on_error,
                # It says each attempt to connect, many a second; `_on_error` says once what matters.
                "log_level": 0,
            }
        )

    def connect(self, timeout_s: float = 10) -> None:
        """Wait for the broker, which saves the first record half a second. Raises `KafkaException` if none answers.

        librdkafka asks for its producer id when metadata arrive, else half a second after its start. The first
        metadata may come before it has a broker to ask, the second do not.
        """
        for _ in range(2):
            self._producer.list_topics(timeout=timeout_s)

    def publish(self, topic: Topic, key: str, value: bytes, on_delivered: Delivered | None = None) -> None:
        """Queue one record, after waiting while the queue is full. Raises `DeliveryError`.

        `on_delivered` gets the acknowledged message. It is called from a later `publish`, `poll` or `flush`, and only
        for a record that the broker has.
        """
        self._raise_failure()
        report: Any = self._on_delivery
        if on_delivered is not None:
            report = self._reporting_to(on_delivered)
        name = self._names.get(topic.name)
        if name is None:
            name = self._names[topic.name] = topic.full_name(self._config)
        while True:
            try:
                self._producer.produce(name, value, key, on_delivery=report)
                break
            except BufferError:
                self._producer.poll(0.1)
                self._raise_failure()
            except KafkaException as error:
                raise DeliveryError(f"topic {name}, key {key}: {error.args[0].str()}") from error
        self.published += 1
        if self.published % POLL_EVERY == 0:
            self._producer.poll(0)

    def poll(self) -> None:
        """Take in the delivery reports that have arrived; to be called regularly while nothing is published.

        Raises `DeliveryError` for a record that was lost.
        """
        self._producer.poll(0)
        self._raise_failure()

    @property
    def queued(self) -> int:
        """The number of records whose delivery report has not been taken in yet."""
        return self.published - self.delivered - self.failed

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until the broker has acknowledged everything. Raises `DeliveryError` when it has not in time."""
        timeout_s = self._end_within_s if timeout_s is None else timeout_s
        self._producer.flush(timeout_s)
        self._raise_failure()
        if self.queued:
            raise DeliveryError(
                f"{self.queued} of {self.published} records not acknowledged by the broker at "
                f"{self._config.bootstrap} within {timeout_s:g} s"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush(None if error is None else min(FLUSH_AFTER_ERROR_S, self._end_within_s))
        except DeliveryError as lost:
            if error is None:
                raise
            # The error that ended the block is the cause; what it cost is added to it.
            error.add_note(str(lost))
            error.add_note(f"in all {self.published - self.delivered} of {self.published} records are not acknowledged")

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.delivered += 1
            away_s = self._outage.answered(time.monotonic())
            if away_s is not None:
                log.warning("the broker at %s is back after %.0f s", self._config.bootstrap, away_s)
            return
        self.failed += 1
        if self._failure is None:
            key = message.key()
            shown = key.decode(errors="replace") if isinstance(key, bytes) else key
            self._failure = f"topic {message.topic()}, key {shown}: {error.str()}"

    def _reporting_to(self, on_delivered: Delivered) -> Callable[[KafkaError | None, Message], None]:
        def report(error: KafkaError | None, message: Message) -> None:
            self._on_delivery(error, message)
            if error is None:
                on_delivered(message)

        return report

    def _on_error(self, error: KafkaError) -> None:
        """librdkafka retries by itself what is not fatal."""
        if error.fatal():
            self._failure = self._failure or f"fatal: {error.str()}"
        elif self._several and error.code() != KafkaError._ALL_BROKERS_DOWN:
            # the others may go on with its partitions: what a delivery says of it is nothing
            if self._missing.failed(time.monotonic()):
                log.warning("%s; %d records wait", error.str(), self.queued)
        elif self._outage.failed(time.monotonic()):
            what = f"the broker at {self._config.bootstrap} does not answer"
            log.error("%s: %s; %d records wait for it", what, error.str(), self.queued)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise DeliveryError(
                f"{self._failure} ({self.failed} of {self.published} records lost, {self.queued} queued)"
            )
