"""Lets others see that a producer streams from an exchange: it is a member of a consumer group, and reads nothing.

The broker drops who is gone, however it went, some seconds later. Two producers do no harm, since a trade that comes
twice moves nothing, but nobody wants it: `hedgehog status` names them, and the second says so when it starts.
"""

import os
import socket
from collections.abc import Iterable, Sequence
from threading import Event, Thread

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.config import Config
from schemas.broker import TIMEOUT_S, admin, client_settings
from schemas.groups import producer_group
from schemas.topics import SETTINGS

SESSION_MS = 6_000
POLL_S = 0.5
LEFT_WITHIN_S = 1.0


class Presence:
    """Is there as long as its block: `with Presence(config, ["binance"]): …`. No fault of it ends a producer."""

    def __init__(self, config: Config, exchanges: Iterable[str]) -> None:
        self._config = config
        self._ended = Event()
        # a broker that is away is waited for; nobody waits for this then
        self._threads = [Thread(target=self._stay, args=(name,), daemon=True) for name in exchanges]

    def __enter__(self) -> "Presence":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(LEFT_WITHIN_S)

    def _stay(self, exchange: str) -> None:
        settings = {
            **client_settings(self._config),
            "client.id": f"pid {os.getpid()} at {socket.gethostname()}",
            "group.id": producer_group(self._config, exchange),
            "enable.auto.commit": False,
            "session.timeout.ms": SESSION_MS,
            "heartbeat.interval.ms": SESSION_MS // 3,
        }
        consumer = Consumer(settings)
        try:
            consumer.subscribe([SETTINGS.full_name(self._config)], on_assign=_read_nothing)
            while not self._ended.is_set():
                consumer.poll(POLL_S)
        except (KafkaException, RuntimeError):
            return
        finally:
            consumer.close()


def _read_nothing(consumer: Consumer, partitions: list[TopicPartition]) -> None:
    consumer.assign(partitions)
    consumer.pause(partitions)


def producers(config: Config, exchanges: Sequence[str], client: AdminClient | None = None) -> dict[str, list[str]]:
    """Return who streams from each of these exchanges, as `pid 12 at host`. Raises `KafkaException`."""
    client = client or admin(config)
    groups = {producer_group(config, name): name for name in exchanges}
    found: dict[str, list[str]] = {name: [] for name in exchanges}
    if groups:
        for group, future in client.describe_consumer_groups([*groups], request_timeout=TIMEOUT_S).items():
            try:
                found[groups[group]] = sorted(member.client_id for member in future.result(TIMEOUT_S).members)
            except KafkaException:  # nobody has ever joined it
                continue
    return found
