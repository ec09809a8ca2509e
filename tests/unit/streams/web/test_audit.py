"""What the page says of an audit, from what the command has printed."""

from streams.web.replica.audit import outcome


def test_what_differs_is_counted_and_the_first_of_it_named() -> None:
    assert outcome({"orders": 7, "differences": []}) == {"orders": 7, "differing": 0, "first": ""}
    first = {"instrument": "binance:XRPUSDT", "agent": "trading", "version": 3, "recorded": None, "replayed": "1:B NEW"}
    found = outcome({"orders": 7, "differences": [first, first | {"version": 4}]})
    assert found["differing"] == 2
    assert found["first"] == "binance:XRPUSDT, trading, version 3: recorded nothing, replayed 1:B NEW"
