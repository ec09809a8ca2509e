"""What was written before instruments had records of their own: settings that also say what the exchange says.

Such settings are still read as settings, by the schema under which they were written. What the exchange says is taken
out of them here, and written to the topic of instruments once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from infra.config import Config
from infra.errors import StackError
from schemas.codec import Codec, CodecError
from schemas.records import Instrument, Settings
from schemas.registry import make_codec
from schemas.topics import INSTRUMENTS, SETTINGS, Topic

TIMEOUT_S = 30.0


class UpgradeError(StackError):
    """The instruments cannot be taken out of the settings; the message says why."""


def instrument_in(settings: Mapping[str, Any]) -> Instrument | None:
    """The instrument that these fields of settings hold, in units of 1e-8; `None` for settings as they are today."""
    return msgspec.convert(settings, Instrument) if "tick_size" in settings else None


def upgrade_topics(config: Config) -> int:
    """Write every instrument that is only in the settings to its own topic; how many.

    One that is there already is left as it is: it may be newer. So this may be broken off and done again. Raises
    `UpgradeError` when the broker does not deliver or does not take them.
    """
    held = _held_instruments(config)
    if not held:
        return 0
    codec = make_codec(config, Instrument)
    known = {record.instrument for _, record in _records(config, INSTRUMENTS, codec)}
    missing = [(partition, instrument) for key, (partition, instrument) in held.items() if key not in known]
    _write(config, [(partition, instrument.instrument, codec.encode(instrument)) for partition, instrument in missing])
    return len(missing)


def _held_instruments(config: Config) -> dict[str, tuple[int, Instrument]]:
    """The newest instrument that the settings of each key hold, and the partition that it is in."""
    codec = make_codec(config, Settings)
    held = {}
    for message, settings in _records(config, SETTINGS, codec):
        instrument = instrument_in(codec.decode_as_written(_value(message)))
        if instrument is not None:
            held[settings.instrument] = (message.partition() or 0, instrument)
    return held


def _records(config: Config, topic: Topic, codec: Codec[Any]) -> Iterator[tuple[Message, Any]]:
    """The records of a topic up to its present end, without what is none."""
    for message in _messages(config, topic.full_name(config)):
        try:
            yield message, codec.decode(_value(message))
        except CodecError:
            continue  # whoever reads it live makes a dead letter of it


def _value(message: Message) -> bytes:
    value = message.value()
    return value if isinstance(value, bytes) else b""


def _messages(config: Config, name: str) -> Iterator[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": config.bootstrap,
            "group.id": f"{config.topic_prefix}hedgehog-upgrade",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        waiting = set(range(config.partitions))
        consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in waiting])
        while waiting:
            found = consumer.consume(2_000, TIMEOUT_S)
            if not found:
                raise UpgradeError(f"topic {name}: no record and no end within {TIMEOUT_S:g} s")
            for message in found:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(message.partition() or 0)
                elif error.fatal():
                    raise UpgradeError(f"topic {name}: {error.str()}")
    finally:
        consumer.close()


def _write(config: Config, messages: list[tuple[int, str, bytes]]) -> None:
    """Write instruments, each into the partition of its settings: a key has the same one in every topic."""
    failed: list[str] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error.str())

    name = INSTRUMENTS.full_name(config)
    producer = Producer({"bootstrap.servers": config.bootstrap, "acks": "all", "log_level": 0})
    try:
        for partition, key, value in messages:
            producer.produce(name, value, key, partition, on_delivery=delivered)
    except (KafkaException, BufferError) as error:
        raise UpgradeError(f"topic {name}: {error}") from error
    left = producer.flush(TIMEOUT_S)
    if left or failed:
        raise UpgradeError(f"topic {name}: {left + len(failed)} instruments were not taken: {', '.join(failed[:1])}")
