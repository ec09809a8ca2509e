"""What a successor brings that was not given out already."""

import pytest

from producers.handover import RECENT, GivenIds
from tests.unit.producers.tiny import tiny_trade

# given out before, given out by the old connection during the overlap, held of the new one → new
HELD = [
    ([1, 2, 3], [4, 6], [4, 5, 6, 7], [5, 7]),
    ([5_000_000, 5_000_001], [], [1, 2, 3], [1, 2, 3]),
    ([1, 2, 3], [], [2, 3, 4], [4]),
    ([1, 2, 3], [1, 2], [1, 2, 3], []),
    ([], [], [9], [9]),
]


def given_of(before: list[int], during: list[int], symbol: str = "X") -> GivenIds:
    given = GivenIds()
    given.ids[symbol].extend(before)
    given.keep_all()
    given.ids[symbol].extend(during)
    return given


@pytest.mark.parametrize(("before", "during", "held", "new"), HELD)
def test_a_trade_is_new_unless_its_very_id_was_given_out(
    before: list[int], during: list[int], held: list[int], new: list[int]
) -> None:
    given = given_of(before, during)
    found = given.without_given([tiny_trade("X", number) for number in held])
    assert [trade.trade_id for trade in found] == new
    other = given.without_given([tiny_trade("Y", number) for number in held])
    assert [trade.trade_id for trade in other] == held, "another symbol's ids say nothing"


def test_the_last_ids_are_remembered_and_none_is_forgotten_during_an_overlap() -> None:
    given = given_of(list(range(1_000)), list(range(1_000, 3_000)))
    trades = [tiny_trade("X", number) for number in range(3_100)]
    found = [trade.trade_id for trade in given.without_given(trades)]
    assert found == [*range(1_000 - RECENT), *range(3_000, 3_100)]
    given.keep_recent()
    given.ids["X"].append(3_000)
    given.ids["Y"].extend(range(1_000))
    assert [len(given.ids[symbol]) for symbol in "XY"] == [RECENT, RECENT]


@pytest.mark.parametrize(
    ("before", "first", "reached"), [([5], 6, True), ([5], 3, True), ([5], 7, False), ([9, 5], 10, True), ([], 7, True)]
)
def test_whether_an_id_is_missing_between_the_two(before: list[int], first: int, reached: bool) -> None:
    given = given_of(before, [])
    assert given.reach({"X": first}) is reached
    assert given.reach({"X": first, "Y": 4}) is reached
