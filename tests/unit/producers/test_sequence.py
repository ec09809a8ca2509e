"""What trade ids tell, by instrument."""

from producers.sequence import TradeIds

# id → what is wrong about it
IDS = [(10, None), (11, None), (13, "X: 1 trades missing, id 12"), (13, "X: trade id 13 after 13")]
IDS += [(12, "X: trade id 12 after 13"), (14, None), (20, "X: 5 trades missing, ids 15 to 19")]


def test_trade_ids() -> None:
    ids = TradeIds()
    for trade_id, wrong in IDS:
        found = ids.observe("X", trade_id)
        assert (found and str(found)) == wrong
    assert ids.observe("Y", 5) is None
    ids.forget("X")
    assert ids.observe("X", 100) is None
