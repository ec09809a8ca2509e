"""Makes dead letters: bounded, so that a record of any size passes the broker as one."""

from schemas.records import DeadLetter

KEY_BYTES = 64 << 10
VALUE_BYTES = 2 << 20
REASON_CHARACTERS = 2_000
"""What a dead letter holds at most of a key and of a value, and says of them."""
NOWHERE = -1
"""The partition and the offset of what was never a record."""


def dead_letter(
    *,
    source: str,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    reason: str,
    time: int,
    partition: int = NOWHERE,
    offset: int = NOWHERE,
) -> DeadLetter:
    """The dead letter of what `source` could not handle, which is, or was meant to be, a record of `topic`.

    `time` in µs since the epoch. Of a key or a value that is too large the first bytes are kept; the reason says so.
    """
    reason = reason[:REASON_CHARACTERS]
    for held, most, whose in ((value, VALUE_BYTES, ""), (key, KEY_BYTES, " of its key")):
        if held is not None and len(held) > most:
            reason += f" (the first {most} of {len(held)} bytes{whose})"
    return DeadLetter(
        source=source,
        topic=topic,
        partition=partition,
        offset=offset,
        key=None if key is None else key[:KEY_BYTES],
        value=None if value is None else value[:VALUE_BYTES],
        error=reason,
        time=time,
    )


def letter_key(letter: DeadLetter) -> str:
    """The key of a dead letter: the place of the record, or the source of what never was one."""
    return letter.source if letter.offset == NOWHERE else f"{letter.topic}:{letter.partition}:{letter.offset}"
