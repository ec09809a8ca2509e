"""A side table keeps what a dictionary keeps, in rows that are used again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.trading.side_table import SideTable, clear, drop, get, new_side_table, put

TRADERS = st.integers(1, 4)
STEPS = st.one_of(st.tuples(st.just("put"), TRADERS, st.integers(0, 9)), st.tuples(st.just("drop"), TRADERS))


@given(st.lists(STEPS, max_size=40))
def test_as_a_dictionary(steps: list[tuple[str, int] | tuple[str, int, int]]) -> None:
    table, kept = new_side_table(4), dict[int, int]()
    for what, trader, *number in steps:
        if what == "put":
            put(table, trader, *number)
            kept[trader] = number[0]
        else:
            drop(table, trader)
            kept.pop(trader, None)
        assert [get(table, trader) for trader in range(1, 5)] == [kept.get(trader, 0) for trader in range(1, 5)]
        assert sorted(trader for trader in table.trader if trader) == sorted(kept)


@pytest.mark.parametrize("size", [1, 3])
def test_cleared_it_has_room_again(size: int) -> None:
    table: SideTable = new_side_table(size)
    for trader in range(1, size + 1):
        put(table, trader, trader)
    clear(table)
    for trader in range(11, size + 11):
        assert get(table, trader) == 0
        put(table, trader, trader)
    assert [get(table, trader) for trader in range(11, size + 11)] == list(range(11, size + 11))
