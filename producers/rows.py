"""The rows of an answer about trades of the past, for every exchange alike: one that is none costs no other."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from producers.adapter import HistoryUnavailable
from producers.numbers import UNREADABLE
from schemas.records import Trade

log = logging.getLogger(__name__)

UNREADABLE_S = 60.0
"""So long is waited after an answer that is none: of a proxy in between, say."""

R = TypeVar("R")


def rows_of(raw: bytes, kind: type[R], what: str) -> tuple[list[R], str | None]:
    """Return the rows in an answer, and why the first that is left out is none, where one is.

    Raises `HistoryUnavailable`, with `what` was asked for, where the answer is no list, or nothing of it is a row.
    """
    try:
        return msgspec.json.decode(raw, type=list[kind]), None  # type: ignore[valid-type]
    except UNREADABLE:
        return _one_by_one(raw, kind, what)


def trades_in(rows: Iterable[R], make: Callable[[R], Trade], what: str) -> tuple[list[Trade], str | None]:
    """Return the trades that rows tell of, and why the first that is left out tells of none, where one is."""
    trades, unread = [], None
    for row in rows:
        try:
            trades.append(make(row))
        except ValueError as error:
            unread = unread or _left_out(what, str(row), error)
    return trades, unread


def _one_by_one(raw: bytes, kind: type[R], what: str) -> tuple[list[R], str | None]:
    rows: list[R] = []
    unread = None
    try:
        for row in msgspec.json.decode(raw, type=list[msgspec.Raw]):
            try:
                rows.append(msgspec.json.decode(row, type=kind))
            except UNREADABLE as error:
                unread = unread or _left_out(what, bytes(row).decode(errors="replace"), error)
    except UNREADABLE as error:
        unread = str(error)
    if not rows:
        raise HistoryUnavailable(f"{what}: {unread}: {raw[:200]!r}", UNREADABLE_S)
    return rows, unread


def _left_out(what: str, row: str, error: Exception) -> str:
    log.warning("%s: %s: %.200s", what, error, row)
    return f"a row cannot be read: {error}"
