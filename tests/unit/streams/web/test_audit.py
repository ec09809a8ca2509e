"""What the page says of an audit, from what the command has printed."""

from streams.web.replica.audit import lasting, outcome


def test_what_differs_is_counted_and_the_first_of_it_named() -> None:
    assert outcome({"orders": 7, "differences": []}) == {"orders": 7, "differing": 0, "first": ""}
    first = {"instrument": "binance:XRPUSDT", "agent": "trading", "version": 3, "recorded": None, "replayed": "1:B NEW"}
    found = outcome({"orders": 7, "differences": [first, first | {"version": 4}]})
    assert found["differing"] == 2
    assert found["first"] == "binance:XRPUSDT, trading, version 3: recorded nothing, replayed 1:B NEW"


def test_what_differs_only_while_decisions_are_on_their_way_is_no_difference() -> None:
    stays = {"instrument": "binance:XRPUSDT", "agent": "trading", "version": 3, "recorded": None, "replayed": "1:B NEW"}
    passes, comes = stays | {"version": 9}, stays | {"version": 9, "agent": "exchange"}
    before, now = {"orders": 7, "differences": [passes, stays]}, {"orders": 8, "differences": [stays, comes]}
    assert lasting(before, now) == {"orders": 8, "differences": [stays]}
    assert lasting(before, {"orders": 9, "differences": []}) == {"orders": 9, "differences": []}
