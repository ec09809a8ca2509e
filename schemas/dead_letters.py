"""The one way a record that could not be handled becomes a dead letter."""

from schemas.records import DeadLetter

CONNECT = "__connect.errors."
"""What the names of the headers begin with in which Kafka Connect says what a letter of a sink is about."""
VALUE_BYTES = 2 << 20
KEY_BYTES = 64 << 10
REASON_CHARACTERS = 2_000
SOURCE_CHARACTERS = 200
"""What a dead letter holds of a record and of the reason at most. The broker takes records that are far wider once
they are decompressed, and a letter has to pass it whatever it is about."""


def dead_letter(
    source: str,
    topic: str,
    partition: int,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    error: str,
    time: int,
) -> DeadLetter:
    """The dead letter of the record at an offset of a topic's partition; `time` in microseconds, UTC.

    What is too wide is cut, and `error` says of how much it is a part. Characters that cannot be stored are replaced.
    """
    key, key_cut = _cut(key, KEY_BYTES, "bytes of the key")
    value, value_cut = _cut(value, VALUE_BYTES, "bytes")
    reason, reason_cut = error[:REASON_CHARACTERS], _note(len(error), REASON_CHARACTERS, "characters")
    return DeadLetter(
        source=_storable(source)[:SOURCE_CHARACTERS],
        topic=topic,
        partition=partition,
        offset=offset,
        key=key,
        value=value,
        error=_storable(reason) + reason_cut + key_cut + value_cut,
        time=time,
    )


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\x00", "?")


def _cut(data: bytes | None, limit: int, unit: str) -> tuple[bytes | None, str]:
    return (None, "") if data is None else (data[:limit], _note(len(data), limit, unit))


def _note(length: int, limit: int, unit: str) -> str:
    return f" (the first {limit} of {length} {unit})" if length > limit else ""


def is_cut(letter: DeadLetter) -> bool:
    """Return whether a letter holds but a part of the key or the value of its record."""
    return any(
        data is not None and len(data) == limit and f" (the first {limit} of " in letter.error
        for data, limit in ((letter.key, KEY_BYTES), (letter.value, VALUE_BYTES))
    )
