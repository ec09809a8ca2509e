"""Spans of trade ids: what is left of them without others."""

from collections.abc import Iterable

Span = tuple[int, int]
"""The first and the last of some ids."""


def without(after: int, reached: int, ids: Iterable[int]) -> list[Span]:
    """Return the spans of what is not in `ids` above `after` and up to `reached`."""
    spans, previous = [], after
    for number in [*sorted(ids), reached + 1]:
        if number > previous + 1:
            spans.append((previous + 1, number - 1))
        previous = number
    return spans


def outside(span: Span, others: Iterable[Span]) -> list[Span]:
    """Return the parts of a span that are in none of the others."""
    first, last = span
    parts = []
    for low, high in sorted(others):
        if high >= first and low <= last:
            if low > first:
                parts.append((first, low - 1))
            first = high + 1
    return [*parts, (first, last)] if first <= last else parts
