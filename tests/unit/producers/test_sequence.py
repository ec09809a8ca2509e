"""What trade ids tell, by instrument."""

import pytest

from producers.sequence import TradeIds

SECOND = 1_000_000
# id and second → what is wrong about it
IDS = [(10, 1, None), (11, 1, None), (13, 2, "X: 1 trades missing, id 12"), (13, 2, "X: trade id 13 after 13")]
IDS += [(12, 1, "X: trade id 12 after 13"), (14, 2, None), (20, 3, "X: 5 trades missing, ids 15 to 19")]
ANEW = [(5, 4, None), (6, 4, None), (5, 4, "X: trade id 5 after 6"), (20, 3, "X: 13 trades missing, ids 7 to 19")]


def test_trade_ids() -> None:
    ids = TradeIds()
    for trade_id, second, wrong in IDS:
        found = ids.observe("X", trade_id, second * SECOND)
        assert (found and str(found)) == wrong
    assert ids.observe("Y", 5, SECOND) is None
    ids.forget("X")
    assert ids.observe("X", 100, SECOND) is None


def test_ids_that_begin_anew_are_no_steps_back() -> None:
    ids = TradeIds()
    for trade_id, second, wrong in [(20, 3, None), *ANEW]:
        found = ids.observe("X", trade_id, second * SECOND)
        assert (found and str(found)) == wrong


@pytest.mark.parametrize(("second", "wrong"), [(60, "bitstamp:X: trade id 5 after 30"), (61, None)])
def test_where_ids_belong_to_all_instruments_they_begin_anew_a_minute_later(second: int, wrong: str | None) -> None:
    ids = TradeIds()
    assert ids.observe("bitstamp:X", 20, 0, contiguous=False) is None
    assert ids.observe("bitstamp:X", 30, 0, contiguous=False) is None
    found = ids.observe("bitstamp:X", 5, second * SECOND, contiguous=False)
    assert (found and str(found)) == wrong
