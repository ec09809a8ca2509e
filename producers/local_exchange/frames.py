"""What the protocols of the local exchange share: frames as a server sends them, decimals. No socket, no clock."""

from schemas.units import ONE


def text_frame(payload: bytes) -> bytes:
    """Return a whole unmasked text frame, as a server sends it (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81" + bytes([size]) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def ping_frame(payload: bytes) -> bytes:
    """Return an unmasked ping; `payload` has 125 bytes at most."""
    return b"\x89" + bytes([len(payload)]) + payload


def decimal(units: int) -> str:
    """Return eight decimals, as exchanges write prices and quantities."""
    return f"{units // ONE}.{units % ONE:08d}"
