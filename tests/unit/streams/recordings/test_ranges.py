"""Long columns in ranges of values: all rows, each once, about as many at a time as are wanted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import mapped
from streams.recordings import ranges
from streams.recordings.ranges import in_ranges
from streams.recordings.twice import among, any_among, repeated

values = st.lists(st.integers(0, 60) | st.integers(0, 2**63 - 1), max_size=60)


@given(values, st.integers(1, 8), st.integers(1, 8))
def test_ranges_have_all_rows_and_follow_one_another(numbers: list[int], at_once: int, part: int) -> None:
    column, rows = np.array(numbers, np.int64), np.arange(len(numbers))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "AT_ONCE", at_once)
        patch.setattr(mapped, "PART", part)
        found = list(in_ranges([rows, column], 1))
        assert repeated(column).tolist() == sorted({number for number in numbers if numbers.count(number) > 1})
    order = [row for some, _ in found for row in some.tolist()]
    assert sorted(order) == rows.tolist()
    assert all((column[some] == own).all() and (np.diff(some) > 0).all() for some, own in found)
    highest = [int(own.max()) for _, own in found]
    assert all(int(own.min()) > before for before, (_, own) in zip(highest, found[1:], strict=False))
    assert all(len(own) <= at_once or len(np.unique(own)) < len(own) for _, own in found)


@given(values, values)
def test_what_is_among_others(numbers: list[int], others: list[int]) -> None:
    wanted = np.unique(np.array(others, np.int64))
    found = among(np.array(numbers, np.int64), wanted).tolist()
    assert found == [number in set(others) for number in numbers]
    if numbers:
        lowest, highest = min(numbers), max(numbers)
        assert any_among(lowest, highest, wanted) == any(lowest <= other <= highest for other in others)
