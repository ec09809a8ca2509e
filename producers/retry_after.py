"""How long a refusal asks to wait: the header `Retry-After`, a number of seconds or a date (RFC 9110, 10.2.3)."""

from datetime import UTC
from email.utils import parsedate_to_datetime


def retry_after_s(text: str, now_s: float) -> float:
    """Return the seconds to wait, 0 where the header asks for nothing that can be read.

    `now_s` is the time since the epoch.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now_s)
