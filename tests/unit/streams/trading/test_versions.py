"""Which versions are taken: in order, twice, late, and long after."""

import pytest

from streams.trading import book
from streams.trading.versions import WINDOW, rewind, take
from tests.samples import INSTRUMENT, order

CASES = {
    "in order": ([1, 2, 3], [1, 2, 3]),
    "twice": ([1, 1, 2, 1, 2], [1, 2]),
    "with gaps: the journal takes versions too": ([3, 7, 20], [3, 7, 20]),
    "what was refused comes late, once": ([1, 4, 2, 4, 3, 2, 3], [1, 4, 2, 3]),
    "all of an outbox again": ([5, 9, 3, 5, 7, 9, 11], [5, 9, 3, 7, 11]),
    "the last that may be late, and the first that may not": ([1, WINDOW + 2, 3, 2], [1, WINDOW + 2, 3]),
    "a leap over the whole window": (
        [1, 3, 5 * WINDOW, 2, 4 * WINDOW + 1, 4 * WINDOW],
        [1, 3, 5 * WINDOW, 4 * WINDOW + 1],
    ),
    "below nothing there is nothing": ([0, -1, 1], [1]),
}


@pytest.mark.parametrize(("coming", "taken"), CASES.values(), ids=CASES.keys())
def test_each_version_is_taken_once(coming: list[int], taken: list[int]) -> None:
    highest, missing, found = 0, b"", []
    for version in coming:
        after = take(highest, missing, version)
        if after is not None:
            highest, missing = after
            found.append(version)
    assert found == taken
    assert highest == max(taken)
    assert len(missing) <= WINDOW // 8


@pytest.mark.parametrize(
    ("before", "version", "again"),
    [
        ([1, 2, 3], 4, []),
        ([1, 2, 3], 3, [3]),
        ([1, 2, 3, 9], 4, [4, 5, 6, 7, 8, 9]),
        ([1, 3, 9], 5, [2, 4, 5, 6, 7, 8, 9]),
        ([3], 1, [1, 2, 3]),
        ([2], 9, [1]),
    ],
)
def test_what_was_taken_from_a_version_on_may_be_taken_again(before: list[int], version: int, again: list[int]) -> None:
    state = (0, b"")
    for each in before:
        state = take(*state, each) or state
    rewound = rewind(*state, version)
    assert [each for each in range(1, max(before) + 1) if take(*rewound, each)] == again


def test_an_order_that_was_refused_is_taken_when_it_is_sent_again_after_the_next_one() -> None:
    state = book.new_book(INSTRUMENT)
    first, second = order(f"{INSTRUMENT}:1:B", version=2), order(f"{INSTRUMENT}:2:B", version=3)
    for offset, snapshot in enumerate((second, first, second)):
        book.apply_order(state, offset, snapshot)
    assert [resting.client_order_id for resting in state.orders] == [second.client_order_id, first.client_order_id]
