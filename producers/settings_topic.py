"""The settings of all instruments: the compacted topic read whole, written at once, followed."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.config import Config
from producers.publisher import Publisher
from schemas.codec import Codec, CodecError
from schemas.records import DeadLetter, Settings
from schemas.registry import make_codec
from schemas.topics import DEAD_LETTERS, SETTINGS

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
WRITE_TIMEOUT_S = 30.0
POLL_S = 0.2
BATCH = 2_000
SOURCE = "settings"


class SettingsUnavailable(ConnectionError):
    """The settings cannot be read: no broker or no topic. The message says which and where."""


class SettingsTopicMissing(SettingsUnavailable):
    """The topic of the settings does not exist yet."""


def read_all(config: Config) -> dict[str, Settings]:
    """The settings of every instrument as the topic now has them, by `exchange:SYMBOL`.

    A record that is no settings is logged and passed over. Raises `SettingsUnavailable` when the broker does
    not answer, the topic is missing, or its end is not reached within `READ_TIMEOUT_S`; `RegistryUnavailable` without
    a schema registry.
    """
    consumer, waiting = _open(config, fetch_wait_ms=10)
    try:
        codec = make_codec(config, Settings)
        present, _ = _read_present(config, consumer, waiting, codec)
    finally:
        consumer.close()
    return present


def write(config: Config, changed: Iterable[Settings]) -> None:
    """Write all of `changed`, each under its instrument's key; returns when the broker has every one.

    Nothing is sent when one of them is invalid: a `ValueError` names the field and the value. Raises
    `SettingsUnavailable` when the broker does not answer, `RegistryUnavailable` when the schema registry does not, and
    `producers.publisher.DeliveryError` when the broker did not acknowledge them all.
    """
    codec = make_codec(config, Settings)
    encoded = [(settings.instrument, codec.encode(settings)) for settings in changed]
    publisher = Publisher(config, delivery_timeout_s=WRITE_TIMEOUT_S)
    try:
        publisher.connect(CONNECT_TIMEOUT_S)
    except KafkaException as error:
        raise _no_broker(config, error) from None
    for instrument, value in encoded:
        publisher.publish(SETTINGS, instrument, value)
    publisher.flush()


async def follow(config: Config, on_change: Callable[[Settings], None], stop: asyncio.Event) -> None:
    """Call `on_change` once for every instrument there is, then for every change, until `stop` is set.

    A record that is no settings is logged and sent to the dead letters; an outage is waited for.
    Raises `SettingsUnavailable` or `RegistryUnavailable` when broker or registry cannot be reached at the start.
    """
    consumer, waiting = await asyncio.to_thread(_open, config, 100)
    dead_letters = _DeadLetters(config)
    try:
        codec = await asyncio.to_thread(make_codec, config, Settings)
        present, bad = await asyncio.to_thread(_read_present, config, consumer, waiting, codec)
        dead_letters.add(bad)
        for settings in present.values():
            on_change(settings)
        while not stop.is_set():
            messages = await asyncio.to_thread(_next_messages, consumer)
            for _, outcome in _decoded(messages, codec):
                if isinstance(outcome, Settings):
                    on_change(outcome)
                elif outcome is not None:
                    dead_letters.add([outcome])
    finally:
        await asyncio.to_thread(consumer.close)
        await asyncio.to_thread(dead_letters.close)


def _open(config: Config, fetch_wait_ms: int) -> tuple[Consumer, set[int]]:
    """A consumer at the beginning of all partitions of the topic, and the numbers of these."""
    consumer = Consumer(
        {
            "bootstrap.servers": config.bootstrap,
            "client.id": "hedgehog-settings",
            "group.id": f"{config.topic_prefix}hedgehog-settings",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": fetch_wait_ms,
            "logger": log,
        }
    )
    name = SETTINGS.full_name(config)
    try:
        topic = consumer.list_topics(name, timeout=CONNECT_TIMEOUT_S).topics[name]
    except KafkaException as error:
        consumer.close()
        raise SettingsUnavailable(f"no Kafka broker answers at {config.bootstrap}: {error.args[0].str()}") from None
    if topic.error is not None:
        consumer.close()
        missing = topic.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
        kind = SettingsTopicMissing if missing else SettingsUnavailable
        raise kind(f"topic {name} on {config.bootstrap}: {topic.error.str()}")
    consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in topic.partitions])
    return consumer, set(topic.partitions)


def _no_broker(config: Config, error: KafkaException) -> SettingsUnavailable:
    return SettingsUnavailable(f"no Kafka broker answers at {config.bootstrap}: {error.args[0].str()}")


def _next_messages(consumer: Consumer) -> list[Message]:
    """What has arrived, or arrives within `POLL_S`: `consume` alone would wait that long for a full batch."""
    first = consumer.poll(POLL_S)
    return [] if first is None else [first, *consumer.consume(BATCH, 0)]


def _read_present(
    config: Config, consumer: Consumer, waiting: set[int], codec: Codec[Settings]
) -> tuple[dict[str, Settings], list[DeadLetter]]:
    """The newest settings of every instrument up to the end of all partitions, and what was no settings."""
    present: dict[str, Settings] = {}
    bad: list[DeadLetter] = []
    waiting = set(waiting)
    deadline = time.monotonic() + READ_TIMEOUT_S
    while waiting:
        if time.monotonic() > deadline:
            raise SettingsUnavailable(
                f"topic {SETTINGS.full_name(config)} on {config.bootstrap}: the end of "
                f"{len(waiting)} partitions was not reached within {READ_TIMEOUT_S:g} s"
            )
        for partition, outcome in _decoded(_next_messages(consumer), codec):
            if outcome is None:
                waiting.discard(partition)
            elif isinstance(outcome, Settings):
                present[outcome.instrument] = outcome
            else:
                bad.append(outcome)
    return present, bad


def _decoded(messages: list[Message], codec: Codec[Settings]) -> Iterator[tuple[int, Settings | DeadLetter | None]]:
    """Each message as its partition and the settings in it; `None` where the partition ends."""
    for message in messages:
        partition = message.partition()
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF and partition is not None:
                yield partition, None
            elif error.fatal():
                raise SettingsUnavailable(f"topic {SETTINGS.name}: {error.str()}")
            else:
                log.warning("topic %s: %s", SETTINGS.name, error.str())
            continue
        assert partition is not None
        try:
            yield partition, _settings(message, codec)
        except CodecError as wrong:
            letter = _dead_letter(message, wrong)
            log.warning("topic %s, partition %d, offset %d: %s", letter.topic, partition, letter.offset, wrong)
            yield partition, letter


def _settings(message: Message, codec: Codec[Settings]) -> Settings:
    value, key = message.value(), message.key()
    settings = codec.decode(value if isinstance(value, bytes) else None)
    if key != settings.instrument.encode():
        raise CodecError(f"the key {key!r} is not the instrument {settings.instrument}")
    return settings


def _dead_letter(message: Message, error: CodecError) -> DeadLetter:
    key, value = message.key(), message.value()
    return DeadLetter(
        source=SOURCE,
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=key if isinstance(key, bytes) else None,
        value=value if isinstance(value, bytes) else None,
        error=str(error),
        time=time.time_ns() // 1_000,
    )


class _DeadLetters:
    """Sends dead letters; connects with the first one, for there is seldom any."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._publisher: Publisher | None = None
        self._codec: Codec[DeadLetter] | None = None

    def add(self, letters: list[DeadLetter]) -> None:
        """Queue them; `DeliveryError` when an earlier one was not acknowledged."""
        for letter in letters:
            if self._publisher is None or self._codec is None:
                self._publisher = Publisher(self._config)
                self._codec = make_codec(self._config, DeadLetter)
            key = f"{letter.topic}:{letter.partition}:{letter.offset}"
            self._publisher.publish(DEAD_LETTERS, key, self._codec.encode(letter))

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.flush()
