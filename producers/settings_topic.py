"""What instruments run by: the compacted topics of instruments and settings read whole, written at once, followed."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.config import Config
from producers.publisher import Publisher
from schemas.codec import Codec, CodecError
from schemas.records import DeadLetter, Instrument, Settings, Setup
from schemas.registry import make_codec
from schemas.topics import DEAD_LETTERS, INSTRUMENTS, SETTINGS, Topic

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
WRITE_TIMEOUT_S = 30.0
POLL_S = 0.2
BATCH = 2_000
SOURCE = "settings"

Place = tuple[str, int]
"""The full name of a topic, and a partition."""
Codecs = dict[str, Codec[Any]]
"""By the full name of the topic."""
TOPIC_OF: dict[type, Topic] = {Instrument: INSTRUMENTS, Settings: SETTINGS}


class SettingsUnavailable(ConnectionError):
    """The settings cannot be read: no broker or no topic. The message says which and where."""


def read_all(config: Config) -> dict[str, Settings]:
    """The settings of every instrument that has been set, as the topic now has them, by `exchange:SYMBOL`.

    A record that is no settings is logged and passed over. Raises `SettingsUnavailable` when the broker does
    not answer, the topic is missing, or its end is not reached within `READ_TIMEOUT_S`; `RegistryUnavailable` without
    a schema registry.
    """
    return _read(config, SETTINGS)[SETTINGS.name]


def read_instruments(config: Config) -> dict[str, Instrument]:
    """What the exchange says of every instrument, by `exchange:SYMBOL`; raises what `read_all` raises."""
    return _read(config, INSTRUMENTS)[INSTRUMENTS.name]


def read_setups(config: Config) -> dict[str, Setup]:
    """Every instrument with its settings, the default ones where nobody has set any; raises what `read_all` raises."""
    found = _read(config, INSTRUMENTS, SETTINGS)
    settings = found[SETTINGS.name]
    return {
        key: Setup(instrument, settings.get(key) or Settings(exchange=instrument.exchange, symbol=instrument.symbol))
        for key, instrument in found[INSTRUMENTS.name].items()
    }


def write(config: Config, changed: Iterable[Instrument | Settings]) -> None:
    """Write all of `changed`, each under its instrument's key; returns when the broker has every one.

    Nothing is sent when one of them is invalid: a `ValueError` names the field and the value. Raises
    `SettingsUnavailable` when the broker does not answer, `RegistryUnavailable` when the schema registry does not, and
    `producers.publisher.DeliveryError` when the broker did not acknowledge them all.
    """
    records = list(changed)
    codecs: dict[type, Codec[Any]] = {kind: make_codec(config, kind) for kind in {type(record) for record in records}}
    encoded = [(TOPIC_OF[type(record)], record.instrument, codecs[type(record)].encode(record)) for record in records]
    publisher = Publisher(config, delivery_timeout_s=WRITE_TIMEOUT_S)
    try:
        publisher.connect(CONNECT_TIMEOUT_S)
    except KafkaException as error:
        raise _no_broker(config, error) from None
    for topic, instrument, value in encoded:
        publisher.publish(topic, instrument, value)
    publisher.flush()


async def follow(config: Config, on_change: Callable[[Settings], None], stop: asyncio.Event) -> None:
    """Call `on_change` once for every instrument there is, then for every change, until `stop` is set.

    A record that is no settings is logged and sent to the dead letters; an outage is waited for.
    Raises `SettingsUnavailable` or `RegistryUnavailable` when broker or registry cannot be reached at the start.
    """
    consumer, waiting = await asyncio.to_thread(_open, config, [SETTINGS], 100)
    dead_letters = _DeadLetters(config)
    try:
        codec = await asyncio.to_thread(make_codec, config, Settings)
        codecs = {SETTINGS.full_name(config): codec}
        present, bad = await asyncio.to_thread(_read_present, config, consumer, waiting, codecs)
        dead_letters.add(bad)
        for settings in present[SETTINGS.full_name(config)].values():
            on_change(settings)
        while not stop.is_set():
            messages = await asyncio.to_thread(_next_messages, consumer)
            for _, outcome in _decoded(messages, codecs):
                if isinstance(outcome, Settings):
                    on_change(outcome)
                elif isinstance(outcome, DeadLetter):
                    dead_letters.add([outcome])
    finally:
        await asyncio.to_thread(consumer.close)
        await asyncio.to_thread(dead_letters.close)


def _read(config: Config, *topics: Topic) -> dict[str, dict[str, Any]]:
    """The newest record of every instrument in each of these topics, by the topic's name."""
    consumer, waiting = _open(config, topics, fetch_wait_ms=10)
    try:
        codecs = {topic.full_name(config): make_codec(config, topic.record) for topic in topics if topic.record}
        present, _ = _read_present(config, consumer, waiting, codecs)
    finally:
        consumer.close()
    return {topic.name: present[topic.full_name(config)] for topic in topics}


def _open(config: Config, topics: Iterable[Topic], fetch_wait_ms: int) -> tuple[Consumer, set[Place]]:
    """A consumer at the beginning of all partitions of the topics, and these partitions."""
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
    try:
        names = [topic.full_name(config) for topic in topics]
        places = {(name, number) for name in names for number in _partitions(config, consumer, name)}
    except SettingsUnavailable:
        consumer.close()
        raise
    consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])
    return consumer, places


def _partitions(config: Config, consumer: Consumer, name: str) -> list[int]:
    try:
        found = consumer.list_topics(name, timeout=CONNECT_TIMEOUT_S).topics[name]
    except KafkaException as error:
        raise _no_broker(config, error) from None
    if found.error is not None:
        raise SettingsUnavailable(f"topic {name} on {config.bootstrap}: {found.error.str()}")
    return list(found.partitions)


def _no_broker(config: Config, error: KafkaException) -> SettingsUnavailable:
    return SettingsUnavailable(f"no Kafka broker answers at {config.bootstrap}: {error.args[0].str()}")


def _next_messages(consumer: Consumer) -> list[Message]:
    """What has arrived, or arrives within `POLL_S`: `consume` alone would wait that long for a full batch."""
    first = consumer.poll(POLL_S)
    return [] if first is None else [first, *consumer.consume(BATCH, 0)]


def _read_present(
    config: Config, consumer: Consumer, waiting: set[Place], codecs: Codecs
) -> tuple[dict[str, dict[str, Any]], list[DeadLetter]]:
    """The newest record of every instrument up to the end of all partitions, by topic, and what was no such record."""
    present: dict[str, dict[str, Any]] = {name: {} for name in codecs}
    bad: list[DeadLetter] = []
    waiting = set(waiting)
    deadline = time.monotonic() + READ_TIMEOUT_S
    while waiting:
        if time.monotonic() > deadline:
            raise SettingsUnavailable(
                f"topic {' and '.join(sorted({name for name, _ in waiting}))} on {config.bootstrap}: the end of "
                f"{len(waiting)} partitions was not reached within {READ_TIMEOUT_S:g} s"
            )
        for place, outcome in _decoded(_next_messages(consumer), codecs):
            if outcome is None:
                waiting.discard(place)
            elif isinstance(outcome, DeadLetter):
                bad.append(outcome)
            else:
                present[place[0]][outcome.instrument] = outcome
    return present, bad


def _decoded(
    messages: list[Message], codecs: Codecs
) -> Iterator[tuple[Place, Instrument | Settings | DeadLetter | None]]:
    """Each message as its place and the record in it; `None` where the partition ends."""
    for message in messages:
        topic, partition = message.topic(), message.partition()
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF and topic is not None and partition is not None:
                yield (topic, partition), None
            elif error.fatal():
                raise SettingsUnavailable(f"topic {topic}: {error.str()}")
            else:
                log.warning("topic %s: %s", topic, error.str())
            continue
        assert topic is not None
        assert partition is not None
        try:
            yield (topic, partition), _record(message, codecs[topic])
        except CodecError as wrong:
            letter = _dead_letter(message, wrong)
            log.warning("topic %s, partition %d, offset %d: %s", letter.topic, partition, letter.offset, wrong)
            yield (topic, partition), letter


def _record(message: Message, codec: Codec[Any]) -> Instrument | Settings:
    value, key = message.value(), message.key()
    record: Instrument | Settings = codec.decode(value if isinstance(value, bytes) else None)
    if key != record.instrument.encode():
        raise CodecError(f"the key {key!r} is not the instrument {record.instrument}")
    return record


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
