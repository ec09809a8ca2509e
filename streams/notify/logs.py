"""Logging without secrets: whatever a library puts into a line or a traceback."""

import logging
from collections.abc import Sequence

from producers.logs import log_to_stderr

SELDOM_S = 60.0


class Redacted(logging.Formatter):
    """Formats as another formatter does, with every secret replaced."""

    def __init__(self, inner: logging.Formatter, secrets: Sequence[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback if there is one."""
        text = self._inner.format(record)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


class Seldom(logging.Filter):
    """Lets one line a minute of the Kafka client pass: of a broker that is away it has many a second."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if not record.name.startswith("aiokafka"):
            return True
        if record.created < self._next:
            return False
        self._next = record.created + SELDOM_S
        return True


def log_without(secrets: Sequence[str]) -> None:
    """Log to stderr; requests' URLs, which hold the token, are not logged at all."""
    log_to_stderr()
    for name in ("httpx", "httpcore", "telegram", "apprise", "aiokafka"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # it logs the body of each answer that is no JSON, as an error with a traceback; the outcome says it in a line
    logging.getLogger("telegram.request").setLevel(logging.CRITICAL)
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())
        handler.setFormatter(Redacted(handler.formatter or logging.Formatter(), secrets))
