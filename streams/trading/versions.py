"""Which versions have been taken, where they may come late or twice.

What was refused in the middle of an outbox is sent again after what followed it was taken. So the highest version
alone does not tell what has been seen before: the missing ones below it are kept, too.
"""

WINDOW = 8_192
"""So far below the highest a version may still come for the first time: more than one outbox has."""


def take(highest: int, missing: bytes, version: int) -> tuple[int, bytes] | None:
    """Take a version; return what is the highest and what is missing then, `None` where it was taken before.

    In `missing`, a number with the highest byte first, bit i is set where `highest - i` was not taken. What lies below
    the window counts as taken.
    """
    bits, ahead = int.from_bytes(missing, "big"), version - highest
    if ahead > 0:
        skipped = (1 << min(ahead, WINDOW)) - 2
        bits = (bits << min(ahead, WINDOW) | skipped) & ((1 << WINDOW) - 1)
    elif bits >> -ahead & 1:
        bits ^= 1 << -ahead
    else:
        return None
    return max(highest, version), bits.to_bytes((bits.bit_length() + 7) // 8, "big")


def rewind(highest: int, missing: bytes, version: int) -> tuple[int, bytes]:
    """Return what is the highest and what is missing where nothing from `version` on counts any more."""
    back = max(0, highest - version + 1)
    bits = int.from_bytes(missing, "big") >> back
    return highest - back, bits.to_bytes((bits.bit_length() + 7) // 8, "big")
