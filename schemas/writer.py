"""Writes records to a topic and waits until the broker has them all."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.config import Config
from infra.errors import Unreachable
from schemas.broker import client_settings

TIMEOUT_S = 30.0
BYTES_MAX = 4 << 20
"""The largest record that any of our topics takes, see `schemas.topics.LETTERS`."""


Delivered = Callable[[KafkaError | None, Message], None]


class NotTaken(Unreachable):
    """The broker did not take a record, or did not say so in time; the message names the topic and the reason."""


class ToWrite(NamedTuple):
    """A record as bytes; without a partition it goes where its key belongs."""

    value: bytes | None
    key: bytes | str | None
    partition: int = -1
    headers: Sequence[tuple[str, str | bytes | None]] = ()
    time_ms: int = 0
    """Milliseconds since the epoch; 0 for now."""


def write(config: Config, name: str, records: Iterable[ToWrite]) -> list[Message]:
    """Write records to the topic of this full name, in their order; return them as the broker has them.

    Raises `NotTaken`; some of them may be there then.
    """
    taken: list[Message] = []
    refused: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is None:
            taken.append(message)
        else:
            refused.append(error)

    producer = Producer(
        {**client_settings(config), "acks": "all", "partitioner": "murmur2_random", "message.max.bytes": BYTES_MAX}
    )
    for record in records:
        _produce(producer, name, record, delivered)
    left = producer.flush(TIMEOUT_S)
    if left or refused:
        reason = refused[0].str() if refused else f"no answer within {TIMEOUT_S:g} s"
        raise NotTaken(f"topic {name}: {left + len(refused)} records were not taken: {reason}")
    return taken


def _produce(producer: Producer, name: str, record: ToWrite, delivered: Delivered) -> None:
    while True:
        try:
            producer.produce(
                name,
                record.value,
                record.key,
                record.partition,
                on_delivery=delivered,
                timestamp=record.time_ms,
                headers=list(record.headers),
            )
            return
        except BufferError:  # the queue is full: wait for answers
            producer.poll(1)
        except KafkaException as error:
            raise NotTaken(f"topic {name}: {error.args[0].str()}") from None
