"""Dead letters as rows: ours, and the records that a sink of Kafka Connect could not write."""

from typing import Any

from confluent_kafka import Message

from infra.config import Config
from schemas.codec import Codec, CodecError
from schemas.dead_letters import CONNECT, is_cut
from schemas.offsets import Committed
from schemas.records import DeadLetter
from schemas.registry import make_codec
from schemas.times import iso
from schemas.topics import DEAD_LETTER_TOPICS, DEAD_LETTERS, TOPICS, Topic, sink_dead_letters
from streams.cli.errors import BadValue
from streams.topics.read import messages, one

BURIED_MAX = 1_000
"""So many letters of each partition are looked at."""


def newest(config: Config, limit: int) -> list[dict[str, Any]]:
    """Return the `limit` newest dead letters, the newest last."""
    codec = make_codec(config, DeadLetter)
    letters = [_row(config, message, codec) for message in messages(config, DEAD_LETTER_TOPICS, last=limit)]
    return sorted(letters, key=lambda row: (row["time"], row["id"]))[-limit:]


def find(config: Config, letter_id: str) -> dict[str, Any]:
    """Return a dead letter by its id (`topic:partition:offset`), with its bytes; `BadValue` when there is none."""
    row = _row(config, message_of(config, letter_id), make_codec(config, DeadLetter))
    value = bytes.fromhex(row["value"]) if row["value"] is not None else None
    return {**row, "bytes": len(value or b""), "today": _decoded(config, row["topic"], value)}


def message_of(config: Config, letter_id: str) -> Message:
    """Return a dead letter by its id (`topic:partition:offset`), as it is; `BadValue` when there is none."""
    name, _, place = letter_id.partition(":")
    partition, _, offset = place.partition(":")
    known = {topic.name: topic for topic in DEAD_LETTER_TOPICS}
    if name not in known or not partition.isdigit() or not offset.isdigit():
        raise BadValue(f"ID: {letter_id!r} is no id of a dead letter such as {DEAD_LETTERS.name}:0:17")
    message = one(config, (known[name].full_name(config), int(partition)), int(offset))
    if message is None:
        raise BadValue(f"ID: there is no dead letter {letter_id!r}", hint="hedgehog dlq list")
    return message


def buried(config: Config, message: Message) -> tuple[str, bytes | None, bytes | None]:
    """Return the full name of its topic, the key and the value of the record that a dead letter is about.

    Raises `BadValue` for a letter that cannot be read, or holds but a part of its record.
    """
    if message.topic() != DEAD_LETTERS.full_name(config):
        headers = dict(message.headers() or [])
        return _header_text(headers.get(f"{CONNECT}topic")), _bytes(message.key()), _bytes(message.value())
    try:
        letter = make_codec(config, DeadLetter).decode(_bytes(message.value()))
    except CodecError as error:
        raise BadValue(f"ID: the dead letter itself cannot be read: {error}") from None
    if is_cut(letter):
        raise BadValue(f"ID: the letter holds but a part of its record: {letter.error}")
    return letter.topic, letter.key, letter.value


def buried_from(config: Config, topic: Topic, committed: Committed) -> int:
    """Return how many records of a topic its sink has buried at or after the offsets that it has committed."""
    places = set()
    for message in messages(config, [sink_dead_letters(topic)], last=BURIED_MAX):
        row = _of_sink(message)
        places.add(((row["topic"], row["partition"]), row["offset"]))
    return sum(offset >= committed.get(partition, 0) for partition, offset in places)


def _row(config: Config, message: Message, codec: Codec[DeadLetter]) -> dict[str, Any]:
    name = (message.topic() or "").removeprefix(config.topic_prefix)
    row = {"id": f"{name}:{message.partition()}:{message.offset()}"}
    if name == DEAD_LETTERS.name:
        return {**row, **_ours(message, codec)}
    return {**row, **_of_sink(message)}


def _ours(message: Message, codec: Codec[DeadLetter]) -> dict[str, Any]:
    try:
        letter = codec.decode(_bytes(message.value()))
    except CodecError as error:
        return _fields(message, "unknown", f"the dead letter itself cannot be read: {error}", "", -1, -1)
    return {
        "time": iso(letter.time),
        "source": letter.source,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "error": letter.error,
        "key": _text(letter.key),
        "value": None if letter.value is None else letter.value.hex(),
    }


def _of_sink(message: Message) -> dict[str, Any]:
    headers = {name: _header_text(value) for name, value in dict(message.headers() or []).items()}

    def header(name: str, default: str = "") -> str:
        return headers.get(CONNECT + name, default)

    error = header("exception.message") or header("exception.class.name") or "unknown"
    return _fields(
        message,
        header("connector.name", "unknown"),
        error,
        header("topic"),
        int(header("partition", "-1")),
        int(header("offset", "-1")),
    )


def _fields(message: Message, source: str, error: str, topic: str, partition: int, offset: int) -> dict[str, Any]:
    value = _bytes(message.value())
    return {
        "time": iso(message.timestamp()[1] * 1_000),
        "source": source,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "error": error,
        "key": _text(_bytes(message.key())),
        "value": None if value is None else value.hex(),
    }


def _decoded(config: Config, topic_name: str, value: bytes | None) -> str:
    """What the codec of today makes of the record: whether it would be taken now."""
    topic = TOPICS.get(topic_name.removeprefix(config.topic_prefix))
    if topic is None or topic.record is None:
        return "no codec for its topic"
    try:
        return f"can be read: {make_codec(config, topic.record).decode(value)}"
    except CodecError as error:
        return f"cannot be read: {error}"


def _bytes(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) else None


def _header_text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")


def _text(key: bytes | None) -> str | None:
    return None if key is None else key.decode(errors="backslashreplace")
