"""Folding a topic, and comparing what comes of it with a table."""

import pytest

from streams.warehouse.agreement import Folded, Values, _fold, compare

NAMES = ("id", "version", "price")
VERSION_AT = 1
EPOCH_AT = 3


def folded(*rows: Values, epoch_at: int | None = None, version_at: int | None = VERSION_AT) -> Folded:
    result = Folded(messages=len(rows))
    for row in rows:
        _fold(result, row[:1], row, epoch_at, version_at)
    return result


@pytest.mark.parametrize(
    ("rows", "version_at", "kept", "conflicting"),
    [
        ([(1, 2, 6, 1), (1, 1, 5, 2)], VERSION_AT, (1, 1, 5, 2), 0),
        ([(1, 1, 5, 2), (1, 2, 6, 1)], VERSION_AT, (1, 1, 5, 2), 0),
        ([(1, 1, 5, 2), (1, 2, 6, 2)], VERSION_AT, (1, 2, 6, 2), 0),
        ([(1, 2, 5, 2), (1, 2, 6, 2)], VERSION_AT, (1, 2, 5, 2), 1),
        ([(1, 0, 5, 2), (1, 0, 6, 1)], None, (1, 0, 5, 2), 0),
        ([(1, 0, 5, 1), (1, 0, 6, 2)], None, (1, 0, 6, 2), 0),
        ([(1, 0, 5, 2), (1, 0, 6, 2)], None, (1, 0, 6, 2), 1),
        ([(1, 1, 5)], VERSION_AT, (1, 1, 5), 0),
        ([(1, 1, 5), (1, 2, 6)], VERSION_AT, (1, 2, 6), 0),
        ([(1, 2, 6), (1, 1, 5)], VERSION_AT, (1, 2, 6), 0),
        ([(1, 2, 6), (1, 2, 6)], VERSION_AT, (1, 2, 6), 0),
        ([(1, 2, 6), (1, 2, 7)], VERSION_AT, (1, 2, 6), 1),
        ([(1, 2, 6), (1, 1, 5)], None, (1, 1, 5), 1),
        ([(1, 2, 6), (1, 2, 6)], None, (1, 2, 6), 0),
    ],
)
def test_fold(rows: list[Values], version_at: int | None, kept: Values, conflicting: int) -> None:
    result = folded(*rows, epoch_at=EPOCH_AT if len(rows[0]) > EPOCH_AT else None, version_at=version_at)
    assert (result.rows, result.conflicting) == ({(1,): kept}, conflicting)


def test_equal() -> None:
    found = compare("t", folded((1, 1, 5), (2, 1, 6)), {(1,): (1, 1, 5), (2,): (2, 1, 6)}, NAMES)
    assert found.equal
    assert (found.messages, found.keys, found.rows, found.examples) == (2, 2, 2, ())


def test_every_kind_of_difference_is_counted_and_named() -> None:
    found = compare("t", folded((1, 1, 5), (2, 1, 6)), {(1,): (1, 1, 7), (3,): (3, 1, 6)}, NAMES)
    assert not found.equal
    assert (found.differing, found.missing, found.extra) == (1, 1, 1)
    assert found.examples == (
        "1 differs: price is 7 in the table, 5 in the topic",
        "2 is in the topic and not in the table",
        "3 is in the table and not in the topic",
    )


def test_only_the_first_few_are_named() -> None:
    found = compare("t", folded(*[(n, 1, 5) for n in range(1_000)]), {}, NAMES)
    assert (found.missing, len(found.examples)) == (1_000, 5)
