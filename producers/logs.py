"""Logging of the producers' programs: to stderr, libraries only where something is wrong."""

import logging
import sys

from infra.repeated_lines import tell_less


def log_to_stderr() -> None:
    """Log one line a record, with time and level."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s", stream=sys.stderr)
    for library in ("httpx", "httpx2", "aiohttp.access", "websockets"):
        logging.getLogger(library).setLevel(logging.WARNING)
    tell_less()
