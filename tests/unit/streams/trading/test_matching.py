"""Which order a market price fills first, and which prices fill none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.trading.matching import BUYING, SELLING, UNBOUNDED, best_match, unfilling_range

NONE = 0
BOOK = [(SELLING, 105), (BUYING, 97), (NONE, 200), (BUYING, 99), (BUYING, 99), (SELLING, 103), (SELLING, 103)]


@pytest.mark.parametrize(
    ("price", "found"),
    [
        (98, 3),  # the best BUY, the earlier of two
        (96, 3),
        (99, -1),  # strictly below a BUY's limit
        (103, -1),  # strictly above a SELL's
        (104, 5),  # the best SELL, the earlier of two
        (106, 5),
        (500, 5),
    ],
)
def test_table(price: int, found: int) -> None:
    side, limit = map(list, zip(*BOOK, strict=True))
    assert best_match(side, limit, len(BOOK), price) == found


def test_buys_come_before_sells() -> None:
    assert best_match([SELLING, BUYING], [90, 110], 2, 100) == 1


def test_only_the_first_orders_count() -> None:
    side, limit = [BUYING, BUYING, SELLING], [97, 99, 98]
    assert best_match(side, limit, 1, 96) == 0
    assert unfilling_range(side, limit, 1) == (97, UNBOUNDED)
    assert unfilling_range(side, limit, 0) == (0, UNBOUNDED)


@given(st.lists(st.tuples(st.sampled_from([NONE, BUYING, SELLING]), st.integers(1, 9)), max_size=6), st.integers(1, 9))
def test_a_price_out_of_the_range_fills_an_order_and_no_other_does(orders: list[tuple[int, int]], price: int) -> None:
    side, limit = [side for side, _ in orders], [limit for _, limit in orders]
    low, high = unfilling_range(side, limit, len(orders))
    assert (best_match(side, limit, len(orders), price) < 0) == (low <= price <= high)
