"""Dead letters: whatever the record was, the letter about it fits the broker and says what it leaves out."""

import pytest

from schemas.codec import Codec, schema_text
from schemas.dead_letters import KEY_BYTES, REASON_CHARACTERS, VALUE_BYTES, dead_letter, is_cut
from schemas.records import DeadLetter
from schemas.topics import LETTERS

CODEC = Codec(DeadLetter, 1, lambda _: schema_text(DeadLetter))

WIDE_KEY = f" (the first {KEY_BYTES} of {KEY_BYTES + 1} bytes of the key)"
WIDE_VALUE = f" (the first {VALUE_BYTES} of {VALUE_BYTES + 1} bytes)"
WIDE_REASON = f" (the first {REASON_CHARACTERS} of {REASON_CHARACTERS + 1} characters)"


@pytest.mark.parametrize(
    ("key", "value", "reason", "notes"),
    [
        (b"k", b"v", "why", ""),
        (None, None, "why", ""),
        (b"", b"", "", ""),
        (b"k" * KEY_BYTES, b"v" * VALUE_BYTES, "w" * REASON_CHARACTERS, ""),
        (b"k" * (KEY_BYTES + 1), b"v", "why", WIDE_KEY),
        (b"k", b"v" * (VALUE_BYTES + 1), "why", WIDE_VALUE),
        (b"k", b"v", "w" * (REASON_CHARACTERS + 1), WIDE_REASON),
        (
            b"k" * (KEY_BYTES + 1),
            b"v" * (VALUE_BYTES + 1),
            "w" * (REASON_CHARACTERS + 1),
            WIDE_REASON + WIDE_KEY + WIDE_VALUE,
        ),
    ],
)
def test_what_is_too_wide_is_cut_and_the_letter_says_so(
    key: bytes | None, value: bytes | None, reason: str, notes: str
) -> None:
    letter = dead_letter("trading", "fills", 3, 17, key, value, reason, 1_700_000_000_000_000)
    assert letter.key == (None if key is None else key[:KEY_BYTES])
    assert letter.value == (None if value is None else value[:VALUE_BYTES])
    assert letter.error == reason[:REASON_CHARACTERS] + notes
    assert is_cut(letter) == (WIDE_KEY in notes or WIDE_VALUE in notes)
    assert (letter.source, letter.topic, letter.partition, letter.offset) == ("trading", "fills", 3, 17)
    assert letter.time == 1_700_000_000_000_000


def test_the_widest_letter_passes_the_broker() -> None:
    widest = dead_letter("trading", "fills", 3, 17, b"k" * 9_000_000, b"v" * 9_000_000, "\U0001f994" * 9_000, 0)
    assert len(CODEC.encode(widest)) + KEY_BYTES < int(LETTERS["max.message.bytes"])


@pytest.mark.parametrize("odd", ["\udcff", "\x00"])
def test_a_reason_that_cannot_be_stored_is_said_all_the_same(odd: str) -> None:
    letter = dead_letter(f"{odd}{'x' * 300}", "fills", 3, 17, None, None, f"key: {odd}", 0)
    read = CODEC.decode(CODEC.encode(letter))
    assert (read.error, read.source) == ("key: ?", "?" + "x" * 199)
