"""Things to be told, for tests."""

from typing import Any

from schemas.watches import AlertKind
from streams.notify.chat import MINUTE
from streams.notify.notices import Notice, Place

NOW = 1_795_694_400_000_000
"""2026-11-26 12:00 UTC, in microseconds."""


def notice(offset: int = 0, **changes: Any) -> Notice:
    """An alert of a minute ago."""
    values: dict[str, Any] = {
        "notice_id": f"binance:XRPUSDT:off-average:up:{offset}",
        "instrument": "binance:XRPUSDT",
        "kind": AlertKind.OFF_AVERAGE,
        "time": NOW - MINUTE,
        "headline": f"alert {offset}",
        "detail": "",
        "place": Place("alerts", 0, offset),
        **changes,
    }
    return Notice(**values)
